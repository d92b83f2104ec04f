// The sampler under each dialect against that engine's textbook: generated
// rows, chains and histories, and cases whose answer is known beforehand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>

#include "tests/sampler/ask.h"
#include "tests/sampler/asked.h"
#include "tests/sampler/dialect_cases.h"
#include "tests/sampler/knob_notes.h"

namespace logitd::tests {
namespace {

// How far from a cut or a probability fp32 may be.
constexpr double kNear = 1e-5;
// The share of cases that may be at a tie or that near to a cut.
constexpr double kUndecidedShare = 0.02;

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
    const Case asked = Asked(c, DialectOf(name()));
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

  void Conclude() {
    std::cout << "  " << cases_ << " cases, " << undecided_
              << " at a tie or a rounding error of a cut\n";
    RecordProperty("cases", cases_);
    RecordProperty("dialect", Name(name()));
    dialect_.Record("oracle");
    others_.Record("textbook");
    EXPECT_LE(undecided_, cases_ * kUndecidedShare);
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
    Judge(MakeDialectCase(name(), seed));
  }
  Conclude();
}

TEST_P(DialectTest, HasKnobsThatItsEngineLacksWhereTheSpecificationSays) {
  const int count = Effort(1500, 400);
  for (uint64_t seed = 0; cases_ < count && failures_ < 10; ++seed) {
    Judge(MakeDialectCase(name(), seed, true));
  }
  Conclude();
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
  const Ran& ran = runner.Run(Asked(named.c, DialectOf(named.c.dialect)));
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
                         [](const auto& named) { return named.param.c.name; });

// A dialect is more than a name: with two of them swapped, many cases fail.
TEST(Dialects, ThatAreSwappedTurnManyCasesRed) {
  CaseRunner runner(*Targets()[0]);
  const auto missed = [&](DialectName own, DialectName other) {
    int count = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const DialectCase c = MakeDialectCase(own, seed);
      const dialects::Answer expected = AskTextbook(c);
      if (expected.tied || expected.closest < kNear) continue;
      const Ran& ran = runner.Run(Asked(c, DialectOf(other)));
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
