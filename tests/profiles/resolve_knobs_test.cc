// Every built knob on every level, and every conflict of the table.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sampler/knobs.h"
#include "sampler/params.h"
#include "service/convert_params.h"
#include "service/profiles/conflict.h"
#include "service/profiles/knob.h"
#include "service/profiles/resolve.h"
#include "service/profiles/resolve_levels.h"
#include "tests/profiles/resolve_texts.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::ParamsText;
using testing::PhaseText;
using testing::ProfileText;
using testing::StatusIs;
using v1::SamplingParams;

constexpr uint32_t kVocab = 1000;

void AddSequence(const Knob& knob, const TokenIds& tokens,
                 SamplingParams* params) {
  auto* sequence = static_cast<v1::TokenSequence*>(
      params->GetReflection()->AddMessage(params, &knob));
  sequence->set_tokens(WriteIds(tokens));
}

// One of the values that a knob has in these tests, none but a third one off.
// Those of a list overlap.
void Put(const Knob& knob, int which, SamplingParams* params) {
  const auto* reflection = params->GetReflection();
  const auto base = static_cast<uint32_t>(which);
  if (knob.number() == kBiasIdsField) {
    params->set_logit_bias_ids(WriteIds({1, 2 + base}));
    params->add_logit_bias_values(which + 1);
    params->add_logit_bias_values(which + 1);
    return;
  }
  if (knob.number() == kThinkingBudgetField) {
    params->mutable_thinking_budget()->set_start(WriteIds({1}));
    params->mutable_thinking_budget()->set_end(WriteIds({2}));
    params->mutable_thinking_budget()->set_max_tokens(base);
    return;
  }
  if (knob.cpp_type() == Knob::CPPTYPE_MESSAGE) {
    AddSequence(knob, {7}, params);
    AddSequence(knob, {8, base}, params);
    return;
  }
  if (knob.number() == SamplingParams::kStepsFieldNumber) {
    reflection->AddString(params, &knob, base == 0 ? "temperature" : "top_p");
    return;
  }
  switch (knob.cpp_type()) {
    case Knob::CPPTYPE_DOUBLE:
      reflection->SetDouble(params, &knob,
                            RangeOf(knob)->min + 0.2 + 0.1 * which);
      return;
    case Knob::CPPTYPE_UINT32:
      reflection->SetUInt32(params, &knob,
                            RangeOf(knob)->max < 12 ? 2 - base : 10 + base);
      return;
    case Knob::CPPTYPE_BOOL:
      reflection->SetBool(params, &knob, true);
      return;
    case Knob::CPPTYPE_ENUM:
      reflection->SetEnumValue(params, &knob, 2);
      return;
    default:
      reflection->SetString(params, &knob, WriteIds({1, 2 + base}));
  }
}

std::vector<const Knob*> BuiltKnobs() {
  std::vector<const Knob*> knobs;
  const auto* type = SamplingParams::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const Knob* knob = type->field(i);
    if (knob->number() == kBiasValuesField) continue;
    if (knob->number() == kSchedulesField) continue;  // part of other knobs
    knobs.push_back(knob);
  }
  return knobs;
}

constexpr v1::ParamLevel kLevels[] = {
    v1::PARAM_LEVEL_PROFILE_DEFAULT, v1::PARAM_LEVEL_PHASE_DEFAULT,
    v1::PARAM_LEVEL_REQUEST, v1::PARAM_LEVEL_PROFILE_FORCE,
    v1::PARAM_LEVEL_PHASE_FORCE};

struct Stack {
  v1::Profile profile = ProfileText(PhaseText("a", 1));
  SamplingParams request;

  SamplingParams* At(v1::ParamLevel level) {
    v1::Phase* phase = profile.mutable_phases(0);
    switch (level) {
      case v1::PARAM_LEVEL_PROFILE_DEFAULT:
        return profile.mutable_default_params();
      case v1::PARAM_LEVEL_PHASE_DEFAULT:
        return phase->mutable_default_params();
      case v1::PARAM_LEVEL_REQUEST:
        return &request;
      case v1::PARAM_LEVEL_PROFILE_FORCE:
        return profile.mutable_force_params();
      default:
        return phase->mutable_force_params();
    }
  }
  ResolvedParams Phase() {
    const auto resolution = Resolve(&profile, request, {}, kVocab);
    EXPECT_THAT(resolution, IsOk());
    if (!resolution.ok()) return {};
    return resolution->phases[0].resolved;
  }
};

v1::ParamLevel LevelOf(const ResolvedParams& resolved, const Knob& knob) {
  for (const v1::Provenance& from : resolved.provenance) {
    if (from.knob() == knob.name()) return from.level();
  }
  return v1::PARAM_LEVEL_UNSPECIFIED;
}

std::string Bytes(const SamplingParams& params) {
  return params.ShortDebugString();
}

