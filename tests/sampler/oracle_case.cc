#include "tests/sampler/oracle_case.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sampler/knobs.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

constexpr double kMinusInf = -std::numeric_limits<double>::infinity();
constexpr float kBannedLogit = -std::numeric_limits<float>::infinity();

bool AllBanned(const std::vector<float>& row) {
  return std::all_of(row.begin(), row.end(),
                     [](float l) { return l == kBannedLogit; });
}

// exp_f of each d, by id.
std::vector<float> ExpOf(const std::vector<float>& d) {
  std::vector<float> weights;
  weights.reserve(d.size());
  for (float x : d) weights.push_back(ScalarExpF(x));
  return weights;
}

// The weights of the first `count` of the rank, by id; +0 for the others.
std::vector<float> FirstOf(const oracle::Ids& rank, size_t count,
                           const std::vector<float>& weights) {
  std::vector<float> first(weights.size(), 0.0f);
  for (size_t i = 0; i < count; ++i) first[rank[i]] = weights[rank[i]];
  return first;
}

// mass() of the first `count` of the rank.
double MassOf(const oracle::Ids& rank, size_t count,
              const std::vector<float>& weights) {
  return ScalarSum(FirstOf(rank, count, weights));
}

// The shortest prefix whose mass() reaches the target; mass() never falls.
size_t ShortestPrefix(const oracle::Ids& rank, size_t candidates,
                      const std::vector<float>& weights, double target) {
  size_t low = 1, high = candidates;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (MassOf(rank, middle, weights) >= target) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

size_t ExactKept(const Params& params, const oracle::Answer& answer,
                 const std::vector<float>& weights) {
  const oracle::Ids& rank = answer.rank;
  size_t kept = rank.size();
  kept = std::min<size_t>(kept, params.top_k.value_or(kCountMax));
  const double p = params.top_p.value_or(1);
  if (p < 1) {
    const double target = p * MassOf(rank, kept, weights);
    kept = ShortestPrefix(rank, kept, weights, target);
  }
  const double min_p = params.min_p.value_or(0);
  if (min_p >= std::numeric_limits<double>::min()) {
    const float floor = static_cast<float>(ScalarLogD(min_p));
    while (kept > 1 && !(answer.d[rank[kept - 1]] >= floor)) --kept;
  }
  return kept;
}

// Lowest index that maximises rate / E among rates above 0.
template <class Rate>
uint32_t BestOf(uint32_t first, uint32_t count, const NoisePoint& at,
                uint32_t purpose, const Rate& rate_of) {
  double best = 0;
  uint32_t winner = kNoToken;
  const oracle::Point point = {at.key.bits, at.position, at.attempt};
  for (uint32_t i = first; i < first + count; ++i) {
    const double rate = rate_of(i);
    if (!(rate > 0)) continue;
    const double score =
        rate / ScalarExponential(oracle::Noise(point, purpose, i));
    if (winner == kNoToken || score > best) {
      best = score;
      winner = i;
    }
  }
  return winner;
}

uint32_t ExactRace(const std::vector<float>& w, const NoisePoint& at) {
  const uint32_t size = static_cast<uint32_t>(w.size());
  const auto block_mass = [&](uint32_t b) {
    return double{
        ScalarBlockSum(&w[b * size_t{128}], std::min(size - b * 128, 128u))};
  };
  const uint32_t block = BestOf(0, (size + 127) / 128, at, 1, block_mass);
  const uint32_t first = block * 128;
  return BestOf(first, std::min(size - first, 128u), at, 2,
                [&](uint32_t i) { return double{w[i]}; });
}

// log_d(M) - sum(w d) / M.
double ExactEntropy(const std::vector<float>& weights,
                    const std::vector<float>& d) {
  std::vector<float> terms(weights.size(), 0.0f);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0) terms[i] = weights[i] * d[i];
  }
  const double mass = ScalarSum(weights);
  return ScalarLogD(mass) - ScalarSum(terms) / mass;
}

// The row as received: its own rank, d, weights and log-sum-exp.
struct Raw {
  oracle::Ids rank;
  std::vector<float> d;
  std::vector<float> weights;
  double lse;
};

Raw RawOf(const std::vector<float>& l) {
  Raw raw;
  for (uint32_t i = 0; i < l.size(); ++i) {
    if (l[i] != kBannedLogit) raw.rank.push_back(i);
  }
  std::stable_sort(raw.rank.begin(), raw.rank.end(),
                   [&](uint32_t a, uint32_t b) { return l[a] > l[b]; });
  const float m = l[raw.rank[0]];
  for (float x : l) raw.d.push_back(x - m);
  raw.weights = ExpOf(raw.d);
  raw.lse = double{m} + ScalarLogD(ScalarSum(raw.weights));
  return raw;
}

