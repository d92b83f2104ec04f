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
#include "tests/oracle/shape.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

constexpr double kMinusInf = -std::numeric_limits<double>::infinity();
constexpr float kBannedLogit = -std::numeric_limits<float>::infinity();

bool AllBanned(const std::vector<float>& row) {
  return std::all_of(row.begin(), row.end(),
                     [](float l) { return l == kBannedLogit; });
}

// The arithmetic of the specification.
struct ExactArithmetic {
  using W = float;
  using N = double;
  static W Weigh(float d) { return ScalarExpF(d); }
  static N Sum(const std::vector<W>& terms) { return ScalarSum(terms); }
  static N Log(N x) { return ScalarLogD(x); }
  static N Exp(N x) { return ScalarExpD(x); }
};
using ExactShaper = oracle::Shaper<ExactArithmetic>;
void NoChange(const std::string&, std::vector<float>*) {}

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

Feedback FromOracle(const oracle::Feedback& o) {
  Feedback feedback;
  feedback.mu = o.mu;
  if (o.has_sums) feedback.sums = Feedback::Sums{o.weighted, o.total};
  return feedback;
}

// Log-sum-exp of a row at T = 1.
double LseOf(const std::vector<float>& l) {
  const ExactShaper all({}, {}, {}, l, NoChange);
  return double{l[all.kept()[0]]} + ScalarLogD(all.Mass());
}

// XXH3 of the bytes of the row.
uint64_t DigestOf(const std::vector<float>& received) {
  return XXH3_64bits(received.data(), received.size() * sizeof(float));
}

// The numbers of a draw; greedy ones differ too much to share code.
void ExactDraw(const Case& c, const oracle::Answer& answer, Outcome* o) {
  const oracle::Params params = oracle::AtStep(ToOracle(c.params), PastOf(c));
  const ExactShaper shaped(params, ToOracle(c.feedback),
                           {c.at.key.bits, c.at.position, c.at.attempt},
                           answer.unshaped,
                           oracle::ChangerOf(params, PastOf(c)));
  const oracle::Ids& kept = shaped.kept();
  std::vector<float> w(answer.logits.size(), 0.0f);
  for (uint32_t id : kept) w[id] = shaped.Weight(id);
  const double log_mass = ScalarLogD(shaped.Mass());
  const auto logprob_of = [&](uint32_t id) {
    return double{shaped.D(id)} - log_mass;
  };
  o->kept = static_cast<uint32_t>(kept.size());
  o->drawn_token = ExactRace(w, c.at);
  o->token = c.given.value_or(o->drawn_token);
  const bool is_kept =
      std::find(kept.begin(), kept.end(), o->token) != kept.end();
  const Report& report = c.report;
  if (report.final_logprob) {
    o->final_logprob = is_kept ? logprob_of(o->token) : kMinusInf;
  }
  if (report.tempered_logprob) {
    o->tempered_logprob = oracle::RankOf(answer, o->token) == 0
                              ? kMinusInf
                              : double{shaped.TemperedD(o->token)} -
                                    ScalarLogD(shaped.TemperedMass());
  }
  if (report.kept_mass) o->kept_mass = shaped.KeptMass();
  if (report.entropy) o->final_entropy = shaped.Entropy();
  for (size_t i = 0; i < kept.size() && i < report.top_n_final; ++i) {
    o->top_final.push_back({kept[i], logprob_of(kept[i])});
  }
  o->feedback = FromOracle(shaped.After(o->token));
  if (report.kept_ids && kept.size() <= report.kept_ids_max) {
    o->kept_ids = kept;
    std::sort(o->kept_ids.begin(), o->kept_ids.end());
  }
}

