#include "service/client/logitctl/generate_output.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/json.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

const std::string& PhaseOf(const Text& text, const Token& token) {
  return text.phases.at(token.phase);
}

// Prints one text, token by token.
class Printer {
 public:
  Printer(Show show, const Vocabulary* vocabulary)
      : show_(show), vocabulary_(vocabulary), writer_(vocabulary) {}

  void Prompt(const std::vector<std::uint32_t>& prompt) {
    for (const std::uint32_t id : prompt) {
      if (show_ == Show::kText) {
        absl::PrintF("%s", writer_.Next(id));
      } else if (show_ == Show::kPhases) {
        NextOf("(prompt)", id);
      }
    }
  }

  void Next(const Text& text, const Token& token) {
    if (show_ == Show::kText) {
      absl::PrintF("%s", writer_.Next(token.id));
    } else if (show_ == Show::kPhases) {
      NextOf(PhaseOf(text, token), token.id);
    } else if (show_ == Show::kNumbers) {
      absl::PrintF("%s\t%.6f\t%u", vocabulary_->Word(token.id),
                   token.final_logprob, token.kept);
      // A column that says nothing is left out.
      absl::PrintF("%s%s\n", text.phases.size() > 1 ? "\t" : "",
                   text.phases.size() > 1 ? PhaseOf(text, token) : "");
    }
  }

 private:
  // A line for each stretch; the words that switch stand where they are.
  void NextOf(const std::string& stretch, std::uint32_t id) {
    if (stretch != stretch_) {
      absl::PrintF("%s%s:", stretch_.empty() ? "" : "\n", stretch);
      stretch_ = stretch;
    }
    absl::PrintF(" %s", vocabulary_->Word(id));
  }

  const Show show_;
  const Vocabulary* const vocabulary_;
  TextWriter writer_;
  std::string stretch_;
};

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

std::string TokenJson(const Vocabulary& vocabulary, const Text& text,
                      const Token& token) {
  std::vector<std::pair<std::string, std::string>> members = {
      {"id", absl::StrCat(token.id)},
      {"word", JsonString(vocabulary.Word(token.id))},
      {"final_logprob", JsonNumber(token.final_logprob)},
      {"kept", absl::StrCat(token.kept)}};
  if (text.phases.size() > 1) {
    members.emplace_back("phase", JsonString(PhaseOf(text, token)));
  }
  return JsonObject(members);
}

std::string TextJson(const Vocabulary& vocabulary, const Text& text) {
  std::vector<std::string> tokens;
  tokens.reserve(text.tokens.size());
  for (const Token& token : text.tokens) {
    tokens.push_back(TokenJson(vocabulary, text, token));
  }
  // A seed is 64 bits: a string, as in Protobuf's JSON.
  return JsonObject(
      {{"text", JsonString(TextOf(vocabulary, text.Ids()))},
       {"tokens", JsonArray(tokens)},
       {"finish_reason", JsonString(client::FinishName(text.finish_reason))},
       {"seed", JsonString(absl::StrCat(text.seed))},
       {"fingerprint", JsonString(text.fingerprint)},
       {"profile_revision", JsonString(text.profile)}});
}

}  // namespace

OnToken Streaming(Show show, const Vocabulary& vocabulary,
                  const std::vector<std::uint32_t>& prompt) {
  auto printer = std::make_shared<Printer>(show, &vocabulary);
  return [printer, &prompt](std::size_t index, const Text& text) {
    if (index != 0) {
      return;
    }
    if (text.tokens.size() == 1) {
      printer->Prompt(prompt);
    }
    printer->Next(text, text.tokens.back());
    std::fflush(stdout);
  };
}

void EndText(Show show) {
  if (show == Show::kText || show == Show::kPhases) {
    absl::PrintF("\n");
  }
  std::fflush(stdout);
}

void PrintRest(Show show, const Vocabulary& vocabulary,
               const std::vector<std::uint32_t>& prompt,
               const Generated& generated) {
  for (std::size_t i = 1; i < generated.texts.size(); ++i) {
    const Text& text = generated.texts[i];
    absl::PrintF("--\n");
    Printer printer(show, &vocabulary);
    printer.Prompt(prompt);
    for (const Token& token : text.tokens) {
      printer.Next(text, token);
    }
    EndText(show);
  }
}

void PrintJson(const Vocabulary& vocabulary, const std::string& prompt,
               const Generated& generated) {
  std::vector<std::string> texts;
  texts.reserve(generated.texts.size());
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
  std::fflush(stdout);
}

void PrintSummary(const Generated& generated) {
  absl::FPrintF(stderr,
                "# %u tokens, %.0f tokens/s (model %.3f s, service %.3f s)\n",
                TokenCount(generated), TokensPerSecond(generated),
                absl::ToDoubleSeconds(generated.model_time),
                absl::ToDoubleSeconds(generated.service_time));
  for (const Text& text : generated.texts) {
    absl::FPrintF(stderr, "# finish %s, seed %u, fingerprint %s%s%s\n",
                  client::FinishName(text.finish_reason), text.seed,
                  text.fingerprint, text.profile.empty() ? "" : ", ",
                  text.profile);
  }
}

}  // namespace logitd::logitctl