// XXH3 of the bytes of the row.
uint64_t DigestOf(const std::vector<float>& received) {
  return XXH3_64bits(received.data(), received.size() * sizeof(float));
}

// The numbers of a draw; greedy ones differ too much to share code.
void ExactDraw(const Case& c, const oracle::Answer& answer, Outcome* o) {
  const oracle::Ids& rank = answer.rank;
  const std::vector<float> weights = ExpOf(answer.d);
  const size_t kept = ExactKept(c.params, answer, weights);
  const std::vector<float> w = FirstOf(rank, kept, weights);
  const double mass = ScalarSum(w);
  const double all = ScalarSum(weights);  // banned ones weigh +0
  const double log_mass = ScalarLogD(mass);
  o->kept = static_cast<uint32_t>(kept);
  o->drawn_token = ExactRace(w, c.at);
  o->token = c.given.value_or(o->drawn_token);
  const size_t place = oracle::RankOf(answer, o->token);
  const double d = double{answer.d[o->token]};
  const Report& report = c.report;
  if (report.final_logprob) {
    o->final_logprob = place != 0 && place <= kept ? d - log_mass : kMinusInf;
  }
  if (report.tempered_logprob) {
    o->tempered_logprob = place != 0 ? d - ScalarLogD(all) : kMinusInf;
  }
  if (report.kept_mass) o->kept_mass = mass / all;
  if (report.entropy) o->final_entropy = ExactEntropy(w, answer.d);
  for (size_t i = 0; i < kept && i < report.top_n_final; ++i) {
    o->top_final.push_back({rank[i], double{answer.d[rank[i]]} - log_mass});
  }
  if (report.kept_ids && kept <= report.kept_ids_max) {
    o->kept_ids.assign(rank.begin(),
                       rank.begin() + static_cast<ptrdiff_t>(kept));
    std::sort(o->kept_ids.begin(), o->kept_ids.end());
  }
}

void ExactGreedy(const Case& c, const oracle::Answer& answer, Outcome* o) {
  o->greedy = true;
  o->kept = 1;
  o->drawn_token = answer.rank[0];
  o->token = c.given.value_or(o->drawn_token);
  const double logprob = o->token == o->drawn_token ? 0.0 : kMinusInf;
  const Report& report = c.report;
  if (report.final_logprob) o->final_logprob = logprob;
  if (report.tempered_logprob) o->tempered_logprob = logprob;
  if (report.kept_mass) o->kept_mass = 1;
  if (report.entropy) o->final_entropy = 0;
  if (report.top_n_final > 0) o->top_final.push_back({answer.rank[0], 0.0});
  if (report.kept_ids && report.kept_ids_max > 0) {
    o->kept_ids.push_back(answer.rank[0]);
  }
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));  // not reported
}

void CompareReal(const char* name, double expected, double got,
                 std::string* out) {
  if (SameBits(expected, got)) return;
  absl::StrAppend(out, name,
                  absl::StrFormat(": expected %a, got %a; ", expected, got));
}

void CompareCount(const char* name, uint64_t expected, uint64_t got,
                  std::string* out) {
  if (expected == got) return;
  absl::StrAppend(out, name, ": expected ", expected, ", got ", got, "; ");
}

void CompareTop(const char* name, const std::vector<TopToken>& expected,
                const std::vector<TopToken>& got, std::string* out) {
  CompareCount(name, expected.size(), got.size(), out);
  for (size_t i = 0; i < std::min(expected.size(), got.size()); ++i) {
    CompareCount(name, expected[i].id, got[i].id, out);
    CompareReal(name, expected[i].logprob, got[i].logprob, out);
  }
}

void CompareNear(const char* name, oracle::Real expected, double tolerance,
                 double got, std::string* out) {
  const double wanted = static_cast<double>(expected);
  if (std::isnan(got) || wanted == got) return;  // NaN: not reported
  // Doubles near a huge logit are further apart than the tolerance.
  if (std::abs(wanted - got) <= tolerance + std::abs(wanted) * 0x1p-50) return;
  absl::StrAppend(out, name,
                  absl::StrFormat(": expected %.9g, got %.9g; ", wanted, got));
}

