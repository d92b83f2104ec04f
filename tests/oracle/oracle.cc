#include "tests/oracle/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "tests/oracle/shape.h"

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
void Check(const Params& params, const Row& row, Answer* answer) {
  for (uint32_t i = 0; i < row.logits.size(); ++i) {
    float l = row.logits[i];
    if (std::isnan(l) || l == -kBanned) {
      if (!params.ban_non_finite) {
        answer->failure = Failure::kNonFinite;
        answer->first_bad = i;
        return;
      }
      ++answer->non_finite_banned;
      l = kBanned;
    }
    answer->received.push_back(l == 0 ? 0.0f : l);
  }
  answer->logits = answer->received;
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

// Long double, added up in id order.
struct Textbook {
  using W = Real;
  using N = Real;
  static W Weigh(float d) {
    return d < -87 ? 0 : std::exp(static_cast<Real>(d));
  }
  static N Sum(const std::vector<W>& terms) {
    return std::accumulate(terms.begin(), terms.end(), N{0});
  }
  static N Log(N x) { return std::log(x); }
  static N Exp(N x) { return std::exp(x); }
};

void RawNumbers(Answer* answer) {
  const Shaper<Textbook> raw({}, {}, {}, answer->received);
  answer->raw_lse = answer->received[raw.kept()[0]] + std::log(raw.Mass());
  answer->raw_entropy = raw.Entropy();
}

}  // namespace

Answer Sample(const Params& params, const Past& past, const Feedback& feedback,
              const Row& row, const Point& at, std::optional<uint32_t> given) {
  Answer answer;
  answer.after = feedback;
  Check(params, row, &answer);
  if (answer.failure != Failure::kNone) return answer;
  HardBans(params, row, &answer);
  if (answer.failure != Failure::kNone) return answer;
  SoftBans(params, past, &answer);
  if (answer.failure != Failure::kNone) return answer;
  BiasAndPenalties(params, past, &answer);
  RawNumbers(&answer);
  answer.rank = Rank(answer.logits);
  if (params.temperature < 1e-5) {
    answer.greedy = true;
    answer.kept = {answer.rank[0]};
    answer.winner.token = answer.rank[0];
    return answer;
  }
  const Shaper<Textbook> shaped(params, feedback, at, answer.logits);
  answer.kept = shaped.kept();
  answer.weight.assign(answer.logits.size(), 0);
  for (uint32_t id = 0; id < answer.logits.size(); ++id) {
    answer.d.push_back(shaped.D(id));
    answer.tempered_d.push_back(shaped.TemperedD(id));
  }
  for (uint32_t id : answer.kept) answer.weight[id] = shaped.Weight(id);
  answer.mass = shaped.Mass();
  answer.tempered_mass = shaped.TemperedMass();
  answer.kept_mass = shaped.KeptMass();
  answer.final_entropy = shaped.Entropy();
  answer.margin = shaped.margin();
  answer.slack = shaped.slack();
  answer.winner = Race(answer.weight, at);
  answer.after = shaped.After(given.value_or(answer.winner.token));
  return answer;
}

size_t RankOf(const Answer& answer, uint32_t id) {
  const auto it = std::find(answer.rank.begin(), answer.rank.end(), id);
  if (it == answer.rank.end()) return 0;
  return static_cast<size_t>(it - answer.rank.begin()) + 1;
}

bool IsKept(const Answer& answer, uint32_t id) {
  return std::find(answer.kept.begin(), answer.kept.end(), id) !=
         answer.kept.end();
}

Real FinalLogprob(const Answer& answer, uint32_t id) {
  if (!IsKept(answer, id)) return kBanned;
  if (answer.greedy) return 0;
  return answer.d[id] - std::log(answer.mass);
}

Real RawLogprob(const Answer& answer, uint32_t id) {
  return answer.received[id] - answer.raw_lse;
}

Real TemperedLogprob(const Answer& answer, uint32_t id) {
  if (RankOf(answer, id) == 0) return kBanned;
  if (answer.greedy) return answer.rank[0] == id ? 0 : Real{kBanned};
  return answer.tempered_d[id] - std::log(answer.tempered_mass);
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
