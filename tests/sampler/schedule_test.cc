// Schedules: a step is that of the constant which the schedule comes to.
#include "sampler/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sampler/fingerprint.h"
#include "sampler/knobs_at.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kTopKField = 10;
constexpr int kTemperatureField = 1;
constexpr auto kLinear = ScheduleShape::kLinear;
constexpr auto kStep = ScheduleShape::kStep;

std::vector<double> ValuesOf(const Schedule& schedule,
                             const std::vector<uint32_t>& after) {
  std::vector<double> values;
  for (const uint32_t n : after) values.push_back(ValueAt(schedule, n));
  return values;
}

TEST(ScheduleValues, AreTheVectorsOfTheSpecification) {
  const Schedule cooling = {
      kTemperatureField, kLinear, {{0, 1.5}, {10, .5}}, {}, 1.2};
  EXPECT_THAT(ValuesOf(cooling, {0, 1, 2, 3}), ElementsAre(1.2, 1.2, 1.2, 1.2));
  EXPECT_NEAR(ValueAt(cooling, 4), 1.1, 1e-12);
  EXPECT_THAT(ValuesOf(cooling, {5, 10, 11, 1u << 20}),
              ElementsAre(1, .5, .5, .5));
  Params params;
  params.schedules = {{kTopKField, kLinear, {{0, 10}, {4, 1}}, {}, {}}};
  std::vector<uint32_t> counts;
  for (uint32_t n = 0; n < 6; ++n) {
    counts.push_back(*KnobsAt(params, n)(&Params::top_k));
  }
  EXPECT_THAT(counts, ElementsAre(10, 7, 5, 3, 1, 1));
}

TEST(ScheduleValues, HaveAFingerprintThatTellsTheirLimitsApart) {
  std::set<std::vector<std::string>> fingerprints;
  for (const auto& [min, max] :
       std::vector<std::pair<std::optional<double>, std::optional<double>>>{
           {{}, {}}, {.6, {}}, {{}, .6}, {.6, .6}, {.6, .8}, {.7, .8}}) {
    Params params;
    params.schedules = {
        {kTemperatureField, kLinear, {{0, 1.5}, {10, .5}}, min, max}};
    fingerprints.insert(FingerprintLines(*Plan::Compile(params, 100)));
  }
  EXPECT_EQ(fingerprints.size(), 6u);
}

// As many tokens as there are keep all of them.
TEST(ScheduleValues, OfAsManyTokensAsThereAreLeaveNoTrace) {
  const auto lines_of = [](double count) {
    Params params;
    params.schedules = {{kTopKField, kLinear, {{0, count}, {4, 200}}, {}, {}}};
    return FingerprintLines(*Plan::Compile(params, 100));
  };
  EXPECT_EQ(lines_of(100), FingerprintLines(*Plan::Compile(Params(), 100)));
  EXPECT_NE(lines_of(99), lines_of(100));
}

TEST(ScheduleValues, OfStepsHoldAPointsValueUntilTheNext) {
  const Schedule steps = {
      kTemperatureField, kStep, {{2, .5}, {5, 2}, {6, 1}}, {}, {}};
  EXPECT_THAT(ValuesOf(steps, {0, 1, 2, 3, 4, 5, 6, 7}),
              ElementsAre(.5, .5, .5, .5, .5, 2, 1, 1));
}

TEST(ScheduleValues, AreCutToTheirLimits) {
  const Schedule limited = {
      kTemperatureField, kLinear, {{0, 0}, {8, 8}}, 2.5, 6};
  EXPECT_THAT(ValuesOf(limited, {0, 2, 3, 6, 7, 9}),
              ElementsAre(2.5, 2.5, 3, 6, 6, 6));
}

// Two values of a knob: one at which it acts, and another, or the off value.
struct Pair {
  int field;
  double a;
  double b;
};
constexpr Pair kPairs[] = {
    {1, .4, 0},    {1, 1, 1.7},  {2, 0, .6},    {3, 1, 2.5},   {4, 0, .3},
    {5, 1, 2.5},   {10, 3, 40},  {10, 5, 1e6},  {11, .6, 1},   {12, 0, .2},
    {13, 0, 1.5},  {14, .4, 1},  {15, 0, .05},  {16, .1, 0},   {17, .3, 0},
    {18, .7, 1},   {19, .4, 1},  {21, 0, 1},    {22, .02, .4}, {24, .8, 1},
    {25, .3, .85}, {31, .5, 4},  {32, .2, 1},   {33, 0, .4},   {34, .2, .9},
    {40, 1, 1.6},  {42, 0, .7},  {44, -.8, .8}, {47, 1.5, 1},  {48, 0, 1.2},
    {49, 1.2, 3},  {55, 1, 1.3}, {67, 1, 2.2},
};