TEST(EveryKnob, ComesFromEachLevelAlone) {
  for (const Knob* knob : BuiltKnobs()) {
    for (const v1::ParamLevel level : kLevels) {
      SCOPED_TRACE(absl::StrCat(knob->name(), v1::ParamLevel_Name(level)));
      Stack stack;
      Put(*knob, 0, stack.At(level));
      const ResolvedParams resolved = stack.Phase();
      SamplingParams expected;
      Put(*knob, 0, &expected);
      EXPECT_EQ(Bytes(resolved.params), Bytes(expected));
      EXPECT_EQ(LevelOf(resolved, *knob), level);
    }
  }
}

// What two overlapping values of the lower and the higher level come to.
SamplingParams Merged(const Knob& knob) {
  SamplingParams expected;
  switch (MergeOf(knob)) {
    case Merge::kReplace:
      Put(knob, 1, &expected);
      break;
    case Merge::kIntersect:
      expected.set_allowed_ids(WriteIds({1}));
      break;
    case Merge::kPerId:
      expected.set_logit_bias_ids(WriteIds({1, 2, 3}));
      for (const double value : {2, 1, 2}) {
        expected.add_logit_bias_values(value);
      }
      break;
    case Merge::kUnite:
      if (knob.cpp_type() == Knob::CPPTYPE_MESSAGE) {
        Put(knob, 0, &expected);
        AddSequence(knob, {8, 1}, &expected);
      } else {
        expected.GetReflection()->SetString(&expected, &knob,
                                            WriteIds({1, 2, 3}));
      }
  }
  return expected;
}

TEST(EveryKnob, OfTwoLevelsIsMergedAndIsTheHigherOnes) {
  for (const Knob* knob : BuiltKnobs()) {
    const std::string expected = Bytes(Merged(*knob));
    for (size_t low = 0; low < std::size(kLevels); ++low) {
      for (size_t high = low + 1; high < std::size(kLevels); ++high) {
        SCOPED_TRACE(absl::StrCat(knob->name(), " ", low, " ", high));
        Stack stack;
        Put(*knob, 0, stack.At(kLevels[low]));
        Put(*knob, 1, stack.At(kLevels[high]));
        const ResolvedParams resolved = stack.Phase();
        EXPECT_EQ(Bytes(resolved.params), expected);
        EXPECT_EQ(LevelOf(resolved, *knob), kLevels[high]);
      }
    }
  }
}

v1::Clamp* AddClamp(const Knob& knob, double bound, v1::ClampMode mode,
                    Stack* stack) {
  v1::Clamp* clamp = stack->profile.add_clamps();
  clamp->set_knob(knob.name());
  clamp->set_min(bound);
  clamp->set_max(bound);
  clamp->set_mode(mode);
  return clamp;
}

TEST(EveryNumber, IsClampedFromBothSidesAndReported) {
  for (const Knob* knob : BuiltKnobs()) {
    if (!RangeOf(*knob)) continue;
    for (const int which : {-1, 1}) {
      SCOPED_TRACE(absl::StrCat(knob->name(), which));
      Stack stack;
      Put(*knob, which == 1 ? 2 : 0, &stack.request);
      SamplingParams expected;
      Put(*knob, 1, &expected);
      const double used = EffectOf(expected, *knob, kVocab).least;
      AddClamp(*knob, used, v1::CLAMP_MODE_CLAMP, &stack);
      const ResolvedParams resolved = stack.Phase();
      EXPECT_EQ(Bytes(resolved.params), Bytes(expected));
      EXPECT_EQ(LevelOf(resolved, *knob), v1::PARAM_LEVEL_CLAMP);
      ASSERT_EQ(resolved.clamped.size(), 1u);
      EXPECT_EQ(resolved.clamped[0].asked(),
                EffectOf(stack.request, *knob, kVocab).least);
      EXPECT_EQ(resolved.clamped[0].used(), used);
      EXPECT_EQ(resolved.clamped[0].rule(), "profile clamps[0]");
    }
  }
}

TEST(EveryNumber, IsRefusedOutsideARejectClampWithItsRange) {
  for (const Knob* knob : BuiltKnobs()) {
    if (!RangeOf(*knob)) continue;
    Stack stack;
    Put(*knob, 0, &stack.request);
    SamplingParams inside;
    Put(*knob, 1, &inside);
    AddClamp(*knob, EffectOf(inside, *knob, kVocab).least,
             v1::CLAMP_MODE_REJECT, &stack);
    EXPECT_THAT(Resolve(&stack.profile, stack.request, {}, kVocab),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         absl::StrCat("params.", knob->name(), ": ")));
    EXPECT_THAT(Resolve(&stack.profile, inside, {}, kVocab), IsOk());
  }
}

TEST(EveryNumber, HasTheRangeAndTheWordsOfARequest) {
  for (const Knob* knob : BuiltKnobs()) {
    const auto range = RangeOf(*knob);
    if (!range) continue;
    const double above = range->max + (range->whole ? 1 : 0.5);
    SamplingParams params;
    SetNumber(*knob, above, &params);
    Params read;
    ASSERT_THAT(ReadParams(params, Limits(), &read), IsOk());
    EXPECT_EQ(Validate(read, kVocab).message(),
              absl::StrCat(knob->name(), ": ", Outside(above, *range)));
  }
}

