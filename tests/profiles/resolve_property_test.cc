// What holds of every profile that Validate lets through, on random ones.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sampler/knob_check.h"
#include "sampler/plan.h"
#include "service/convert_params.h"
#include "service/profiles/knob.h"
#include "service/profiles/resolve.h"
#include "service/profiles/resolve_clamps.h"
#include "service/profiles/validate.h"
#include "tests/profiles/resolve_texts.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::PhaseText;
using testing::ProfileText;

constexpr uint32_t kVocab = 50;
constexpr int kRounds = 6000;
constexpr const char* kNumbers[] = {"temperature", "top_p", "top_k",
                                    "min_tokens", "max_tokens"};

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  double Value(const Knob& knob) {
    return knob.cpp_type() == Knob::CPPTYPE_DOUBLE ? (1 + Below(12)) / 10.0
                                                   : 1 + Below(60);
  }
  void Fill(v1::SamplingParams* params) {
    for (const char* name : kNumbers) {
      const Knob& knob = *FindKnob(name);
      if (OneIn(4)) SetNumber(knob, Value(knob), params);
      if (!IsSet(*params, knob) && OneIn(8)) AddSchedule(knob, params);
    }
    if (OneIn(4)) params->set_banned_ids(WriteIds({Below(4), 9}));
    if (OneIn(4)) params->set_allowed_ids(WriteIds({Below(4), Below(4)}));
    if (params->has_top_p() && params->top_p() > 1) params->set_top_p(1);
  }
  void AddSchedule(const Knob& knob, v1::SamplingParams* params) {
    if (!CanBeScheduled(knob.number())) return;
    v1::Schedule* schedule = params->add_schedules();
    schedule->set_knob(knob.name());
    schedule->set_shape(OneIn(2) ? v1::SCHEDULE_SHAPE_STEP
                                 : v1::SCHEDULE_SHAPE_LINEAR);
    const uint32_t points = 1 + Below(3);
    for (uint32_t at = 0; at < points; ++at) {
      v1::SchedulePoint* point = schedule->add_points();
      point->set_at(at);
      point->set_value(std::min(Value(knob), RangeOf(knob)->max));
    }
  }
  void Limit(v1::Clamp* clamp) {
    const Knob& knob = *FindKnob(kNumbers[Below(std::size(kNumbers))]);
    clamp->set_knob(knob.name());
    if (OneIn(2)) clamp->set_min(Value(knob));
    if (OneIn(2) || !clamp->has_min()) clamp->set_max(Value(knob));
    clamp->set_mode(OneIn(4) ? v1::CLAMP_MODE_REJECT : v1::CLAMP_MODE_CLAMP);
  }
  v1::Profile Profile() {
    v1::Profile profile = ProfileText(PhaseText("a", 1));
    v1::Phase* phase = profile.mutable_phases(0);
    Fill(profile.mutable_default_params());
    Fill(phase->mutable_default_params());
    if (OneIn(2)) Fill(profile.mutable_force_params());
    if (OneIn(2)) Fill(phase->mutable_force_params());
    while (OneIn(2)) Limit(profile.add_clamps());
    while (OneIn(2)) Limit(phase->add_clamps());
    return profile;
  }

 private:
  std::mt19937 engine_;
};

bool Refuses(const v1::Profile& profile) {
  const auto refuses = [](const auto& clamps) {
    for (const v1::Clamp& clamp : clamps) {
      if (clamp.mode() == v1::CLAMP_MODE_REJECT) return true;
    }
    return false;
  };
  return refuses(profile.clamps()) || refuses(profile.phases(0).clamps());
}

void ExpectInside(const google::protobuf::RepeatedPtrField<v1::Clamp>& clamps,
                  const v1::SamplingParams& params) {
  for (const v1::Clamp& clamp : clamps) {
    const Knob& knob = *FindKnob(clamp.knob());
    const Extent effect = EffectOf(params, knob, kVocab);
    EXPECT_TRUE(LimitsOf(clamp, kVocab)->Contains(effect))
        << clamp.ShortDebugString() << " effect " << Text(effect, false);
  }
}

void ExpectForced(const v1::SamplingParams& force,
                  const v1::SamplingParams& params) {
  for (const char* name : kNumbers) {
    const Knob& knob = *FindKnob(name);
    if (!IsSet(force, knob)) continue;
    const Extent forced = EffectOf(force, knob, kVocab);
    EXPECT_EQ(EffectOf(params, knob, kVocab).least, forced.least);
    EXPECT_EQ(EffectOf(params, knob, kVocab).most, forced.most);
  }
}

void ExpectFits(const v1::Profile& profile, const Resolution& resolution) {
  const v1::SamplingParams& base = resolution.base.params;
  const v1::SamplingParams& in_phase = resolution.phases[0].resolved.params;
  ExpectInside(profile.clamps(), base);
  ExpectInside(profile.clamps(), in_phase);
  ExpectInside(profile.phases(0).clamps(), in_phase);
  ExpectForced(profile.force_params(), base);
  ExpectForced(profile.phases(0).force_params(), in_phase);
  for (const v1::SamplingParams* params : {&base, &in_phase}) {
    Params read;
    ASSERT_THAT(ReadParams(*params, Limits(), &read), IsOk());
    EXPECT_THAT(Plan::Compile(read, kVocab), IsOk());
  }
}

TEST(ValidProfiles, ResolveAndFitTheirClampsAndForces) {
  Dice dice(20260821);
  int valid = 0;
  int resolved = 0;
  for (int round = 0; round < kRounds; ++round) {
    const v1::Profile profile = dice.Profile();
    v1::SamplingParams request;
    dice.Fill(&request);
    if (!Validate(profile, Limits()).empty()) continue;
    ++valid;
    SCOPED_TRACE(absl::StrCat(profile.ShortDebugString(), " asked ",
                              request.ShortDebugString()));
    // Who sets nothing is refused for what nobody set alone.
    const absl::Status silent = Resolve(&profile, {}, {}, kVocab).status();
    if (!silent.ok()) {
      ASSERT_TRUE(Refuses(profile)) << silent;
      ASSERT_TRUE(absl::StartsWith(silent.message(), "params.")) << silent;
    }
    const auto resolution = Resolve(&profile, request, {}, kVocab);
    if (!resolution.ok()) {
      ASSERT_EQ(resolution.status().code(), absl::StatusCode::kInvalidArgument);
      if (!Refuses(profile)) {
        ASSERT_TRUE(absl::StartsWith(resolution.status().message(), "params."))
            << resolution.status();
      }
      continue;
    }
    ++resolved;
    ExpectFits(profile, *resolution);
    if (HasFailure()) return;
  }
  EXPECT_GT(valid, 500);
  EXPECT_GT(resolved, 300);
}

}  // namespace
}  // namespace logitd
