// logitctl sweep: one knob over several values with the same noise, as one
// batch of sessions on one stream, texts side by side.

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/knobs.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/row_question.h"
#include "service/client/logitctl/side_by_side.h"
#include "service/client/logitctl/usage.h"
#include "service/client/logitctl/worker.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

constexpr std::size_t kValuesMax = 64;
constexpr std::size_t kDefaultWidth = 100;

struct SweepFlags {
  RowFlags row;
  std::string knob;
  std::vector<std::string> values;
  std::optional<double> from;
  std::optional<double> to;
  std::uint32_t count = 11;
  std::string output = "text";

  const WorkerFlags& worker() const { return row.worker; }
};

constexpr char kAbout[] =
    "Shows what one knob does: the same prompt and the same noise, one text "
    "for "
    "each value. All of them run as one batch on one stream.\nUnder each text: "
    "how many tokens it has in common with the text before it, counted from "
    "the start, the mean entropy of its draws in nats, and the share of its "
    "tokens that complete three in a row which it already had. Where the "
    "profile overrules a value, the title has both.\nWith --from and --to "
    "in place of --values: the next token alone, on one row, at values "
    "between, "
    "and all flips: the values from which another token is drawn.";

constexpr char kExamples[] = R"(Examples:
  logitctl sweep --knob temperature --values 0,0.3,0.7,1,1.5 --seed 42
      from the safe text to the wild one; small steps change few words
  logitctl sweep --knob top_p --values 0.3,0.7,1 --seed 42
  logitctl sweep --knob repetition_penalty --values 1,1.2,2 --temperature 0
      a knob that matters most where nothing is left to chance
  logitctl sweep --knob temperature --from 0 --to 2 --prompt "thank you"
      at which temperatures the next word changes, to the last digit
)";

// All sessions of a sweep need one seed, so the client has to make it.
std::uint64_t NewSeed() {
  std::uint64_t seed = 0;
  return getentropy(&seed, sizeof(seed)) == 0 ? seed : 1;
}

std::size_t PageWidth() {
  winsize window = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
    return window.ws_col;
  }
  std::size_t width = 0;
  const char* const columns = std::getenv("COLUMNS");
  return columns != nullptr && absl::SimpleAtoi(columns, &width)
             ? width
             : kDefaultWidth;
}

// What each text has of its own: the knob, and nothing else.
absl::StatusOr<std::vector<v1::SamplingParams>> ParseValues(
    const SweepFlags& flags) {
  if (flags.values.size() > kValuesMax) {
    return UsageError(absl::StrCat("--values: ", flags.values.size(),
                                   " is more than ", kValuesMax));
  }
  std::vector<v1::SamplingParams> changes(flags.values.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    absl::Status status = SetKnob(flags.knob, flags.values[i], &changes[i]);
    if (!status.ok()) {
      return status;
    }
  }
  return changes;
}

Order MakeOrder(const std::vector<v1::SamplingParams>& changes,
                const Worker& worker) {
  Order order = worker.blank_order();
  const std::uint64_t seed = worker.blank_session().has_seed()
                                 ? worker.blank_session().seed()
                                 : NewSeed();
  for (const v1::SamplingParams& change : changes) {
    v1::OpenSession open = worker.blank_session();
    open.set_session_id(order.sessions.size() + 1);
    open.set_seed(seed);
    open.mutable_report()->set_entropy(true);
    open.mutable_params()->MergeFrom(change);
    order.sessions.push_back(std::move(open));
  }
  return order;
}

// "temperature 1.9 (used 1)", should a profile limit it.
std::string Title(const SweepFlags& flags, const std::string& value,
                  const v1::SamplingParams& change, const Text& text) {
  const std::vector<Overruled> overruled = OverruledInBase(change, text.opened);
  return absl::StrCat(
      flags.knob, " ", value,
      overruled.empty() ? "" : absl::StrCat(" (used ", overruled[0].used, ")"));
}

// Each thing once, though all texts tell it.
void PrintOverruledOnce(const Worker& worker,
                        const std::vector<v1::SamplingParams>& changes,
                        const Generated& generated) {
  std::set<std::string> told;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    v1::SamplingParams asked = worker.asked();
    asked.MergeFrom(changes[i]);
    for (const std::string& text :
         OverruledTexts(asked, generated.texts[i].opened)) {
      if (told.insert(text).second) {
        absl::FPrintF(stderr, "%s\n", text);
      }
    }
  }
}

double MeanEntropy(const Text& text) {
  double sum = 0;
  for (const Token& token : text.tokens) {
    sum += token.entropy;
  }
  return text.tokens.empty() ? 0
                             : sum / static_cast<double>(text.tokens.size());
}

std::vector<Column> Columns(const SweepFlags& flags,
                            const std::vector<v1::SamplingParams>& changes,
                            const Vocabulary& vocabulary,
                            const std::vector<std::uint32_t>& prompt,
                            const Generated& generated) {
  std::vector<Column> columns;
  std::vector<std::uint32_t> before;
  for (std::size_t i = 0; i < generated.texts.size(); ++i) {
    const Text& text = generated.texts[i];
    const std::vector<std::uint32_t> ids = text.Ids();
    std::vector<std::uint32_t> all = prompt;
    all.insert(all.end(), ids.begin(), ids.end());
    Column column;
    column.title = Title(flags, flags.values[i], changes[i], text);
    column.text = TextOf(vocabulary, all);
    column.notes.push_back(absl::StrCat(
        ids.size(), " tokens, ", client::FinishName(text.finish_reason)));
    column.notes.push_back(absl::StrFormat("entropy %.2f", MeanEntropy(text)));
    column.notes.push_back(
        absl::StrFormat("repeats %.1f%%", 100 * RepeatShare(ids)));
    if (i > 0) {
      column.notes.push_back(absl::StrCat("first ", SharedTokens(before, ids),
                                          " as at ", flags.values[i - 1]));
    }
    columns.push_back(std::move(column));
    before = ids;
  }
  return columns;
}

