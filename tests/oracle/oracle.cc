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

// Check.
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

// power(b, n).
double Power(double b, uint32_t n) {
  double r = 1;
  while (n > 0) {
    if (n % 2 == 1) r = r * b;
    b = b * b;
    n = n / 2;
  }
  return std::min(r, std::numeric_limits<double>::max());
}

// Hard bans.
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

// Forcing. True if the row's token is forced.
bool Force(const Params& params, const Past& past, const Row& row,
           Answer* answer) {
  uint32_t token = 0;
  answer->forced = ForcedToken(params, past, &token);
  if (answer->forced == Forced::kNone) return false;
  Answer banned = *answer;
  HardBans(params, row, &banned);
  if (banned.logits[token] == kBanned) {
    answer->forced_overruled = true;
    if (params.fail_on_conflict) answer->failure = Failure::kConflict;
    return params.fail_on_conflict;
  }
  answer->rank = {token};
  answer->greedy = true;
  answer->kept = {token};
  answer->winner.token = token;
  return true;
}

// Soft bans.
void SoftBans(const Params& params, const Past& past, Answer* answer) {
  std::vector<float> logits = answer->logits;
  for (const auto& [knob, ids] : SoftBansOf(params, past)) {
    if (!ids.empty()) answer->soft_bans.insert(knob);
    Ban(ids, &logits);
  }
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

// The sign rule.
double Repeat(double l, double r) { return l > 0 ? l / r : l * r; }

// What the stages before temperature do to a row.
class ChangeOf {
 public:
  ChangeOf(Params params, Past past)
      : params_(std::move(params)), past_(std::move(past)) {}

  void operator()(const std::string& step, std::vector<float>* logits) const {
    if (step == "logit_bias") Bias(logits);
    if (step == "prompt_repetition" && params_.prompt_repetition != 1) {
      Each(Count({past_.prompt, {}}, 0, false), logits, [&](double l, double) {
        return Repeat(l, params_.prompt_repetition);
      });
    }
    if (step == "repetition" && params_.repetition != 1) {
      Each(Count(past_, params_.repetition_window, false), logits,
           [&](double l, double) { return Repeat(l, params_.repetition); });
    }
    if (step == "frequency" && params_.frequency != 0) {
      Each(Count(past_, params_.frequency_window, true), logits,
           [&](double l, double count) {
             return l - params_.frequency * count;
           });
    }
    if (step == "presence" && params_.presence != 0) {
      Each(Count(past_, params_.presence_window, true), logits,
           [&](double l, double) { return l - params_.presence; });
    }
    if (step == "dry" && params_.dry_multiplier > 0) Dry(logits);
    if (step == "length" && !params_.ignore_eos) Length(logits);
  }

 private:
  static void Change(uint32_t id, double value, std::vector<float>* logits) {
    if ((*logits)[id] != kBanned) (*logits)[id] = Narrow(value);
  }

  std::map<uint32_t, uint32_t> Count(const Past& past, uint32_t window,
                                     bool output_only) const {
    return oracle::Count(past, window, output_only,
                         params_.penalty_exclude_ids);
  }

  template <class Function>
  static void Each(const std::map<uint32_t, uint32_t>& counts,
                   std::vector<float>* logits, const Function& function) {
    for (const auto& [id, count] : counts) {
      Change(id, function((*logits)[id], count), logits);
    }
  }

  void Bias(std::vector<float>* logits) const {
    for (const auto& [id, bias] : params_.bias) {
      Change(id, (*logits)[id] + bias, logits);
    }
  }

  void Dry(std::vector<float>* logits) const {
    const uint32_t a = params_.dry_allowed_length;
    for (const auto& [id, length] : DryLengths(params_, past_)) {
      if (length < a) continue;
      Change(id,
             (*logits)[id] -
                 params_.dry_multiplier * Power(params_.dry_base, length - a),
             logits);
    }
  }

  void Length(std::vector<float>* logits) const {
    if (past_.output.size() <= params_.length_start) return;
    const size_t n = past_.output.size() - params_.length_start;
    const double growth =
        Power(params_.length_factor, static_cast<uint32_t>(n)) - 1;
    const std::set<uint32_t> eos(params_.eos_ids.begin(),
                                 params_.eos_ids.end());
    for (uint32_t id : eos) {
      const double l = (*logits)[id];
      Change(id, l + std::abs(l) * growth, logits);
    }
  }

  const Params params_;
  const Past past_;
};

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

// "Schedules": after n generated tokens.
double ValueAt(const Schedule& schedule, size_t n) {
  const auto& points = schedule.points;
  double value = points[0].second;
  for (size_t i = 0; i < points.size() && points[i].first <= n; ++i) {
    value = points[i].second;
    if (!schedule.linear || i + 1 == points.size()) continue;
    const auto& [x0, a] = points[i];
    const auto& [x1, b] = points[i + 1];
    const double way = static_cast<double>(n - x0) / (x1 - x0);
    if (n <= x1) value = a + (b - a) * way;
    if (value > std::max(a, b)) value = std::max(a, b);
    if (value < std::min(a, b)) value = std::min(a, b);
  }
  return std::min(std::max(value, schedule.min), schedule.max);
}

void NoChange(const std::string&, std::vector<float>*) {}

void RawNumbers(Answer* answer) {
  const Shaper<Textbook> raw({}, {}, {}, answer->received, NoChange);
  answer->raw_lse = answer->received[raw.kept()[0]] + std::log(raw.Mass());
  answer->raw_entropy = raw.Entropy();
}

}  // namespace

