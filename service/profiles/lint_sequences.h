// Token sequences that switch or stop, as the linter's rules read them. Pure;
// thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_LINT_SEQUENCES_H_
#define LOGITD_SERVICE_PROFILES_LINT_SEQUENCES_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "logitd/v1/params.pb.h"
#include "sampler/params.h"
#include "service/convert_params.h"

namespace logitd {

using Tokens = absl::Span<const uint32_t>;

// Bytes that are no whole ids are told of elsewhere: none.
inline TokenIds IdsIn(const std::string& bytes) {
  return ReadIds("", bytes).value_or(TokenIds());
}

inline TokenIds IdsIn(const v1::TokenSequence& sequence) {
  return IdsIn(sequence.tokens());
}

inline bool EndsWith(Tokens tokens, const TokenIds& end) {
  return !end.empty() && end.size() <= tokens.size() &&
         tokens.last(end.size()) == Tokens(end);
}

// A history that ends with these tokens may end with `end` too.
inline bool MayEndWith(Tokens tokens, Tokens end) {
  const size_t both = std::min(tokens.size(), end.size());
  return tokens.last(both) == end.last(both);
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_LINT_SEQUENCES_H_
