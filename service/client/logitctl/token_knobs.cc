#include "service/client/logitctl/token_knobs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

absl::StatusOr<TokenKnobs::Bias> ParseBias(const std::string& text) {
  // The last one: "=" is a word too.
  const std::size_t equals = text.rfind('=');
  TokenKnobs::Bias bias = {text.substr(0, equals), 0};
  if (equals == std::string::npos || bias.token.empty() ||
      !absl::SimpleAtod(text.substr(equals + 1), &bias.value)) {
    return UsageError(
        absl::StrCat("--logit-bias: \"", text, "\" is not TOKEN=NUMBER"));
  }
  return bias;
}

absl::Status SetTokens(const std::vector<std::string>& tokens,
                       const TokenResolver& resolve, std::string* field) {
  std::vector<std::uint32_t> ids;
  for (const std::string& token : tokens) {
    const auto id = resolve(token);
    if (!id.ok()) {
      return id.status();
    }
    ids.push_back(*id);
  }
  *field = client::PackIds(ids);
  return absl::OkStatus();
}

absl::Status SetBiases(const std::vector<TokenKnobs::Bias>& biases,
                       const TokenResolver& resolve,
                       v1::SamplingParams* params) {
  std::vector<std::string> tokens;
  for (const TokenKnobs::Bias& bias : biases) {
    tokens.push_back(bias.token);
    params->add_logit_bias_values(bias.value);
  }
  return SetTokens(tokens, resolve, params->mutable_logit_bias_ids());
}

}  // namespace

absl::StatusOr<std::uint32_t> ResolveId(absl::string_view token) {
  std::uint32_t id = 0;
  if (token.empty() ||
      !std::all_of(token.begin(), token.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(token, &id)) {
    return UsageError(absl::StrCat("\"", token, "\" is not a token id"));
  }
  return id;
}

absl::StatusOr<TokenKnobs> ParseTokenKnobs(const TokenTexts& texts) {
  TokenKnobs knobs;
  for (const std::string& text : texts.bias) {
    auto bias = ParseBias(text);
    if (!bias.ok()) {
      return bias.status();
    }
    knobs.bias.push_back(*std::move(bias));
  }
  knobs.ban = texts.ban;
  knobs.allow = texts.allow;
  knobs.stop_token = texts.stop_token;
  for (const std::string& text : texts.stop) {
    knobs.stop.push_back(absl::StrSplit(text, ' ', absl::SkipEmpty()));
    if (knobs.stop.back().empty()) {
      return UsageError("--stop: no token in an empty text");
    }
  }
  return knobs;
}

absl::Status SetTokenKnobs(const TokenKnobs& knobs,
                           const TokenResolver& resolve,
                           v1::SamplingParams* params) {
  absl::Status status = SetBiases(knobs.bias, resolve, params);
  const std::pair<const std::vector<std::string>*, std::string*> lists[] = {
      {&knobs.ban, params->mutable_banned_ids()},
      {&knobs.allow, params->mutable_allowed_ids()},
      {&knobs.stop_token, params->mutable_stop_ids()},
  };
  for (const auto& [tokens, field] : lists) {
    if (status.ok()) {
      status = SetTokens(*tokens, resolve, field);
    }
  }
  for (const std::vector<std::string>& tokens : knobs.stop) {
    if (status.ok()) {
      status = SetTokens(tokens, resolve,
                         params->add_stop_sequences()->mutable_tokens());
    }
  }
  return status;
}

}  // namespace logitd::logitctl