std::string TextsJson(const SweepFlags& flags, const Vocabulary& vocabulary,
                      const Generated& generated) {
  std::vector<std::string> texts;
  std::vector<std::uint32_t> before;
  for (std::size_t i = 0; i < generated.texts.size(); ++i) {
    const Text& text = generated.texts[i];
    const std::vector<std::uint32_t> ids = text.Ids();
    texts.push_back(JsonObject(
        {{"value", JsonString(flags.values[i])},
         {"text", JsonString(TextOf(vocabulary, ids))},
         {"ids", absl::StrCat("[", absl::StrJoin(ids, ", "), "]")},
         {"finish_reason", JsonString(client::FinishName(text.finish_reason))},
         {"fingerprint", JsonString(text.fingerprint)},
         {"entropy", JsonNumber(MeanEntropy(text))},
         {"repeats", JsonNumber(RepeatShare(ids))},
         {"shared_with_previous",
          i == 0 ? "null" : absl::StrCat(SharedTokens(before, ids))}}));
    before = ids;
  }
  return absl::StrCat(
      JsonObject(
          {{"knob", JsonString(flags.knob)},
           {"seed", JsonString(absl::StrCat(generated.texts.front().seed))},
           {"texts", JsonArray(texts)}}),
      "\n");
}

// The next token alone.
absl::Status SweepRow(const SweepFlags& flags) {
  const auto knob = KnobField(flags.knob);
  if (!knob.ok()) {
    return knob.status();
  }
  auto question = RowQuestion::Make(flags.row);
  if (!question.ok()) {
    return question.status();
  }
  v1::Sweep* sweep = question->request().mutable_sweep();
  sweep->set_knob(*knob);
  sweep->set_from(*flags.from);
  sweep->set_to(*flags.to);
  sweep->set_value_count(flags.count);
  const auto answer = question->Ask();
  if (!answer.ok()) {
    return answer.status();
  }
  const auto print = flags.output == "json" ? SweptJson : SweptText;
  absl::PrintF("%s", print(*knob, answer->sweep(), question->word_of()));
  PrintOverruled(question->asked(), answer->opened());
  absl::FPrintF(stderr, "# seed %u, position %u\n", answer->opened().seed(),
                answer->position());
  return absl::OkStatus();
}

absl::Status SweepTexts(const SweepFlags& flags) {
  const auto changes = ParseValues(flags);
  if (!changes.ok()) {
    return changes.status();
  }
  auto worker = Worker::Connect(flags.worker());
  if (!worker.ok()) {
    return worker.status();
  }
  const Order order = MakeOrder(*changes, *worker);
  const auto generated = worker->Run(order, [](std::size_t, const Text&) {});
  if (!generated.ok()) {
    return HintProfile(flags.worker().server, flags.worker().profile,
                       generated.status());
  }
  absl::PrintF("%s",
               flags.output == "json"
                   ? TextsJson(flags, worker->vocabulary(), *generated)
                   : SideBySide(Columns(flags, *changes, worker->vocabulary(),
                                        order.prompt, *generated),
                                PageWidth()));
  PrintOverruledOnce(*worker, *changes, *generated);
  absl::FPrintF(stderr, "# seed %u for all, model %.3f s, service %.3f s\n",
                generated->texts.front().seed,
                absl::ToDoubleSeconds(generated->model_time),
                absl::ToDoubleSeconds(generated->service_time));
  return absl::OkStatus();
}

absl::Status RunSweep(const SweepFlags& flags) {
  if (flags.from.has_value() != flags.to.has_value() ||
      flags.from.has_value() != flags.values.empty()) {
    return UsageError(
        "either --values, for texts, or --from and --to, for the next token");
  }
  if (flags.from.has_value()) {
    return SweepRow(flags);
  }
  if (!flags.row.rows.empty()) {
    return UsageError("--rows: only with --from and --to");
  }
  return SweepTexts(flags);
}

}  // namespace

void AddSweep(CLI::App* app, Command* command) {
  auto flags = std::make_shared<SweepFlags>();
  CLI::App* sweep = app->add_subcommand("sweep", kAbout);
  sweep
      ->add_option("--knob", flags->knob,
                   "The knob, by its field name: temperature, top_p, ...")
      ->type_name("KNOB")
      ->required();
  sweep
      ->add_option("--values", flags->values, "Its values, with commas between")
      ->type_name("V,V,...")
      ->delimiter(',');
  sweep->add_option("--from", flags->from, "The least value of a range")
      ->type_name("V");
  sweep->add_option("--to", flags->to, "The largest")->type_name("V");
  TakeWholeNumbers(2, 1024,
                   sweep
                       ->add_option("--count", flags->count,
                                    "How many values of the range to show")
                       ->type_name("N")
                       ->capture_default_str());
  sweep->add_option("-o,--output", flags->output, "How it is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  flags->row.AddTo(sweep);
  sweep->footer(kExamples);
  sweep->callback(
      [flags, command] { *command = [flags] { return RunSweep(*flags); }; });
}

}  // namespace logitd::logitctl
