// logitctl generate: text from the demo model through the service.

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/generate_output.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/receipt_file.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/usage.h"
#include "service/client/logitctl/worker.h"

namespace logitd::logitctl {
namespace {

constexpr std::uint32_t kTextsMax = 64;

struct GenerateFlags {
  WorkerFlags worker;
  std::uint32_t n = 1;
  bool json = false;
  bool show_numbers = false;
  bool show_phases = false;
  bool quiet = false;
  std::string receipt;    // A file to write; empty: none.
  std::string save_rows;  // The same.

  Show show() const {
    if (json) {
      return Show::kJson;
    }
    if (show_numbers) {
      return Show::kNumbers;
    }
    return show_phases ? Show::kPhases : Show::kText;
  }
};

constexpr char kAbout[] =
    "Writes text: the demo language model gives a row of logits for each word, "
    "the server chooses the word.\nstdout gets the text as it comes, stderr "
    "the knobs that the profile overruled, the tokens per second, seed and "
    "fingerprint.";

constexpr char kExamples[] = R"(Examples:
  logitctl generate --temperature 0
      the likeliest word every time: always the same text
  logitctl generate --seed 42 --top-p 0.9
      a text of chance that seed 42 gives again, anywhere
  logitctl generate --prompt "i want to" --min-p 0.05 --repetition-penalty 1.3
  logitctl generate --seed 42 --logit-bias president=4 --ban the --stop "of a"
  logitctl generate --seed 42 --n 3 --max-tokens 20
      three texts of one prompt, drawn apart by forks of one session
  logitctl generate --seed 42 --show-numbers
      log-probability of each word, and among how many it was drawn
  logitctl generate --seed 42 --profile agent --ignore-eos --show-phases
      where the profile's phases switch
  logitctl generate --seed 42 --receipt receipt.json --save-rows rows.npy
      and later: logitctl replay receipt.json rows.npy
)";

Order MakeOrder(const Worker& worker, const GenerateFlags& flags) {
  Order order = worker.blank_order();
  order.keep_rows = !flags.save_rows.empty();
  order.sessions.push_back(worker.blank_session());
  order.sessions.back().set_receipt(!flags.receipt.empty());
  const std::uint64_t parent = worker.blank_session().session_id();
  for (std::uint32_t index = 1; index < flags.n; ++index) {
    v1::ForkSession fork;
    fork.set_parent_session_id(parent);
    fork.set_child_session_id(parent + index);
    fork.set_index(index);
    order.forks.push_back(std::move(fork));
  }
  return order;
}

// For before connecting.
absl::Status CheckFiles(const GenerateFlags& flags) {
  const bool any = !flags.receipt.empty() || !flags.save_rows.empty();
  if (any && flags.n > 1) {
    return UsageError("--receipt and --save-rows are of one text: without --n");
  }
  if (!flags.save_rows.empty() && flags.worker.dtype == "bfloat16") {
    return UsageError(
        "--save-rows: a .npy file holds no bfloat16; --dtype float32 or "
        "float16");
  }
  return absl::OkStatus();
}

absl::Status SaveFiles(const GenerateFlags& flags, const Worker& worker,
                       Generated* generated) {
  const Text& text = generated->texts.front();
  absl::Status status;
  if (!flags.receipt.empty()) {
    status.Update(WriteReceipt(text.closed, flags.receipt));
  }
  if (!flags.save_rows.empty()) {
    NpyRows rows = {worker.blank_order().dtype,
                    static_cast<std::uint32_t>(text.tokens.size()),
                    worker.vocabulary().size(), std::move(generated->rows)};
    status.Update(WriteFile(flags.save_rows, FormatNpy(rows)));
  }
  return status;
}

absl::Status RunGenerate(const GenerateFlags& flags) {
  if (absl::Status status = CheckFiles(flags); !status.ok()) {
    return status;
  }
  auto worker = Worker::Connect(flags.worker);
  if (!worker.ok()) {
    return worker.status();
  }
  const Vocabulary& vocabulary = worker->vocabulary();
  const std::vector<std::uint32_t>& prompt = worker->blank_order().prompt;
  const OnToken print = Streaming(flags.show(), vocabulary, prompt);
  bool has_text = false;
  auto generated = worker->Run(MakeOrder(*worker, flags),
                               [&](std::size_t index, const Text& text) {
                                 has_text = true;
                                 print(index, text);
                               });
  if (has_text) {
    EndText(flags.show());  // Also of one that was cut off.
  }
  if (!generated.ok()) {
    return HintProfile(flags.worker.server, flags.worker.profile,
                       generated.status());
  }
  if (flags.json) {
    PrintJson(vocabulary, flags.worker.prompt, *generated);
  } else {
    PrintRest(flags.show(), vocabulary, prompt, *generated);
  }
  PrintOverruled(worker->asked(), generated->texts.front().opened);
  if (!flags.json && !flags.quiet) {
    PrintSummary(*generated);
  }
  return SaveFiles(flags, *worker, &*generated);
}

}  // namespace

void AddGenerate(CLI::App* app, Command* command) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* generate = app->add_subcommand("generate", kAbout);
  CLI::Option* n = generate->add_option(
      "--n", flags->n,
      absl::StrCat("How many texts of this prompt, at most ", kTextsMax));
  n->type_name("N")->capture_default_str();
  TakeWholeNumbers(1, kTextsMax, n);
  CLI::Option* numbers = generate->add_flag(
      "--show-numbers", flags->show_numbers,
      "A line for each token: word, natural log of its final probability, how "
      "many tokens it was drawn from, and the phase if there are any");
  CLI::Option* phases = generate->add_flag(
      "--show-phases", flags->show_phases,
      "A line for each stretch of words drawn in one phase, its name first");
  CLI::Option* json =
      generate->add_flag("--json", flags->json, "One JSON object, at the end");
  numbers->excludes(phases)->excludes(json);
  phases->excludes(json);
  generate
      ->add_option(
          "--receipt", flags->receipt,
          "Also writes a receipt, from which `logitctl replay` derives "
          "the tokens again")
      ->type_name("FILE");
  generate
      ->add_option("--save-rows", flags->save_rows,
                   "Also writes the rows of logits: what the receipt's tokens "
                   "were drawn from")
      ->type_name("FILE.npy");
  generate->add_flag("--quiet", flags->quiet, "No numbers on stderr");
  flags->worker.AddTo(generate);
  generate->footer(kExamples);
  generate->callback(
      [flags, command] { *command = [flags] { return RunGenerate(*flags); }; });
}

}  // namespace logitd::logitctl
