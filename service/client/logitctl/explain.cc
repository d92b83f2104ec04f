// logitctl explain: why this token? One row, stage by stage.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/explained_text.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/row_question.h"
#include "service/client/logitctl/usage.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

struct ExplainFlags {
  RowFlags row;
  std::vector<std::string> tokens;
  std::uint32_t top = 8;
  std::string output = "text";
};

constexpr char kAbout[] =
    "Says why the next token is what it is: what each stage did to the row "
    "behind the prompt, in the sampler's own numbers, the distribution before "
    "and after, and which level set each knob.\nThe token is the one that "
    "generate would draw there with the same knobs and seed.";

constexpr char kExamples[] = R"(Examples:
  logitctl explain --prompt "i want to" --seed 42 --temperature 0.7 --top-p 0.9
      how many words each stage removes, and what that does to the best
  logitctl explain --prompt "thank you" --seed 42 --repetition-penalty 1.5
      --tokens you,very
      what the penalty did to two words
  logitctl explain --rows rows.npy --row 2 --seed 7 --min-p 0.05
      a row of another model; tokens are ids
  logitctl explain --prompt "i want to" --seed 42 -o json
      everything, with the noise of each token
)";

// The tokens that the last stage tells of are asked for again: then all stages
// tell of them.
absl::StatusOr<v1::ExplainResponse> AskTwice(
    const ExplainFlags& flags, const std::vector<std::uint32_t>& asked,
    RowQuestion* question) {
  v1::ExplainRequest& request = question->request();
  request.set_top_n(flags.top);
  request.set_ids(client::PackIds(asked));
  auto first = question->Ask();
  if (!first.ok() || first->stages_size() == 0) {
    return first;
  }
  // A seed that the server made is the seed of both.
  request.mutable_open()->set_seed(first->opened().seed());
  std::vector<std::uint32_t> ids = asked;
  const auto last = client::UnpackIds(first->stages().rbegin()->ids());
  if (last.ok()) {
    ids.insert(ids.end(), last->begin(), last->end());
  }
  ids.push_back(first->outcome().token(0));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  request.set_ids(client::PackIds(ids));
  return question->Ask();
}

absl::Status RunExplain(const ExplainFlags& flags) {
  auto question = RowQuestion::Make(flags.row);
  if (!question.ok()) {
    return question.status();
  }
  std::vector<std::uint32_t> asked;
  for (const std::string& token : flags.tokens) {
    const auto id = question->Resolve(token);
    if (!id.ok()) {
      return id.status();
    }
    asked.push_back(*id);
  }
  const auto answer = AskTwice(flags, asked, &*question);
  if (!answer.ok()) {
    return answer.status();
  }
  absl::PrintF("%s", flags.output == "json"
                         ? ExplainedJson(*answer, question->word_of())
                         : ExplainedText(*answer, asked, question->word_of()));
  PrintOverruled(question->asked(), answer->opened());
  return absl::OkStatus();
}

}  // namespace

void AddExplain(CLI::App* app, Command* command) {
  constexpr std::uint32_t kTopMax = 32;
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* explain = app->add_subcommand("explain", kAbout);
  explain
      ->add_option("--tokens", flags->tokens,
                   "Tokens to follow through the stages, with commas between")
      ->type_name("WORD|ID,...")
      ->delimiter(',');
  TakeWholeNumbers(
      1, kTopMax,
      explain->add_option("--top", flags->top, "How many of the best to show")
          ->type_name("N")
          ->capture_default_str());
  explain->add_option("-o,--output", flags->output, "How it is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  flags->row.AddTo(explain);
  explain->footer(kExamples);
  explain->callback(
      [flags, command] { *command = [flags] { return RunExplain(*flags); }; });
}

}  // namespace logitd::logitctl
