// logitctl generate: text from the demo model through the service.
// Words go to stdout as they come, the numbers of the run to stderr.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/usage.h"
#include "service/client/logitctl/worker.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

constexpr std::uint32_t kTextsMax = 64;

struct GenerateFlags {
  WorkerFlags worker;
  std::uint32_t n = 1;
  bool json = false;
  bool show_numbers = false;
  bool quiet = false;
};

constexpr char kAbout[] =
    "Writes text: the demo language model gives a row of logits for each word, "
    "the server chooses the word.\nstdout gets the text as it comes, stderr "
    "the tokens per second, seed and fingerprint.";

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
)";

Order MakeOrder(const Worker& worker, std::uint32_t n) {
  Order order = worker.blank_order();
  order.sessions.push_back(worker.blank_session());
  const std::uint64_t parent = worker.blank_session().session_id();
  for (std::uint32_t index = 1; index < n; ++index) {
    v1::ForkSession fork;
    fork.set_parent_session_id(parent);
    fork.set_child_session_id(parent + index);
    fork.set_index(index);
    order.forks.push_back(std::move(fork));
  }
  return order;
}

void PrintNumbers(const Vocabulary& vocabulary, const Token& token) {
  absl::PrintF("%s\t%.6f\t%u\n", vocabulary.Word(token.id), token.final_logprob,
               token.kept);
}

// Prints the first text while it grows. The prompt waits for the first token,
// so that a refusal leaves stdout empty.
OnToken Streaming(const GenerateFlags& flags, const Vocabulary& vocabulary,
                  const std::vector<std::uint32_t>& prompt) {
  return [&, unprinted = prompt, writer = TextWriter(&vocabulary)](
             std::size_t index, const Token& token) mutable {
    if (flags.json || index != 0) {
      return;
    }
    if (flags.show_numbers) {
      PrintNumbers(vocabulary, token);
    } else {
      unprinted.push_back(token.id);
      for (const std::uint32_t id : unprinted) {
        absl::PrintF("%s", writer.Next(id));
      }
      unprinted.clear();
    }
    std::fflush(stdout);
  };
}

// The first text is out already.
void PrintRest(const GenerateFlags& flags, const Vocabulary& vocabulary,
               const std::vector<std::uint32_t>& prompt,
               const Generated& generated) {
  if (!flags.show_numbers) {
    absl::PrintF("\n");
  }
  for (std::size_t i = 1; i < generated.texts.size(); ++i) {
    absl::PrintF("--\n");
    if (flags.show_numbers) {
      for (const Token& token : generated.texts[i].tokens) {
        PrintNumbers(vocabulary, token);
      }
      continue;
    }
    std::vector<std::uint32_t> ids = prompt;
    const std::vector<std::uint32_t> text = generated.texts[i].Ids();
    ids.insert(ids.end(), text.begin(), text.end());
    absl::PrintF("%s\n", TextOf(vocabulary, ids));
  }
}

std::size_t TokenCount(const Generated& generated) {
  std::size_t count = 0;
  for (const Text& text : generated.texts) {
    count += text.tokens.size();
  }
  return count;
}

double TokensPerSecond(const Generated& generated) {
  return static_cast<double>(TokenCount(generated)) /
         absl::ToDoubleSeconds(generated.model_time + generated.service_time);
}

void PrintSummary(const Generated& generated) {
  absl::FPrintF(stderr,
                "# %u tokens, %.0f tokens/s (model %.3f s, service %.3f s)\n",
                TokenCount(generated), TokensPerSecond(generated),
                absl::ToDoubleSeconds(generated.model_time),
                absl::ToDoubleSeconds(generated.service_time));
  for (const Text& text : generated.texts) {
    absl::FPrintF(stderr, "# finish %s, seed %u, fingerprint %s\n",
                  client::FinishName(text.finish_reason), text.seed,
                  text.fingerprint);
  }
}

std::string TextJson(const Vocabulary& vocabulary, const Text& text) {
  std::vector<std::string> tokens;
  for (const Token& token : text.tokens) {
    tokens.push_back(
        JsonObject({{"id", absl::StrCat(token.id)},
                    {"word", JsonString(vocabulary.Word(token.id))},
                    {"final_logprob", JsonNumber(token.final_logprob)},
                    {"kept", absl::StrCat(token.kept)}}));
  }
  // A seed is 64 bits: a string, as in Protobuf's JSON.
  return JsonObject(
      {{"text", JsonString(TextOf(vocabulary, text.Ids()))},
       {"tokens", JsonArray(tokens)},
       {"finish_reason", JsonString(client::FinishName(text.finish_reason))},
       {"seed", JsonString(absl::StrCat(text.seed))},
       {"fingerprint", JsonString(text.fingerprint)}});
}

void PrintJson(const Vocabulary& vocabulary, const std::string& prompt,
               const Generated& generated) {
  std::vector<std::string> texts;
  for (const Text& text : generated.texts) {
    texts.push_back(TextJson(vocabulary, text));
  }
  absl::PrintF(
      "%s\n",
      JsonObject({{"prompt", JsonString(prompt)},
                  {"texts", JsonArray(texts)},
                  {"tokens_per_second", JsonNumber(TokensPerSecond(generated))},
                  {"model_seconds",
                   JsonNumber(absl::ToDoubleSeconds(generated.model_time))},
                  {"service_seconds",
                   JsonNumber(absl::ToDoubleSeconds(generated.service_time))},
                  {"row_bytes", absl::StrCat(generated.row_bytes)}}));
}

absl::Status RunGenerate(const GenerateFlags& flags) {
  const auto knobs = flags.worker.knobs.Parse();
  if (!knobs.ok()) {
    return knobs.status();
  }
  auto worker = Worker::Connect(flags.worker, *knobs);
  if (!worker.ok()) {
    return worker.status();
  }
  const Vocabulary& vocabulary = worker->vocabulary();
  const std::vector<std::uint32_t>& prompt = worker->blank_order().prompt;
  const auto generated = worker->Run(MakeOrder(*worker, flags.n),
                                     Streaming(flags, vocabulary, prompt));
  if (!generated.ok()) {
    return generated.status();
  }
  if (flags.json) {
    PrintJson(vocabulary, flags.worker.prompt, *generated);
    return absl::OkStatus();
  }
  PrintRest(flags, vocabulary, prompt, *generated);
  if (!flags.quiet) {
    PrintSummary(*generated);
  }
  return absl::OkStatus();
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
  generate->add_flag("--show-numbers", flags->show_numbers,
                     "A line for each token: word, natural log of its final "
                     "probability, how many tokens it was drawn from");
  generate->add_flag("--json", flags->json, "One JSON object, at the end");
  generate->add_flag("--quiet", flags->quiet, "No numbers on stderr");
  flags->worker.AddTo(generate);
  generate->footer(kExamples);
  generate->callback(
      [flags, command] { *command = [flags] { return RunGenerate(*flags); }; });
}

}  // namespace logitd::logitctl
