#include "tests/oracle/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace logitd::oracle {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();
constexpr double kLargest = std::numeric_limits<float>::max();

float Narrow(double x) {
  const float y = static_cast<float>(std::clamp(x, -kLargest, kLargest));
  return y == 0 ? 0.0f : y;
}

bool AllBanned(const std::vector<float>& logits) {
  return std::all_of(logits.begin(), logits.end(),
                     [](float l) { return l == kBanned; });
}

void Ban(const Ids& ids, std::vector<float>* logits) {
  for (uint32_t id : ids) (*logits)[id] = kBanned;
}

// Stage 1.
void Check(const Params& params, const std::vector<float>& row, Answer* answer,
           std::vector<float>* checked) {
  for (uint32_t i = 0; i < row.size(); ++i) {
    float l = row[i];
    if (std::isnan(l) || l == -kBanned) {
      if (!params.ban_non_finite) {
        answer->failure = Failure::kNonFinite;
        answer->first_bad = i;
        return;
      }
      ++answer->non_finite_banned;
      l = kBanned;
    }
    checked->push_back(l == 0 ? 0.0f : l);
  }
}

// ln sum exp; the weights are those of the page, +0 below -87.
Real LogSumExp(const std::vector<float>& row) {
  const float m = *std::max_element(row.begin(), row.end());
  Real sum = 0;
  for (float l : row) {
    const float d = l - m;
    if (d >= -87) sum += std::exp(static_cast<Real>(d));
  }
  return m + std::log(sum);
}

// "Guidance": the row moved along its difference from the unconditional one.
void Guide(double scale, const std::vector<float>& unconditional,
           Answer* answer) {
  const std::vector<float>& conditional = answer->received;
  answer->guided = conditional;
  if (scale == 1 || AllBanned(conditional)) return;
  const Real conditional_lse = LogSumExp(conditional);
  const bool nothing = AllBanned(unconditional);
  const Real unconditional_lse = nothing ? 0 : LogSumExp(unconditional);
  for (size_t i = 0; i < conditional.size(); ++i) {
    if (conditional[i] == kBanned) continue;
    const Real lc = conditional[i] - conditional_lse;
    const Real lu =
        unconditional[i] == kBanned ? lc : unconditional[i] - unconditional_lse;
    answer->guided[i] = Narrow(static_cast<double>(lu + scale * (lc - lu)));
  }
}

// Stage 2.
void HardBans(const Params& params, const Row& row, Answer* answer) {
  std::vector<float>& logits = answer->logits;
  const std::set<uint32_t> allowed(params.allowed_ids.begin(),
                                   params.allowed_ids.end());
  for (uint32_t i = 0; i < logits.size(); ++i) {
    const bool bit =
        i / 8 < row.mask.size() && (row.mask[i / 8] >> (i % 8) & 1) == 1;
    if (row.has_mask && !bit) logits[i] = kBanned;
    if (!allowed.empty() && allowed.count(i) == 0) logits[i] = kBanned;
  }
  Ban(params.banned_ids, &logits);
  if (params.ban_eos) Ban(params.eos_ids, &logits);
  if (AllBanned(logits)) answer->failure = Failure::kHardBans;
}

// Stage 3.
void SoftBans(const Params& params, const Past& past, Answer* answer) {
  if (past.output.size() >= params.min_tokens) return;
  std::vector<float> logits = answer->logits;
  Ban(params.stop_ids, &logits);
  if (!params.ignore_eos) Ban(params.eos_ids, &logits);
  if (!AllBanned(logits)) {
    answer->logits = logits;
  } else if (params.fail_on_empty) {
    answer->failure = Failure::kSoftBans;
  } else {
    answer->soft_bans_lifted = true;
  }
}

