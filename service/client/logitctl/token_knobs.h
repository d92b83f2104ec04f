// The knobs of logitd.v1.SamplingParams that name tokens. What is wrong with
// them as they are written is told without a vocabulary; which ids they mean is
// not. Threads: free functions. Cost: O(tokens named).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_TOKEN_KNOBS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_TOKEN_KNOBS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/params.pb.h"

namespace logitd::logitctl {

// What a token is called on the command line -> its id.
using TokenResolver =
    std::function<absl::StatusOr<std::uint32_t>(absl::string_view)>;

// Only digits: an id. For rows whose vocabulary logitctl does not know.
absl::StatusOr<std::uint32_t> ResolveId(absl::string_view token);

// As they stand on the command line.
struct TokenTexts {
  std::vector<std::string> bias;        // TOKEN=VALUE
  std::vector<std::string> ban;         // TOKEN
  std::vector<std::string> allow;       // TOKEN
  std::vector<std::string> stop_token;  // TOKEN
  std::vector<std::string> stop;        // TOKEN TOKEN...
};

// The same, taken apart; tokens still by name.
struct TokenKnobs {
  struct Bias {
    std::string token;
    double value;
  };
  std::vector<Bias> bias;
  std::vector<std::string> ban;
  std::vector<std::string> allow;
  std::vector<std::string> stop_token;
  std::vector<std::vector<std::string>> stop;
};

// What is not written as it must be is a usage error.
absl::StatusOr<TokenKnobs> ParseTokenKnobs(const TokenTexts& texts);

// Sets those of `knobs` that are not empty; what does not resolve is a usage
// error.
absl::Status SetTokenKnobs(const TokenKnobs& knobs,
                           const TokenResolver& resolve,
                           v1::SamplingParams* params);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_TOKEN_KNOBS_H_