// True if top_p could keep `kept` of the rank, up to a rounding error.
bool CouldKeep(const oracle::Answer& answer, size_t kept) {
  if (answer.target == 0 || kept == 0 || kept > answer.rank.size()) {
    return false;
  }
  const oracle::Real slack = kAmbiguous * answer.mass.back();
  return answer.mass[kept] >= answer.target - slack &&
         answer.mass[kept - 1] <= answer.target + slack;
}

}  // namespace

oracle::Params ToOracle(const Params& p) {
  oracle::Params o;
  o.temperature = p.temperature.value_or(1);
  o.top_k = p.top_k.value_or(0);
  o.top_p = p.top_p.value_or(1);
  o.min_p = p.min_p.value_or(0);
  o.repetition = p.repetition_penalty.value_or(1);
  o.repetition_window = p.repetition_window.value_or(0);
  o.frequency = p.frequency_penalty.value_or(0);
  o.frequency_window = p.frequency_window.value_or(0);
  o.presence = p.presence_penalty.value_or(0);
  o.presence_window = p.presence_window.value_or(0);
  o.penalty_exclude_ids = p.penalty_exclude_ids;
  for (size_t i = 0; i < p.logit_bias_ids.size(); ++i) {
    o.bias.emplace_back(p.logit_bias_ids[i], p.logit_bias_values[i]);
  }
  o.guidance_scale = p.guidance_scale.value_or(1);
  o.allowed_ids = p.allowed_ids;
  o.banned_ids = p.banned_ids;
  o.eos_ids = p.eos_ids;
  o.stop_ids = p.stop_ids;
  o.stop_sequences = p.stop_sequences;
  o.min_tokens = p.min_tokens.value_or(0);
  o.max_tokens = p.max_tokens.value_or(0);
  o.ignore_eos = p.ignore_eos.value_or(false);
  o.ban_eos = p.ban_eos.value_or(false);
  o.fail_on_empty = p.on_empty == OnEmpty::kError;
  o.ban_non_finite = p.on_non_finite == OnNonFinite::kBan;
  return o;
}

std::vector<float> GuideExactly(double scale,
                                const std::vector<float>& conditional,
                                const std::vector<float>& unconditional) {
  const double conditional_lse = RawOf(conditional).lse;
  const double unconditional_lse =
      AllBanned(unconditional) ? 0 : RawOf(unconditional).lse;
  constexpr double kMax = std::numeric_limits<float>::max();
  std::vector<float> guided = conditional;
  for (size_t i = 0; i < guided.size(); ++i) {
    if (guided[i] == kBannedLogit) continue;
    const double lc = double{conditional[i]} - conditional_lse;
    double lu = double{unconditional[i]} - unconditional_lse;
    if (unconditional[i] == kBannedLogit) lu = lc;
    const double step = scale * (lc - lu);
    guided[i] = static_cast<float>(std::clamp(lu + step, -kMax, kMax)) + 0.0f;
  }
  return guided;
}

oracle::Past PastOf(const Case& c) { return {c.prompt, c.output}; }

oracle::Answer AskOracle(const Case& c) {
  oracle::Row row;
  row.logits.assign(c.logits.begin(), c.logits.begin() + c.vocab_size);
  if (!c.guidance.empty()) {
    row.unconditional.assign(c.guidance.begin(),
                             c.guidance.begin() + c.vocab_size);
    row.guide = GuideExactly;
  }
  row.has_mask = c.has_mask;
  row.mask = c.mask;
  return oracle::Sample(ToOracle(c.params), PastOf(c), row,
                        {c.at.key.bits, c.at.position, c.at.attempt});
}

Outcome Exact(const Case& c, const oracle::Answer& answer) {
  Outcome o;
  o.soft_bans_lifted = answer.soft_bans_lifted;
  o.non_finite_banned = answer.non_finite_banned;
  if (answer.greedy) {
    ExactGreedy(c, answer, &o);
  } else {
    ExactDraw(c, answer, &o);
  }
  if (c.given) o.rank = static_cast<uint32_t>(oracle::RankOf(answer, *c.given));
  const Report& report = c.report;
  if (report.row_digest) o.row_digest = DigestOf(answer.received);
  if (report.raw_logprob || report.entropy || report.top_n_raw > 0) {
    const Raw raw = RawOf(answer.received);
    if (report.raw_logprob) {
      o.raw_logprob = double{answer.received[o.token]} - raw.lse;
    }
    if (report.entropy) o.raw_entropy = ExactEntropy(raw.weights, raw.d);
    for (size_t i = 0; i < raw.rank.size() && i < report.top_n_raw; ++i) {
      const uint32_t id = raw.rank[i];
      o.top_raw.push_back({id, double{answer.received[id]} - raw.lse});
    }
  }
  return o;
}