// What must be on for the knob to do something.
void AddCompanions(int field, Params* params) {
  const auto set = [&](auto knob, double value) {
    if (!(params->*knob)) params->*knob = value;
  };
  if (field == 3) set(&Params::dynamic_temperature_range, .7);
  if (field == 5) set(&Params::smoothing_factor, .3);
  if (field == 22) set(&Params::xtc_probability, 1);
  if (field == 24 || field == 25) set(&Params::top_p, .9);
  if (field == 25) set(&Params::top_p_decay, .7);
  if (field == 31 || field == 32) params->mirostat = 2;
  if (field == 34) set(&Params::adaptive_p_target, .4);
  if (field == 49) set(&Params::dry_multiplier, .8);
}

std::string NameOf(int field) {
  const RealKnob* real = FindKnob(kRealKnobs, field);
  return real != nullptr ? real->name : "top_k";
}

void SetConstant(int field, double value, Params* params) {
  const RealKnob* real = FindKnob(kRealKnobs, field);
  if (real != nullptr) {
    params->*real->value = value;
  } else {
    params->top_k = static_cast<uint32_t>(std::floor(value));
  }
}

class Schedules : public Sampling {
 protected:
  // A history in which each knob has something to do, `generated` long.
  static Case At(uint32_t generated, Params params) {
    constexpr uint32_t kSize = 700;
    Case c = Question(MakeRow(Shape::kNormal, kSize, 77 + generated),
                      std::move(params));
    c.params.eos_ids = {5};
    // Some that are likely, and one of them the most so.
    for (uint32_t id = 2; id < 6; ++id) {
      c.logits[id] = 12 + static_cast<float>(id) / 4;
    }
    c.guidance = MakeRow(Shape::kNormal, kSize, 500 + generated);
    for (uint32_t i = 0; i < 12; ++i) c.prompt.push_back(i % 5 + 1);
    for (uint32_t i = 0; i < generated; ++i) c.output.push_back(i % 4 + 2);
    c.at.key.bits = 3;
    c.at.position = 12 + generated;
    c.feedback.mu = 3.5;
    c.feedback.sums = Feedback::Sums{2.0, 7.0};
    return c;
  }

  // The outcome; its guidance row only where the plan takes one.
  Outcome AskAt(uint32_t generated, const Params& params) {
    Case c = At(generated, params);
    if (!Plan::Compile(c.params, c.vocab_size)->values.guidance) {
      c.guidance.clear();
    }
    return Ask(c);
  }
};

TEST_P(Schedules, AreAtEachStepTheConstantTheyComeTo) {
  for (const Pair& pair : kPairs) {
    for (const ScheduleShape shape : {kStep, kLinear}) {
      const Schedule schedule = {
          pair.field, shape, {{2, pair.a}, {9, pair.b}}, {}, {}};
      Params scheduled;
      AddCompanions(pair.field, &scheduled);
      scheduled.schedules = {schedule};
      for (uint32_t n = 0; n < 12; ++n) {
        Params constant;
        AddCompanions(pair.field, &constant);
        SetConstant(pair.field, ValueAt(schedule, n), &constant);
        EXPECT_EQ(Difference(AskAt(n, constant), AskAt(n, scheduled)), "")
            << NameOf(pair.field) << " after " << n;
      }
    }
  }
}

// Each knob that may be scheduled, and each at a step where it matters.
TEST_P(Schedules, ChangesTheKnobByPosition) {
  for (const RealKnob& knob : kRealKnobs) {
    const bool is_tried =
        std::any_of(std::begin(kPairs), std::end(kPairs),
                    [&](const Pair& pair) { return pair.field == knob.field; });
    EXPECT_TRUE(is_tried) << knob.name;
  }
  for (const Pair& pair : kPairs) {
    Params scheduled;
    AddCompanions(pair.field, &scheduled);
    Params first = scheduled;
    scheduled.schedules = {
        {pair.field, kStep, {{0, pair.a}, {8, pair.b}}, {}, {}}};
    SetConstant(pair.field, pair.a, &first);
    EXPECT_EQ(Difference(AskAt(7, first), AskAt(7, scheduled)), "")
        << NameOf(pair.field);
    EXPECT_NE(Difference(AskAt(8, first), AskAt(8, scheduled)), "")
        << NameOf(pair.field) << " does nothing here";
  }
}

