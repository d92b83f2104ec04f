// What changes single logits by the history, as logitd/1 has it.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/lacking.h"

namespace logitd::dialects {
namespace {

bool EndsAt(const Ids& tokens, size_t end, const Ids& sequence) {
  if (sequence.size() > end) return false;
  for (size_t i = 0; i < sequence.size(); ++i) {
    if (tokens[end - sequence.size() + i] != sequence[i]) return false;
  }
  return true;
}

// How many tokens follow the last place in the window where a breaker ends. It
// may begin before the window.
size_t TokensBehindBreaker(const Params& params, const Ids& all,
                           size_t window) {
  for (size_t behind = 0; behind < window; ++behind) {
    for (const Ids& breaker : params.dry_breakers) {
      if (EndsAt(all, all.size() - behind, breaker)) return behind;
    }
  }
  return window;
}

// L_x of each token x: for each place j in the window that holds x, how long a
// suffix of the window stands right before it, `reach` tokens at most.
std::map<uint32_t, size_t> Lengths(const Ids& window, size_t reach) {
  std::map<uint32_t, size_t> lengths;
  for (size_t j = 0; j < window.size(); ++j) {
    size_t n = 0;
    while (n < j && n < reach &&
           window[j - n - 1] == window[window.size() - n - 1]) {
      ++n;
    }
    size_t& longest = lengths[window[j]];
    longest = std::max(longest, n);
  }
  return lengths;
}

}  // namespace

void RepeatPrompt(const Params& params, const Past& past,
                  std::vector<Real>* logits) {
  const Real r = params.prompt_repetition;
  for (const auto& [id, count] : Count(params, {past.prompt, {}}, 0, false)) {
    Real& l = (*logits)[id];
    if (r != 1) l = l > 0 ? l / r : l * r;
  }
}

void DryAsLogitd(const Params& params, const Past& past,
                 std::vector<Real>* logits) {
  if (params.dry_multiplier == 0) return;
  const Ids window = LastTokens(past, params.dry_window);
  const size_t reach =
      TokensBehindBreaker(params, LastTokens(past, 0), window.size());
  std::map<uint32_t, size_t> lengths = Lengths(window, reach);
  for (const Ids& breaker : params.dry_breakers) {
    if (breaker.size() == 1) lengths.erase(breaker[0]);
  }
  for (uint32_t id : params.penalty_exclude_ids) lengths.erase(id);
  for (const auto& [id, length] : lengths) {
    if (length < params.dry_allowed_length) continue;
    const auto beyond = static_cast<Real>(length - params.dry_allowed_length);
    (*logits)[id] -= params.dry_multiplier *
                     std::pow(static_cast<Real>(params.dry_base), beyond);
  }
}

}  // namespace logitd::dialects