std::string Difference(const Outcome& expected, const Outcome& got) {
  std::string out;
  const auto count = [&](const char* name, auto member) {
    CompareCount(name, static_cast<uint64_t>(expected.*member),
                 static_cast<uint64_t>(got.*member), &out);
  };
  const auto real = [&](const char* name, double Outcome::*member) {
    CompareReal(name, expected.*member, got.*member, &out);
  };
  count("token", &Outcome::token);
  count("drawn_token", &Outcome::drawn_token);
  count("kept", &Outcome::kept);
  count("rank", &Outcome::rank);
  count("greedy", &Outcome::greedy);
  count("soft_bans_lifted", &Outcome::soft_bans_lifted);
  count("non_finite_banned", &Outcome::non_finite_banned);
  real("final_logprob", &Outcome::final_logprob);
  real("raw_logprob", &Outcome::raw_logprob);
  real("tempered_logprob", &Outcome::tempered_logprob);
  real("kept_mass", &Outcome::kept_mass);
  real("raw_entropy", &Outcome::raw_entropy);
  real("final_entropy", &Outcome::final_entropy);
  CompareTop("top_final", expected.top_final, got.top_final, &out);
  CompareTop("top_raw", expected.top_raw, got.top_raw, &out);
  count("row_digest", &Outcome::row_digest);
  CompareCount("kept_ids", expected.kept_ids.size(), got.kept_ids.size(), &out);
  for (size_t i = 0; i < expected.kept_ids.size() && out.empty(); ++i) {
    CompareCount("kept_ids", expected.kept_ids[i], got.kept_ids[i], &out);
  }
  return out;
}

std::string TextbookDifference(const Case& c, const oracle::Answer& answer,
                               const Outcome& got, bool* ambiguous) {
  std::string out;
  *ambiguous = false;
  CompareReal("greedy", answer.greedy, got.greedy, &out);
  if (got.kept != answer.kept) {
    *ambiguous = CouldKeep(answer, got.kept);
    if (*ambiguous) return out;
    CompareCount("kept", answer.kept, got.kept, &out);
    return out;
  }
  if (got.drawn_token != answer.winner.token) {
    *ambiguous = answer.winner.closest > 1 - kAmbiguous;
    if (*ambiguous) return out;
    CompareCount("drawn_token", answer.winner.token, got.drawn_token, &out);
    return out;
  }
  const uint32_t id = c.given.value_or(answer.winner.token);
  CompareCount("token", id, got.token, &out);
  const auto near = [&](const char* name, oracle::Real expected, double number,
                        oracle::Real tolerance = 2e-6) {
    CompareNear(name, expected, static_cast<double>(tolerance), number, &out);
  };
  near("final_logprob", oracle::FinalLogprob(answer, id), got.final_logprob);
  near("raw_logprob", oracle::RawLogprob(answer, id), got.raw_logprob);
  near("tempered_logprob", oracle::TemperedLogprob(answer, id),
       got.tempered_logprob);
  near("kept_mass", answer.kept_mass, got.kept_mass);
  // An entropy H adds terms that weigh up to H together.
  near("raw_entropy", answer.raw_entropy, got.raw_entropy,
       2e-6L * (1 + answer.raw_entropy));
  near("final_entropy", answer.final_entropy, got.final_entropy,
       2e-6L * (1 + answer.final_entropy));
  return out;
}

std::string FailureDifference(const oracle::Answer& answer,
                              const absl::Status& status) {
  using Code = absl::StatusCode;
  const auto expect = [&](Code code, const std::string& piece) {
    const bool right =
        status.code() == code && absl::StrContains(status.message(), piece);
    return right ? std::string()
                 : absl::StrCat("expected ", absl::StatusCodeToString(code),
                                " with '", piece, "', got ", status.ToString());
  };
  switch (answer.failure) {
    case oracle::Failure::kNone:
      return status.ok() ? "" : absl::StrCat("failed: ", status.ToString());
    case oracle::Failure::kNonFinite:
      return expect(
          Code::kInvalidArgument,
          absl::StrCat(answer.bad_is_unconditional ? "guidance_row" : "logits",
                       ": NaN or +inf at index ", answer.first_bad, " "));
    case oracle::Failure::kHardBans:
    case oracle::Failure::kSoftBans:
      return expect(Code::kFailedPrecondition, "");
  }
  return "";
}

}  // namespace logitd::tests
