#include "tests/oracle/dialects/bans.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>

namespace logitd::dialects {
namespace {

std::vector<Real> LogSoftmax(const std::vector<float>& logits) {
  const Real most = *std::max_element(logits.begin(), logits.end());
  Real sum = 0;
  for (float l : logits) sum += std::exp(l - most);
  std::vector<Real> out;
  out.reserve(logits.size());
  for (float l : logits) out.push_back(l - most - std::log(sum));
  return out;
}

// transformers, UnbatchedClassifierFreeGuidance: both rows as log-probabilities
// c and u, then u + scale * (c - u). What only the second row bans is not
// banned: u is c there.
std::vector<Real> Guide(const Params& params, const Row& row) {
  if (params.guidance_scale == 1 || row.unconditional.empty()) {
    return {row.logits.begin(), row.logits.end()};
  }
  const std::vector<Real> c = LogSoftmax(row.logits);
  std::vector<Real> out = LogSoftmax(row.unconditional);
  for (size_t i = 0; i < c.size(); ++i) {
    if (std::isinf(c[i]) || std::isinf(out[i])) {
      out[i] = c[i];
    } else {
      out[i] += params.guidance_scale * (c[i] - out[i]);
    }
  }
  return out;
}

bool AllBanned(const std::vector<Real>& logits) {
  return std::all_of(logits.begin(), logits.end(),
                     [](Real l) { return l == kBanned; });
}

void Ban(const Ids& ids, std::vector<Real>* logits) {
  for (uint32_t id : ids) (*logits)[id] = kBanned;
}

void HardBans(const Params& params, const Row& row, std::vector<Real>* logits) {
  const std::set<uint32_t> allowed(params.allowed_ids.begin(),
                                   params.allowed_ids.end());
  for (uint32_t i = 0; i < logits->size(); ++i) {
    const bool bit =
        i / 8 < row.mask.size() && (row.mask[i / 8] >> (i % 8) & 1) == 1;
    if (row.has_mask && !bit) (*logits)[i] = kBanned;
    if (!allowed.empty() && allowed.count(i) == 0) (*logits)[i] = kBanned;
  }
  Ban(params.banned_ids, logits);
  if (params.ban_eos) Ban(params.eos_ids, logits);
}

bool EndsWith(const Ids& tokens, Ids::const_iterator begin,
              Ids::const_iterator end) {
  const auto n = static_cast<size_t>(end - begin);
  return tokens.size() >= n &&
         std::equal(begin, end, tokens.end() - static_cast<ptrdiff_t>(n));
}

void BanNgrams(const Params& params, const Past& past,
               std::vector<Real>* logits) {
  const size_t n = params.no_repeat_ngram;
  const Ids all = LastTokens(past, 0);
  if (n == 0 || all.size() + 1 < n) return;
  for (size_t i = 0; i + n <= all.size(); ++i) {
    const auto begin = all.begin() + static_cast<ptrdiff_t>(i);
    const auto last = begin + static_cast<ptrdiff_t>(n) - 1;
    if (EndsWith(all, begin, last)) (*logits)[*last] = kBanned;
  }
}

void SoftBans(const Params& params, const Past& past, const BanRules& rules,
              std::vector<Real>* logits) {
  if (past.output.size() < params.min_tokens) {
    Ban(params.stop_ids, logits);
    if (!params.ignore_eos || rules.min_tokens_bans_ignored_eos) {
      Ban(params.eos_ids, logits);
    }
  }
  Ids seen = past.output;
  if (rules.bad_words_see_prompt) seen = LastTokens(past, 0);
  for (const Ids& word : params.bad_words) {
    if (EndsWith(seen, word.begin(), word.end() - 1)) {
      (*logits)[word.back()] = kBanned;
    }
  }
  Ban(params.suppressed_ids, logits);
  if (past.output.empty()) Ban(params.begin_suppressed_ids, logits);
  BanNgrams(params, past, logits);
}

}  // namespace

std::vector<Real> BannedRow(const Params& params, const Row& row,
                            const Past& past, const BanRules& rules) {
  std::vector<Real> logits = Guide(params, row);
  HardBans(params, row, &logits);
  if (AllBanned(logits)) return {};
  std::vector<Real> softly = logits;
  SoftBans(params, past, rules, &softly);
  return AllBanned(softly) ? logits : softly;
}

Ids LastTokens(const Past& past, uint32_t window) {
  Ids all = past.prompt;
  all.insert(all.end(), past.output.begin(), past.output.end());
  if (window == 0 || window >= all.size()) return all;
  return {all.end() - static_cast<ptrdiff_t>(window), all.end()};
}

std::map<uint32_t, uint32_t> Count(const Params& params, const Past& past,
                                   uint32_t window, bool output_only) {
  Ids tokens = LastTokens(past, window);
  if (output_only && tokens.size() > past.output.size()) tokens = past.output;
  std::map<uint32_t, uint32_t> counts;
  for (uint32_t id : tokens) ++counts[id];
  for (uint32_t id : params.penalty_exclude_ids) counts.erase(id);
  return counts;
}

void FavourEos(const Params& params, const Past& past,
               std::vector<Real>* logits) {
  const size_t generated = past.output.size();
  if (params.length_penalty_factor == 1 || params.ignore_eos ||
      generated <= params.length_penalty_start) {
    return;
  }
  const Real steps = static_cast<Real>(generated - params.length_penalty_start);
  const Real factor =
      std::pow(static_cast<Real>(params.length_penalty_factor), steps);
  const std::set<uint32_t> ends(params.eos_ids.begin(), params.eos_ids.end());
  for (uint32_t id : ends) {
    Real& l = (*logits)[id];
    if (l != kBanned) l += std::fabs(l) * (factor - 1);
  }
}

}  // namespace logitd::dialects