// Occurrences in the last `window` tokens (0: all) of prompt and output.
std::map<uint32_t, uint32_t> Count(const Past& past, uint32_t window,
                                   bool output_only, const Ids& excluded) {
  Ids all = past.prompt;
  all.insert(all.end(), past.output.begin(), past.output.end());
  std::map<uint32_t, uint32_t> counts;
  for (size_t i = 0; i < all.size(); ++i) {
    if (window != 0 && all.size() - i > window) continue;
    if (output_only && i < past.prompt.size()) continue;
    ++counts[all[i]];
  }
  for (uint32_t id : excluded) counts.erase(id);
  return counts;
}

// Stages 4 to 7.
void BiasAndPenalties(const Params& params, const Past& past, Answer* answer) {
  std::vector<float>& logits = answer->logits;
  const auto change = [&](uint32_t id, double value) {
    if (logits[id] != kBanned) logits[id] = Narrow(value);
  };
  for (const auto& [id, bias] : params.bias) change(id, logits[id] + bias);
  const Ids& excluded = params.penalty_exclude_ids;
  const double r = params.repetition;
  if (r != 1) {
    for (const auto& [id, count] :
         Count(past, params.repetition_window, false, excluded)) {
      const double l = logits[id];
      change(id, l > 0 ? l / r : l * r);
    }
  }
  if (params.frequency != 0) {
    for (const auto& [id, count] :
         Count(past, params.frequency_window, true, excluded)) {
      change(id, logits[id] - params.frequency * count);
    }
  }
  if (params.presence != 0) {
    for (const auto& [id, count] :
         Count(past, params.presence_window, true, excluded)) {
      change(id, logits[id] - params.presence);
    }
  }
}

Ids Rank(const std::vector<float>& logits) {
  Ids rank;
  for (uint32_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kBanned) rank.push_back(i);
  }
  std::stable_sort(rank.begin(), rank.end(), [&](uint32_t a, uint32_t b) {
    return logits[a] > logits[b];
  });
  return rank;
}

Real Weight(float d) { return d < -87 ? 0 : std::exp(static_cast<Real>(d)); }

// Stage 9.
void Temper(double temperature, Answer* answer) {
  const float m = answer->logits[answer->rank[0]];
  const float it = static_cast<float>(1 / temperature);
  for (float l : answer->logits) {
    const float difference = l - m;
    answer->d.push_back(difference * it);
    answer->weight.push_back(Weight(answer->d.back()));
  }
  answer->mass.push_back(0);
  for (uint32_t id : answer->rank) {
    answer->mass.push_back(answer->mass.back() + answer->weight[id]);
  }
}

// Stage 10.
void Truncate(const Params& params, Answer* answer) {
  const Ids& rank = answer->rank;
  size_t kept = rank.size();
  if (params.top_k != 0) kept = std::min<size_t>(kept, params.top_k);
  if (params.top_p < 1) {
    const double mass = static_cast<double>(answer->mass[kept]);
    const double target = params.top_p * mass;
    size_t n = 1;
    while (n < kept && answer->mass[n] < target) ++n;
    kept = n;
    answer->target = target;
  }
  if (params.min_p >= std::numeric_limits<double>::min()) {
    const Real logarithm = std::log(static_cast<Real>(params.min_p));
    const float floor = static_cast<float>(static_cast<double>(logarithm));
    size_t n = 1;
    while (n < kept && answer->d[rank[n]] >= floor) ++n;
    kept = n;
  }
  answer->kept = kept;
}

// ln M - sum(w d) / M over some ids.
Real Entropy(const std::vector<float>& d, const Ids& ids) {
  Real mass = 0, sum = 0;
  for (uint32_t id : ids) {
    const Real w = Weight(d[id]);
    mass += w;
    if (w > 0) sum += w * d[id];
  }
  return std::log(mass) - sum / mass;
}

void RawNumbers(Answer* answer) {
  Answer raw;
  raw.logits = answer->received;
  raw.rank = Rank(raw.logits);
  Temper(1, &raw);
  answer->raw_lse = raw.logits[raw.rank[0]] + std::log(raw.mass.back());
  answer->raw_entropy = Entropy(raw.d, raw.rank);
}

}  // namespace