TEST_P(Schedules, OfTheTemperatureRaiseTheEntropyStepByStep) {
  Params params;
  params.schedules = {{kTemperatureField, kLinear, {{0, .3}, {10, 2}}, {}, {}}};
  double before = -1;
  for (uint32_t n = 0; n <= 10; ++n) {
    Case c = At(0, params);  // the same row
    c.guidance.clear();
    for (uint32_t i = 0; i < n; ++i) c.output.push_back(i);
    const double entropy = Ask(c).final_entropy;
    EXPECT_GT(entropy, before) << n;
    before = entropy;
  }
}

TEST_P(Schedules, ThatNeverLeaveTheOffValueAreNone) {
  for (const Pair& pair : kPairs) {
    const RealKnob* real = FindKnob(kRealKnobs, pair.field);
    const double off = real != nullptr ? real->off : 1e6;
    Params plain;
    AddCompanions(pair.field, &plain);
    Params turned = plain;
    turned.schedules = {{pair.field, kLinear, {{0, off}, {9, off}}, {}, {}}};
    EXPECT_EQ(Difference(AskAt(4, plain), AskAt(4, turned)), "")
        << NameOf(pair.field);
    EXPECT_EQ(FingerprintLines(*Plan::Compile(plain, 700)),
              FingerprintLines(*Plan::Compile(turned, 700)))
        << NameOf(pair.field);
  }
}

TEST_P(Schedules, OfSeveralKnobsAreAllAtTheirStep) {
  Params scheduled, constant;
  for (const Pair& pair : kPairs) {
    if (pair.field == 24 || pair.field == 25) continue;  // hide top_p's
    const auto same = [&](const Schedule& s) { return s.field == pair.field; };
    auto& all = scheduled.schedules;
    if (std::any_of(all.begin(), all.end(), same)) continue;
    all.push_back({pair.field, kLinear, {{0, pair.a}, {20, pair.b}}, {}, {}});
    SetConstant(pair.field, ValueAt(all.back(), 7), &constant);
  }
  EXPECT_EQ(Difference(AskAt(7, constant), AskAt(7, scheduled)), "");
}

TEST_P(Schedules, OfGuidanceWantTheSecondRowFromTheBeginning) {
  Params params;
  params.schedules = {{67, kStep, {{0, 1}, {5, 2}}, {}, {}}};
  Case c = At(0, params);
  c.params.eos_ids.clear();
  Case plain = At(0, {});
  plain.params.eos_ids.clear();
  plain.guidance.clear();
  EXPECT_EQ(Difference(Ask(plain), Ask(c)), "");
  c.guidance[3] = NAN;  // nobody looks at it yet
  EXPECT_EQ(Difference(Ask(plain), Ask(c)), "");
  c.guidance.clear();
  EXPECT_THAT(Fail(c).message(), HasSubstr("guidance_row: required"));
}

LOGITD_ON_EACH_TARGET(Schedules);

std::string Refused(Params params) {
  const auto plan = Plan::Compile(std::move(params), 100);
  return std::string(plan.status().message());
}
std::string Refused(Schedule schedule) {
  Params params;
  params.schedules = {std::move(schedule)};
  return Refused(std::move(params));
}

