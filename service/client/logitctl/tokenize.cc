// logitctl tokenize: the ids of words, as profiles and flags take them.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/demo_model.h"

namespace logitd::logitctl {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

struct TokenizeFlags {
  ModelFlags model;
  std::vector<std::string> words;
};

absl::Status RunTokenize(const TokenizeFlags& flags) {
  const auto model = DemoModel::Connect(flags.model.target, kTimeout);
  if (!model.ok()) {
    return model.status();
  }
  std::vector<std::uint32_t> ids;
  for (const std::string& word : flags.words) {
    const auto id = (*model)->vocabulary().Resolve(word);
    if (!id.ok()) {
      return id.status();
    }
    ids.push_back(*id);
  }
  absl::PrintF("[%s]\n", absl::StrJoin(ids, ", "));
  return absl::OkStatus();
}

}  // namespace

void AddTokenize(CLI::App* app, Command* command) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* tokenize = app->add_subcommand(
      "tokenize",
      "The ids of words of the demo model, as a profile takes them: tokens of "
      "triggers and stops.");
  tokenize->add_option("WORD", flags->words, "Words, or </s> for the end token")
      ->required();
  flags->model.AddTo(tokenize);
  tokenize->footer(
      "Examples:\n  logitctl tokenize thank you\n"
      "  logitctl tokenize '</s>'\n");
  tokenize->callback(
      [flags, command] { *command = [flags] { return RunTokenize(*flags); }; });
}

}  // namespace logitd::logitctl
