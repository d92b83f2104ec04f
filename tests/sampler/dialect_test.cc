// The sampler under each dialect against that engine's textbook: generated
// rows, chains and histories, and cases whose answer is known beforehand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>

#include "tests/sampler/ask.h"
#include "tests/sampler/dialect_cases.h"
#include "tests/sampler/knob_notes.h"

namespace logitd::tests {
namespace {

// How far from a cut or a probability fp32 may be.
constexpr double kNear = 1e-5;
// The share of cases that may be at a tie or that near to a cut.
constexpr double kUndecidedShare = 0.02;

template <class T>
std::optional<T> UnlessOff(T value, T off) {
  return value == off ? std::nullopt : std::optional<T>(value);
}

Dialect DialectOf(DialectName name) {
  return static_cast<Dialect>(static_cast<int>(name) + 1);
}

void SetPenalties(const dialects::Params& from, Params* to) {
  to->repetition_penalty = UnlessOff(from.repetition, 1.0);
  to->repetition_window = UnlessOff(from.repetition_window, 0u);
  to->frequency_penalty = UnlessOff(from.frequency, 0.0);
  to->frequency_window = UnlessOff(from.frequency_window, 0u);
  to->presence_penalty = UnlessOff(from.presence, 0.0);
  to->presence_window = UnlessOff(from.presence_window, 0u);
  to->penalty_exclude_ids = from.penalty_exclude_ids;
  to->dry_multiplier = UnlessOff(from.dry_multiplier, 0.0);
  to->dry_base = from.dry_base;
  to->dry_allowed_length = from.dry_allowed_length;
  to->dry_window = UnlessOff(from.dry_window, 0u);
  to->dry_breaker_sequences = from.dry_breakers;
  to->length_penalty_start = from.length_penalty_start;
  to->length_penalty_factor = UnlessOff(from.length_penalty_factor, 1.0);
  for (const auto& [id, bias] : from.bias) {
    to->logit_bias_ids.push_back(id);
    to->logit_bias_values.push_back(bias);
  }
}

void SetBans(const dialects::Params& from, Params* to) {
  to->no_repeat_ngram = from.no_repeat_ngram;
  to->allowed_ids = from.allowed_ids;
  to->banned_ids = from.banned_ids;
  to->bad_words = from.bad_words;
  to->suppressed_ids = from.suppressed_ids;
  to->begin_suppressed_ids = from.begin_suppressed_ids;
  to->guidance_scale = UnlessOff(from.guidance_scale, 1.0);
  to->eos_ids = from.eos_ids;
  to->stop_ids = from.stop_ids;
  to->min_tokens = from.min_tokens;
  to->ignore_eos = from.ignore_eos;
  to->ban_eos = from.ban_eos;
}

void SetShape(const dialects::Params& from, Params* to) {
  to->temperature = from.temperature;
  to->dynamic_temperature_range = from.dynamic_temperature_range;
  to->dynamic_temperature_exponent = from.dynamic_temperature_exponent;
  to->smoothing_factor = from.smoothing_factor;
  to->smoothing_curve = from.smoothing_curve;
  to->top_k = UnlessOff(from.top_k, 0u);
  to->top_p = from.top_p;
  to->min_p = from.min_p;
  to->top_n_sigma = from.top_n_sigma;
  to->typical_p = from.typical_p;
  to->epsilon_cutoff = from.epsilon_cutoff;
  to->eta_cutoff = from.eta_cutoff;
  to->top_h = from.top_h;
  to->top_a = from.top_a;
  to->tail_free = from.tail_free;
  to->p_less = from.p_less;
  to->xtc_probability = from.xtc_applies && from.xtc_threshold <= .5 ? 1 : 0;
  to->xtc_threshold = std::min(from.xtc_threshold, .5);
  to->xtc_protected_ids = from.xtc_protected_ids;
  to->mirostat = from.mirostat;
  if (from.adaptive_p) to->adaptive_p_target = from.adaptive_p_target;
}

Case CaseOf(const DialectCase& from, Dialect dialect) {
  Params params;
  params.dialect = dialect;
  SetPenalties(from.params, &params);
  SetBans(from.params, &params);
  SetShape(from.params, &params);
  Case c = Question(from.row.logits, params);
  c.name = from.name;
  c.guidance = from.row.unconditional;
  if (!params.guidance_scale) c.guidance.clear();
  c.has_mask = from.row.has_mask;
  c.mask = from.row.mask;
  c.prompt = from.past.prompt;
  c.output = from.past.output;
  c.at.position = static_cast<uint32_t>(c.prompt.size() + c.output.size());
  c.report.kept_ids = true;
  if (from.params.mirostat != 0) c.feedback.mu = from.params.mirostat_mu;
  if (from.params.adaptive_p) {
    c.feedback.sums = Feedback::Sums{from.params.adaptive_p_weighted_sum,
                                     from.params.adaptive_p_total_weight};
  }
  return c;
}

// Empty when both keep the same tokens with the same probabilities, which then
// differ by *error at most. Those that fp32 cannot draw count in neither.
std::string Different(const dialects::Answer& expected, const Ran& got,
                      double* error) {
  if (expected.nothing_left) {
    return got.status.ok() ? "something was left" : "";
  }
  if (!got.status.ok()) return got.status.ToString();
  constexpr double kTiny = 1e-36;
  std::map<uint32_t, double> p;
  for (size_t i = 0; i < expected.ids.size(); ++i) {
    if (expected.p[i] > kTiny) {
      p[expected.ids[i]] = static_cast<double>(expected.p[i]);
    }
  }
  std::map<uint32_t, double> listed;
  for (const TopToken& top : got.outcome.top_final) {
    listed[top.id] = std::exp(top.logprob);
  }
  for (const uint32_t id : got.outcome.kept_ids) {
    const auto it = p.find(id);
    const auto told = listed.find(id);
    if (it == p.end()) {
      if (told != listed.end() && told->second < kTiny * 10) continue;
      if (told == listed.end() && listed.size() == kTopMax) continue;
      return "keeps " + std::to_string(id);
    }
    if (told != listed.end()) {
      *error = std::max(*error, std::abs(told->second - it->second));
      if (*error > kNear) {
        return "p of " + std::to_string(id) + " is " +
               std::to_string(told->second) + ", not " +
               std::to_string(it->second);
      }
    }
    p.erase(it);
  }
  if (!p.empty() && p.begin()->second > kTiny * 10) {
    return "lost " + std::to_string(p.begin()->first);
  }
  return "";
}

class DialectTest
    : public testing::TestWithParam<std::tuple<Target, DialectName>> {
 protected:
  CaseRunner runner_{*std::get<0>(GetParam())};
  CaseRunner fastest_{*Targets()[0]};
  DialectName name() const { return std::get<1>(GetParam()); }

  void Judge(const DialectCase& c) {
    const dialects::Answer expected = AskTextbook(c);
    const Case asked = CaseOf(c, DialectOf(name()));
    const Ran ran = runner_.Run(asked);
    double error = 0;
    const std::string difference = Different(expected, ran, &error);
    ++cases_;
    if (difference.empty()) {
      for (const std::string& knob : KnobsThatDecide(asked, ran, &fastest_)) {
        (knob == "dialect" ? dialect_ : others_).Add(knob, error);
      }
      return;
    }
    if (expected.tied || expected.closest < kNear) {
      ++undecided_;
      return;
    }
    ADD_FAILURE() << c.name << ": " << difference << " (closest "
                  << static_cast<double>(expected.closest) << ")";
    ++failures_;
  }

  int cases_ = 0;
  int undecided_ = 0;
  int failures_ = 0;
  Comparisons dialect_;  // the knob, whose oracle are the textbooks
  Comparisons others_;
};

TEST_P(DialectTest, KeepsTheDistributionOfItsEngine) {
  const int count = Effort(2000, 500);
  for (uint64_t seed = 0; cases_ < count && failures_ < 10; ++seed) {
    Judge(MakeDialectCase(name(), seed, seed % 4 == 3));
  }
  std::cout << "  " << cases_ << " cases, " << undecided_
            << " at a tie or a rounding error of a cut\n";
  RecordProperty("cases", cases_);
  RecordProperty("dialect", Name(name()));
  dialect_.Record("oracle");
  others_.Record("textbook");
  EXPECT_LE(undecided_, cases_ * kUndecidedShare);
}

std::string WhichName(const testing::TestParamInfo<DialectTest::ParamType>& i) {
  return std::string(Name(std::get<1>(i.param))) + "_" +
         std::get<0>(i.param)->name;
}

INSTANTIATE_TEST_SUITE_P(
    , DialectTest,
    testing::Combine(testing::ValuesIn(Targets()),
                     testing::Values(DialectName::kVllm,
                                     DialectName::kHuggingFace,
                                     DialectName::kLlamaCpp,
                                     DialectName::kSglang,
                                     DialectName::kOpenvino)),
    WhichName);

class NamedDialect : public testing::TestWithParam<NamedDialectCase> {};

TEST_P(NamedDialect, IsKeptByTheSampler) {
  const NamedDialectCase& named = GetParam();
  CaseRunner runner(*Targets()[0]);
  const Ran& ran = runner.Run(CaseOf(named.c, DialectOf(named.c.dialect)));
  if (named.kept.empty()) {
    EXPECT_FALSE(ran.status.ok());
    return;
  }
  ASSERT_TRUE(ran.status.ok()) << ran.status;
  EXPECT_EQ(ran.outcome.kept_ids, named.kept);
  if (named.p.empty()) return;
  for (size_t i = 0; i < named.kept.size(); ++i) {
    EXPECT_NEAR(ProbabilityOf(ran.outcome, named.kept[i]), named.p[i], 2e-4)
        << "token " << named.kept[i];
  }
}

INSTANTIATE_TEST_SUITE_P(, NamedDialect, testing::ValuesIn(NamedDialectCases()),
                         [](const auto& info) { return info.param.c.name; });

// A dialect is more than a name: with two of them swapped, many cases fail.
TEST(Dialects, ThatAreSwappedTurnManyCasesRed) {
  CaseRunner runner(*Targets()[0]);
  const auto missed = [&](DialectName own, DialectName other) {
    int count = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const DialectCase c = MakeDialectCase(own, seed);
      const dialects::Answer expected = AskTextbook(c);
      if (expected.tied || expected.closest < kNear) continue;
      const Ran& ran = runner.Run(CaseOf(c, DialectOf(other)));
      double error = 0;
      count += Different(expected, ran, &error).empty() ? 0 : 1;
    }
    return count;
  };
  for (int a = 0; a < kDialectCount; ++a) {
    for (int b = 0; b < a; ++b) {
      const auto first = static_cast<DialectName>(a);
      const auto second = static_cast<DialectName>(b);
      const int red = missed(first, second) + missed(second, first);
      EXPECT_GE(red, 20) << Name(first) << " and " << Name(second);
    }
  }
}

}  // namespace
}  // namespace logitd::tests