TEST(SchedulesRefused, NameFieldValueAndRange) {
  EXPECT_THAT(Refused({kTemperatureField, kStep, {}, {}, {}}),
              HasSubstr("schedules[0].points: 0 points are outside [1, 64]"));
  EXPECT_THAT(
      Refused({kTemperatureField, kStep, {{0, 1}, {5, 101}}, {}, {}}),
      HasSubstr("schedules[0].points[1].value: 101 is outside [0, 100]"));
  EXPECT_THAT(Refused({kTemperatureField, kStep, {{0, NAN}}, {}, {}}),
              HasSubstr("schedules[0].points[0].value: nan is outside"));
  EXPECT_THAT(Refused({kTemperatureField, kStep, {{5, 1}, {5, 1}}, {}, {}}),
              HasSubstr("schedules[0].points[1].at: 5 is not above 5"));
  EXPECT_THAT(Refused({kTemperatureField, kStep, {{7, 1}, {5, 1}}, {}, {}}),
              HasSubstr("[1].at: 5 is not above 7 of the point before"));
  EXPECT_THAT(
      Refused({kTemperatureField, kStep, {{(1u << 20) + 1, 1}}, {}, {}}),
      HasSubstr("points[0].at: 1048577 is outside [0, 1048576]"));
  EXPECT_THAT(Refused({kTopKField, kStep, {{0, 1.5}}, {}, {}}),
              HasSubstr("value: 1.5 is not a whole number"));
  EXPECT_THAT(Refused({kTopKField, kStep, {{0, 0}}, {}, {}}),
              HasSubstr("value: 0 is outside [1, 1048576]"));
  EXPECT_THAT(Refused({kTemperatureField, kStep, {{0, 1}}, 2.0, 1.0}),
              HasSubstr("schedules[0].min: 2 is more than max 1"));
  EXPECT_THAT(Refused({kTemperatureField, kStep, {{0, 1}}, -1.0, {}}),
              HasSubstr("schedules[0].min: -1 is outside [0, 100]"));
  EXPECT_THAT(Refused({30, kStep, {{0, 1}}, {}, {}}),
              HasSubstr("schedules[0].knob: field 30 cannot be a function"));
  RecordRanges({"schedules"});
}

TEST(SchedulesRefused, MoreThan64Points) {
  Schedule schedule = {kTemperatureField, kStep, {}, {}, {}};
  for (uint32_t i = 0; i < kSchedulePointsMax; ++i) {
    schedule.points.push_back({i, 1});
  }
  EXPECT_EQ(Refused(schedule), "");
  schedule.points.push_back({64, 1});
  Params params;
  params.schedules = {schedule};
  const absl::Status status = Plan::Compile(params, 100).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("65 points"));
}

TEST(SchedulesRefused, BesideAConstantOrAnother) {
  const Schedule one = {kTemperatureField, kStep, {{0, 1}}, {}, {}};
  Params params;
  params.schedules = {one};
  params.temperature = 1;
  EXPECT_THAT(Refused(params), HasSubstr("temperature has a constant too"));
  params.temperature.reset();
  params.schedules.push_back(one);
  EXPECT_THAT(Refused(params),
              HasSubstr("schedules[1].knob: temperature has two schedules"));
}

TEST(SchedulesRefused, WhereStepsLackTheStage) {
  Params params;
  params.steps = {Stage::kTemperature};
  params.schedules = {{kTopKField, kStep, {{0, 100}, {9, 5}}, {}, {}}};
  EXPECT_THAT(Refused(params), HasSubstr("steps: lack top_k"));
}

TEST(SchedulesOfAPlan, NeedThePromptIfAnyStepDoes) {
  Params params;
  params.schedules = {{40, kStep, {{0, 1}, {9, 1.5}}, {}, {}}};
  EXPECT_STREQ(Plan::Compile(params, 100)->knob_of_prompt(),
               "repetition_penalty");
}

TEST(SchedulesOfAPlan, AreInTheFingerprint) {
  Params params;
  params.schedules = {{11, kStep, {{0, .5}}, {}, .75},
                      {kTemperatureField, kLinear, {{0, 0}, {9, 2}}, {}, {}}};
  const std::vector<std::string> expected = {
      "logitd/1",
      "core=0",
      "check=1",
      "hard_bans=1",
      "greedy=1",
      "temperature=1",
      "top_p=1",
      "draw=1",
      "95=1:linear,0=0000000000000000,9=4000000000000000;"
      "11:step,max=3fe8000000000000,0=3fe0000000000000"};
  EXPECT_EQ(FingerprintLines(*Plan::Compile(params, 100)), expected);
  std::swap(params.schedules[0], params.schedules[1]);
  EXPECT_EQ(FingerprintLines(*Plan::Compile(params, 100)), expected);
  params.schedules[0].points[1].at = 8;
  EXPECT_NE(FingerprintLines(*Plan::Compile(params, 100)), expected);
}

}  // namespace
}  // namespace logitd::tests