Answer Sample(const Params& asked, const Past& past, const Feedback& feedback,
              const Row& row, const Point& at, std::optional<uint32_t> given) {
  const Params params = AtStep(asked, past);
  Answer answer;
  answer.after = feedback;
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
  if (row.guide != nullptr && params.guidance_scale != 1 &&
      !AllBanned(answer.received)) {
    answer.logits =
        row.guide(params.guidance_scale, answer.received, unconditional);
  }
  if (Force(params, past, row, &answer)) {
    if (answer.failure == Failure::kNone) RawNumbers(&answer);
    return answer;
  }
  HardBans(params, row, &answer);
  if (answer.failure != Failure::kNone) return answer;
  SoftBans(params, past, &answer);
  if (answer.failure != Failure::kNone) return answer;
  RawNumbers(&answer);
  answer.unshaped = answer.logits;
  const Shaper<Textbook> shaped(params, feedback, at, answer.unshaped,
                                ChangerOf(params, past));
  answer.logits = shaped.original();
  answer.rank = Rank(answer.logits);
  answer.kept = shaped.kept();
  answer.margin = shaped.margin();
  answer.slack = shaped.slack();
  answer.greedy = shaped.greedy();
  if (answer.greedy) {
    answer.winner.token = answer.kept[0];
    return answer;
  }
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
  answer.winner = Race(answer.weight, at);
  answer.after = shaped.After(given.value_or(answer.winner.token));
  return answer;
}

Changer ChangerOf(const Params& params, const Past& past) {
  return ChangeOf(params, past);
}

const std::vector<std::string>& DefaultSteps() {
  static const std::vector<std::string> steps = {
      "logit_bias",  "prompt_repetition",
      "repetition",  "frequency",
      "presence",    "dry",
      "length",      "temperature",
      "top_n_sigma", "top_k",
      "top_p",       "min_p",
      "typical",     "epsilon",
      "eta",         "top_a",
      "tail_free",   "top_h",
      "p_less",      "xtc",
      "mirostat",    "adaptive_p"};
  return steps;
}

Params AtStep(Params params, const Past& past) {
  for (const Schedule& schedule : params.schedules) {
    const double value = ValueAt(schedule, past.output.size());
    if (schedule.real != nullptr) {
      params.*schedule.real = value;
    } else {
      params.*schedule.count = static_cast<uint32_t>(std::floor(value));
    }
  }
  params.schedules.clear();
  if (params.top_p_decay == 1) return params;
  const Ids& resets = params.top_p_reset_ids;
  uint32_t since = 0;
  for (uint32_t token : past.output) {
    const bool is_reset =
        std::find(resets.begin(), resets.end(), token) != resets.end();
    since = is_reset ? 0 : since + 1;
  }
  const double first = params.top_p;
  params.top_p = std::max(first * Power(params.top_p_decay, since),
                          std::min(first, params.top_p_min));
  params.top_p_decay = 1;
  return params;
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
  if (answer.greedy) return answer.kept[0] == id ? 0 : Real{kBanned};
  return answer.tempered_d[id] - std::log(answer.tempered_mass);
}

namespace {

bool Holds(const Ids& ids, uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
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