void ExactGreedy(const Case& c, const oracle::Answer& answer, Outcome* o) {
  o->greedy = true;
  o->kept = 1;
  o->drawn_token = answer.kept[0];
  o->token = c.given.value_or(o->drawn_token);
  const double logprob = o->token == o->drawn_token ? 0.0 : kMinusInf;
  const Report& report = c.report;
  if (report.final_logprob) o->final_logprob = logprob;
  if (report.tempered_logprob) o->tempered_logprob = logprob;
  if (report.kept_mass) o->kept_mass = 1;
  if (report.entropy) o->final_entropy = 0;
  if (report.top_n_final > 0) o->top_final.push_back({answer.kept[0], 0.0});
  if (report.kept_ids && report.kept_ids_max > 0) {
    o->kept_ids.push_back(answer.kept[0]);
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

}  // namespace

std::vector<float> GuideExactly(double scale,
                                const std::vector<float>& conditional,
                                const std::vector<float>& unconditional) {
  const double conditional_lse = LseOf(conditional);
  const double unconditional_lse =
      AllBanned(unconditional) ? 0 : LseOf(unconditional);
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
  return oracle::Sample(ToOracle(c.params), PastOf(c), ToOracle(c.feedback),
                        row, {c.at.key.bits, c.at.position, c.at.attempt},
                        c.given);
}

Outcome Exact(const Case& c, const oracle::Answer& answer) {
  Outcome o;
  o.feedback = c.feedback;
  o.forced = static_cast<ForcedBy>(answer.forced);
  o.forced_overruled = answer.forced_overruled;
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
    const ExactShaper all({}, {}, {}, answer.received, NoChange);
    const std::vector<float>& l = answer.received;
    const double lse = LseOf(l);
    if (report.raw_logprob) o.raw_logprob = double{l[o.token]} - lse;
    if (report.entropy) o.raw_entropy = all.Entropy();
    const size_t count = std::min<size_t>(all.kept().size(), report.top_n_raw);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t id = all.kept()[i];
      o.top_raw.push_back({id, double{l[id]} - lse});
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
  count("forced", &Outcome::forced);
  count("forced_overruled", &Outcome::forced_overruled);
  count("soft_bans_lifted", &Outcome::soft_bans_lifted);
  count("non_finite_banned", &Outcome::non_finite_banned);
  real("final_logprob", &Outcome::final_logprob);
  real("raw_logprob", &Outcome::raw_logprob);
  real("tempered_logprob", &Outcome::tempered_logprob);
  real("kept_mass", &Outcome::kept_mass);
  real("raw_entropy", &Outcome::raw_entropy);
  real("final_entropy", &Outcome::final_entropy);
  const auto feedback = [&](const char* name, auto member) {
    CompareReal(name, member(expected.feedback), member(got.feedback), &out);
  };
  feedback("mu", [](const Feedback& f) { return f.mu.value_or(-1e9); });
  feedback("weighted", [](const Feedback& f) {
    return f.sums.value_or(Feedback::Sums{-1, 0}).weighted;
  });
  feedback("total", [](const Feedback& f) {
    return f.sums.value_or(Feedback::Sums{-1, 0}).total;
  });
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
  if (got.kept != answer.kept.size()) {
    *ambiguous = answer.margin < kAmbiguous * answer.slack;
    if (*ambiguous) return out;
    CompareCount("kept", answer.kept.size(), got.kept, &out);
    return out;
  }
  if (got.drawn_token != answer.winner.token) {
    *ambiguous = std::min(1 - answer.winner.closest, answer.margin) <
                 kAmbiguous * answer.slack;
    if (*ambiguous) return out;
    CompareCount("drawn_token", answer.winner.token, got.drawn_token, &out);
    return out;
  }
  const uint32_t id = c.given.value_or(answer.winner.token);
  CompareCount("token", id, got.token, &out);
  const auto near = [&](const char* name, oracle::Real expected, double number,
                        oracle::Real tolerance = 2e-6) {
    if (answer.slack > 1 && std::isfinite(expected)) {
      tolerance *= answer.slack * (1 + std::abs(expected));
    }
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

double TextbookError(const Case& c, const oracle::Answer& answer,
                     const Outcome& got) {
  if (got.kept != answer.kept.size()) return 0;
  double worst = 0;
  const auto compare = [&](oracle::Real expected, oracle::Real number) {
    const auto error = static_cast<double>(std::abs(expected - number));
    if (std::isfinite(error)) worst = std::max(worst, error);
  };
  const auto probability = [&](oracle::Real expected, double logprob) {
    compare(std::exp(expected), std::exp(oracle::Real{logprob}));
  };
  const uint32_t id = c.given.value_or(answer.winner.token);
  if (id == got.token) {
    probability(oracle::FinalLogprob(answer, id), got.final_logprob);
    probability(oracle::RawLogprob(answer, id), got.raw_logprob);
  }
  compare(answer.kept_mass, oracle::Real{got.kept_mass});
  return worst;
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
    case oracle::Failure::kConflict:
      return expect(Code::kFailedPrecondition, "on_conflict is ERROR");
    case oracle::Failure::kHardBans:
      return expect(Code::kFailedPrecondition, "");
    case oracle::Failure::kSoftBans: {
      std::string missing;
      for (const std::string& knob : answer.soft_bans) {
        missing += expect(Code::kFailedPrecondition, knob);
      }
      return missing;
    }
  }
  return "";
}

}  // namespace logitd::tests