Answer Sample(const Params& params, const Past& past, const Row& row,
              const Point& at) {
  Answer answer;
  Check(params, row.logits, &answer, &answer.received);
  if (answer.failure != Failure::kNone) return answer;
  std::vector<float> unconditional;
  if (params.guidance_scale != 1) {
    Check(params, row.unconditional, &answer, &unconditional);
    answer.bad_is_unconditional = answer.failure != Failure::kNone;
    if (answer.bad_is_unconditional) return answer;
  }
  Guide(params.guidance_scale, unconditional, &answer);
  answer.logits = answer.guided;
  if (row.guide != nullptr && !AllBanned(answer.received)) {
    answer.logits =
        row.guide(params.guidance_scale, answer.received, unconditional);
  }
  HardBans(params, row, &answer);
  if (answer.failure != Failure::kNone) return answer;
  SoftBans(params, past, &answer);
  if (answer.failure != Failure::kNone) return answer;
  BiasAndPenalties(params, past, &answer);
  RawNumbers(&answer);
  answer.rank = Rank(answer.logits);
  if (params.temperature < 1e-5) {
    answer.greedy = true;
    answer.kept = 1;
    answer.winner.token = answer.rank[0];
    return answer;
  }
  Temper(params.temperature, &answer);
  Truncate(params, &answer);
  answer.kept_mass = answer.mass[answer.kept] / answer.mass.back();
  const Ids kept(answer.rank.begin(),
                 answer.rank.begin() + static_cast<ptrdiff_t>(answer.kept));
  answer.final_entropy = Entropy(answer.d, kept);
  std::vector<Real> kept_weight(answer.weight.size(), 0);
  for (uint32_t id : kept) kept_weight[id] = answer.weight[id];
  answer.winner = Race(kept_weight, at);
  return answer;
}

size_t RankOf(const Answer& answer, uint32_t id) {
  const auto it = std::find(answer.rank.begin(), answer.rank.end(), id);
  if (it == answer.rank.end()) return 0;
  return static_cast<size_t>(it - answer.rank.begin()) + 1;
}

Real FinalLogprob(const Answer& answer, uint32_t id) {
  const size_t rank = RankOf(answer, id);
  if (rank == 0 || rank > answer.kept) return kBanned;
  if (answer.greedy) return 0;
  return answer.d[id] - std::log(answer.mass[answer.kept]);
}

Real RawLogprob(const Answer& answer, uint32_t id) {
  return answer.received[id] - answer.raw_lse;
}

Real TemperedLogprob(const Answer& answer, uint32_t id) {
  if (RankOf(answer, id) == 0) return kBanned;
  if (answer.greedy) return answer.rank[0] == id ? 0 : Real{kBanned};
  return answer.d[id] - std::log(answer.mass.back());
}

namespace {

bool Holds(const Ids& ids, uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool EndsWith(const Ids& output, const Ids& sequence) {
  return output.size() >= sequence.size() &&
         std::equal(sequence.rbegin(), sequence.rend(), output.rbegin());
}

}  // namespace

Finish FinishOf(const Params& params, const Past& past) {
  if (past.output.empty()) return Finish::kNone;
  const uint32_t last = past.output.back();
  if (past.output.size() - 1 >= params.min_tokens) {
    if (!params.ignore_eos && Holds(params.eos_ids, last)) return Finish::kEos;
    if (Holds(params.stop_ids, last)) return Finish::kStopId;
    for (const Ids& sequence : params.stop_sequences) {
      if (EndsWith(past.output, sequence)) return Finish::kStopSequence;
    }
  }
  const bool full =
      params.max_tokens != 0 && past.output.size() >= params.max_tokens;
  return full ? Finish::kMaxTokens : Finish::kNone;
}

}  // namespace logitd::oracle
