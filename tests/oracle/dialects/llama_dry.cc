#include "tests/oracle/dialects/llama_dry.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tests/oracle/dialects/bans.h"

namespace logitd::dialects {
namespace {

// Whether the breaker stands in `tokens` from `at` on.
bool StandsAt(const Ids& tokens, size_t at, const Ids& breaker) {
  return at + breaker.size() <= tokens.size() &&
         std::equal(breaker.begin(), breaker.end(),
                    tokens.begin() + static_cast<ptrdiff_t>(at));
}

// How many tokens follow the breaker that begins last; of several that begin
// there the longest counts. All of them if there is none.
size_t TokensAfterBreaker(const Params& params, const Ids& tokens) {
  for (size_t at = tokens.size(); at-- > 0;) {
    size_t longest = 0;
    for (const Ids& breaker : params.dry_breakers) {
      if (StandsAt(tokens, at, breaker)) {
        longest = std::max(longest, breaker.size());
      }
    }
    if (longest > 0) return tokens.size() - at - longest;
  }
  return tokens.size();
}

// How many tokens before `end` are those before the end of all.
size_t CommonSuffix(const Ids& tokens, size_t end) {
  size_t n = 0;
  while (n < end && tokens[end - 1 - n] == tokens[tokens.size() - 1 - n]) ++n;
  return n;
}

bool IsBreaker(const Params& params, uint32_t id) {
  const Ids one = {id};
  return std::find(params.dry_breakers.begin(), params.dry_breakers.end(),
                   one) != params.dry_breakers.end();
}

bool IsExcluded(const Params& params, uint32_t id) {
  const Ids& excluded = params.penalty_exclude_ids;
  return std::find(excluded.begin(), excluded.end(), id) != excluded.end();
}

// The largest whose power of the base is a float: floor(ln FLT_MAX / ln base).
uint32_t LargestExponent(double base) {
  const float logarithm = std::log(static_cast<float>(base));
  const bool grows = static_cast<float>(base) > 1.000001f;
  const float largest = grows ? 88.7228391f / logarithm : 0;
  return largest >= 1 ? static_cast<uint32_t>(largest)
                      : std::numeric_limits<uint32_t>::max();
}

}  // namespace

std::map<uint32_t, uint32_t> LlamaDryExponents(const Params& params,
                                               const Past& past) {
  std::map<uint32_t, uint32_t> exponents;
  if (params.dry_multiplier == 0) return exponents;
  const Ids tokens = LastTokens(past, params.dry_window);
  const size_t allowed = params.dry_allowed_length;
  const size_t limit = TokensAfterBreaker(params, tokens);
  if (tokens.size() <= allowed || limit < allowed) return exponents;
  const uint32_t most = LargestExponent(params.dry_base);
  for (size_t end = 1; end < tokens.size(); ++end) {
    const size_t length = std::min(limit, CommonSuffix(tokens, end));
    const uint32_t next = tokens[end];
    // A token that is a breaker alone is never penalised.
    if (length < allowed || IsBreaker(params, next)) continue;
    if (IsExcluded(params, next)) continue;  // not its own
    const auto exponent =
        std::min(most, static_cast<uint32_t>(length - allowed));
    uint32_t& known = exponents[next];
    known = std::max(known, exponent);
  }
  return exponents;
}

}  // namespace logitd::dialects
