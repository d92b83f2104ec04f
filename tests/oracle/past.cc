// What the stages of sampler/README.md that look at the history find in it, as
// that page says it: by looking at all of it, again for each token.
#include <algorithm>

#include "tests/oracle/oracle.h"

namespace logitd::oracle {
namespace {

Ids AllOf(const Past& past) {
  Ids all = past.prompt;
  all.insert(all.end(), past.output.begin(), past.output.end());
  return all;
}

Ids FirstOf(const Ids& ids, size_t count) {
  return Ids(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count));
}

bool EndsWithAny(const Ids& tokens, const std::vector<Ids>& sequences) {
  return std::any_of(sequences.begin(), sequences.end(),
                     [&](const Ids& s) { return EndsWith(tokens, s); });
}

// The tokens that n - 1 equal tokens were followed by.
Ids Completing(const Ids& all, uint32_t n) {
  Ids banned;
  for (size_t begin = 0; begin + n <= all.size(); ++begin) {
    bool equal = true;
    for (size_t i = 0; i + 1 < n; ++i) {
      equal = equal && all[begin + i] == all[all.size() - n + 1 + i];
    }
    if (equal) banned.push_back(all[begin + n - 1]);
  }
  return banned;
}

}  // namespace

bool EndsWith(const Ids& tokens, const Ids& sequence) {
  return tokens.size() >= sequence.size() &&
         std::equal(sequence.rbegin(), sequence.rend(), tokens.rbegin());
}

Forced ForcedToken(const Params& params, const Past& past, uint32_t* token) {
  const ThinkingBudget& budget = params.thinking;
  if (!budget.start.empty()) {
    const Ids all = AllOf(past);
    bool inside = false;
    size_t n = 0;
    for (size_t count = 1; count <= all.size(); ++count) {
      const Ids so_far = FirstOf(all, count);
      ++n;
      if (EndsWith(so_far, budget.end)) inside = false;
      if (EndsWith(so_far, budget.start)) {
        inside = true;
        n = 0;
      }
    }
    Ids forced = budget.message;
    forced.insert(forced.end(), budget.end.begin(), budget.end.end());
    if (inside && n >= budget.max_tokens &&
        n - budget.max_tokens < forced.size()) {
      *token = forced[n - budget.max_tokens];
      return Forced::kThinkingBudget;
    }
  }
  if (past.output.size() >= params.forced_tokens.size()) return Forced::kNone;
  *token = params.forced_tokens[past.output.size()];
  return Forced::kForcedTokens;
}

std::map<std::string, Ids> SoftBansOf(const Params& params, const Past& past) {
  std::map<std::string, Ids> bans;
  if (past.output.size() < params.min_tokens) {
    Ids& ids = bans["min_tokens"];
    ids = params.stop_ids;
    if (!params.ignore_eos) {
      ids.insert(ids.end(), params.eos_ids.begin(), params.eos_ids.end());
    }
  }
  for (const Ids& word : params.bad_words) {
    const Ids others = FirstOf(word, word.size() - 1);
    if (EndsWith(past.output, others)) bans["bad_words"].push_back(word.back());
  }
  bans["suppressed_ids"] = params.suppressed_ids;
  if (past.output.empty()) {
    bans["begin_suppressed_ids"] = params.begin_suppressed_ids;
  }
  const uint32_t n = params.no_repeat_ngram;
  const Ids all = AllOf(past);
  if (n > 0 && all.size() + 1 >= n) {
    bans["no_repeat_ngram"] = Completing(all, n);
  }
  return bans;
}

std::map<uint32_t, uint32_t> DryLengths(const Params& params,
                                        const Past& past) {
  const Ids all = AllOf(past);
  const size_t w = params.dry_window == 0
                       ? all.size()
                       : std::min<size_t>(params.dry_window, all.size());
  const Ids h(all.end() - static_cast<ptrdiff_t>(w), all.end());
  size_t reach = w;
  for (size_t behind = 0; behind < w; ++behind) {
    if (!EndsWithAny(FirstOf(all, all.size() - behind), params.dry_breakers)) {
      continue;
    }
    reach = behind;
    break;
  }
  std::map<uint32_t, uint32_t> lengths;
  for (size_t j = 1; j < w; ++j) {
    uint32_t n = 0;
    while (n < std::min(j, reach) && h[j - 1 - n] == h[w - 1 - n]) ++n;
    if (n > 0) lengths[h[j]] = std::max(lengths[h[j]], n);
  }
  for (const Ids& breaker : params.dry_breakers) {
    if (breaker.size() == 1) lengths.erase(breaker[0]);
  }
  for (uint32_t id : params.penalty_exclude_ids) lengths.erase(id);
  return lengths;
}

}  // namespace logitd::oracle