// Values that make a conflict hold.
SamplingParams Conflicting(const Conflict& conflict) {
  SamplingParams params;
  for (const int number : {conflict.a, conflict.b}) {
    const Knob& knob = KnobAt(number);
    if (number == SamplingParams::kTemperatureFieldNumber) {
      params.set_temperature(1e-6);
    } else if (number == SamplingParams::kMinTokensFieldNumber) {
      params.set_min_tokens(99);
    } else {
      Put(knob, 0, &params);
    }
  }
  return params;
}

SamplingParams Only(int number, const SamplingParams& params) {
  SamplingParams all = params;
  SamplingParams one;
  MoveKnob(KnobAt(number), &all, &one);
  return one;
}

Level LevelAt(const SamplingParams& params, v1::ParamLevel level) {
  return {&params, level, v1::ParamLevel_Name(level), "x."};
}

TEST(EveryConflict, HoldsOnlyWhereBothKnobsAct) {
  for (const Conflict& conflict : Conflicts()) {
    SCOPED_TRACE(absl::StrCat(conflict.a, " ", conflict.b));
    SamplingParams params = Conflicting(conflict);
    EXPECT_TRUE(Holds(conflict, params));
    EXPECT_FALSE(Holds(conflict, Only(conflict.a, params)));
    EXPECT_FALSE(Holds(conflict, Only(conflict.b, params)));
    EXPECT_FALSE(Holds(conflict, SamplingParams()));
  }
}

// A temperature is at odds with what draws only where its dialect is greedy.
TEST(EveryConflict, OfATemperatureGoesByTheDialect) {
  for (const Conflict& conflict : Conflicts()) {
    if (conflict.a != SamplingParams::kTemperatureFieldNumber) continue;
    SCOPED_TRACE(conflict.b);
    SamplingParams params = Conflicting(conflict);
    for (const v1::Dialect dialect :
         {v1::DIALECT_HUGGING_FACE_V1, v1::DIALECT_LLAMA_CPP_V1,
          v1::DIALECT_OPENVINO_V1}) {
      params.set_dialect(dialect);
      params.set_temperature(5e-6);
      EXPECT_FALSE(Holds(conflict, params)) << dialect;
      params.set_temperature(0);
      EXPECT_TRUE(Holds(conflict, params)) << dialect;
    }
    params.set_dynamic_temperature_range(0.5);
    EXPECT_TRUE(Holds(conflict, params)) << "without llama.cpp's range";
    params.set_dialect(v1::DIALECT_LLAMA_CPP_V1);
    EXPECT_FALSE(Holds(conflict, params)) << "the range draws";
  }
}

TEST(EveryConflict, IsWonByTheHigherLevelAndRefusedWithinOne) {
  for (const Conflict& conflict : Conflicts()) {
    SCOPED_TRACE(absl::StrCat(conflict.a, " ", conflict.b));
    const SamplingParams both = Conflicting(conflict);
    for (const auto& [low, high] : {std::pair(conflict.a, conflict.b),
                                    std::pair(conflict.b, conflict.a)}) {
      const SamplingParams below = Only(low, both);
      const SamplingParams above = Only(high, both);
      const Level request = LevelAt(above, v1::PARAM_LEVEL_REQUEST);
      Levels levels;
      ASSERT_THAT(levels.Add(LevelAt(below, v1::PARAM_LEVEL_PROFILE_DEFAULT)),
                  IsOk());
      ASSERT_THAT(levels.Add(request), IsOk());
      EXPECT_FALSE(levels.CheckConflicts().ok());
      ASSERT_THAT(levels.TurnOffConflicts(request), IsOk());
      EXPECT_THAT(levels.CheckConflicts(), IsOk());
      EXPECT_EQ(Bytes(levels.params()), Bytes(above));
    }
    Levels levels;
    const Level request = LevelAt(both, v1::PARAM_LEVEL_REQUEST);
    ASSERT_THAT(levels.Add(request), IsOk());
    const absl::Status status = levels.TurnOffConflicts(request);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 KnobAt(conflict.a).name()));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 KnobAt(conflict.b).name()));
  }
}

TEST(EveryConflict, OfMirostatIsWithEveryTruncation) {
  for (const char* name :
       {"top_k", "top_p", "min_p", "top_n_sigma", "typical_p", "epsilon_cutoff",
        "eta_cutoff", "top_a", "tail_free", "top_h", "p_less"}) {
    SamplingParams params = ParamsText("mirostat: 2");
    Put(*FindKnob(name), 0, &params);
    bool holds = false;
    for (const Conflict& conflict : Conflicts()) {
      holds = holds || Holds(conflict, params);
    }
    EXPECT_TRUE(holds) << name;
  }
}

}  // namespace
}  // namespace logitd
