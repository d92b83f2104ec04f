// Every knob at its off value, or taken away, is as if it had never been.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "sampler/fingerprint.h"
#include "sampler/knobs.h"
#include "tests/sampler/any_case.h"
#include "tests/sampler/knob_ends.h"
#include "tests/sampler/knob_list.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/knob_rows.h"

namespace logitd::tests {
namespace {

class OffValues : public OnKnobRows {};

TEST_P(OffValues, OfRealKnobsChangeNoBit) {
  for (const Case& plain : Rows()) {
    for (const RealKnob& knob : kRealKnobs) {
      Case turned = plain;
      turned.params.*knob.value = knob.off;
      ExpectSame(plain, turned, knob.name);
      ExpectSameFingerprint(plain, turned, knob.name);
    }
  }
  RecordOffValues(NamesIn(kRealKnobs));
}

TEST_P(OffValues, OfCountsChangeNoBit) {
  std::vector<std::string> names = {"top_k"};
  for (const CountKnob& knob : kCountKnobs) {
    if (knob.off != kNoOff) names.push_back(knob.name);
  }
  RecordOffValues(names);
  for (const Case& plain : Rows()) {
    for (const CountKnob& knob : kCountKnobs) {
      if (knob.off == kNoOff) continue;
      Case turned = plain;
      turned.params.*knob.value = knob.off;
      ExpectSame(plain, turned, knob.name);
      ExpectSameFingerprint(plain, turned, knob.name);
    }
    for (const uint32_t k :
         {plain.vocab_size, plain.vocab_size + 1, kCountMax}) {
      Case turned = plain;
      turned.params.top_k = k;
      ExpectSame(plain, turned, "top_k");
      ExpectSameFingerprint(plain, turned, "top_k");
    }
  }
}

TEST_P(OffValues, LeaveWindowsAndMaxTokensWithoutEffect) {
  for (const Case& plain : Rows(1)) {
    for (const CountKnob& knob : kCountKnobs) {
      if (knob.off != kNoOff || knob.value == &Params::top_k) continue;
      Case turned = plain;
      turned.params.*knob.value = 3;
      ExpectSame(plain, turned, knob.name);
    }
  }
}

TEST_P(OffValues, OfSwitchesListsAndRulesChangeNoBit) {
  for (const Case& plain : Rows(1)) {
    for (const SwitchKnob& knob : kSwitchKnobs) {
      Case turned = plain;
      turned.params.*knob.value = false;
      ExpectSame(plain, turned, knob.name);
      ExpectSameFingerprint(plain, turned, knob.name);
    }
    Case rules = plain;
    rules.params.on_empty = OnEmpty::kRelax;
    rules.params.on_non_finite = OnNonFinite::kReject;
    rules.params.on_conflict = OnConflict::kMaskWins;
    rules.params.dialect = Dialect::kLogitd;
    ExpectSame(plain, rules, "rules");
    ExpectSameFingerprint(plain, rules, "rules");
    Case bias = plain;
    bias.params.logit_bias_ids = {0};
    bias.params.logit_bias_values = {0.0};
    ExpectSame(plain, bias, "logit_bias");
    ExpectSameFingerprint(plain, bias, "logit_bias");
  }
  std::vector<std::string> names = NamesIn(kSwitchKnobs);
  names.insert(names.end(), {"on_empty", "on_non_finite", "on_conflict",
                             "dialect", "logit_bias_values"});
  RecordOffValues(names);
}

// Absent is not the off value's other name: others that are on may ask for it.
TEST_P(OffValues, InAnyCompanyAreAsAbsent) {
  for (uint64_t seed = 0; seed < static_cast<uint64_t>(Effort(200, 20));
       ++seed) {
    const Case plain = AnyCase(seed);
    const Ran ran = runner_.Run(plain);
    const auto expect_same = [&](const Case& turned, const char* name) {
      const Ran& other = runner_.Run(turned);
      ASSERT_EQ(other.status, ran.status) << name << " in " << plain.name;
      if (!ran.status.ok()) return;
      EXPECT_EQ(Difference(ran.outcome, other.outcome), "")
          << name << " in " << plain.name;
    };
    const auto turn = [&](auto value, auto off, const char* name) {
      if (plain.params.*value) return;
      Case turned = plain;
      turned.params.*value = off;
      expect_same(turned, name);
    };
    for (const RealKnob& knob : kRealKnobs) {
      turn(knob.value, knob.off, knob.name);
    }
    for (const CountKnob& knob : kCountKnobs) {
      if (knob.off != kNoOff) turn(knob.value, knob.off, knob.name);
    }
    for (const SwitchKnob& knob : kSwitchKnobs) {
      turn(knob.value, false, knob.name);
    }
  }
}

// What has no value that is off is off when it is taken away: the plan does not
// know that it was there.
TEST_P(OffValues, OfWhatIsTakenAwayLeaveNoTraceInThePlan) {
  const auto names_it = [](const Params& params, const Knob& knob) {
    const auto lines = FingerprintLines(*Plan::Compile(params, 150));
    const std::string begin = std::to_string(knob.field) + "=";
    return std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
      return line.rfind(begin, 0) == 0;
    });
  };
  std::set<std::string> tried;
  for (uint64_t seed = 0; seed < kFocusCount * 8; ++seed) {
    Params params =
        MakeCase(static_cast<Focus>(seed % kFocusCount), 150, seed).params;
    params.dialect = Dialect::kSglang;
    params.stop_sequences = {{1, 2}};
    params.max_tokens = 9;
    if (!Plan::Compile(params, 150).ok()) continue;
    for (const Knob& knob : AllKnobs()) {
      if (!knob.is_on(params) || knob.name == "top_k") continue;
      tried.insert(knob.name);
      EXPECT_TRUE(names_it(params, knob)) << knob.name;
      Params without = params;
      knob.take_away(&without);
      EXPECT_FALSE(names_it(without, knob)) << knob.name;
    }
  }
  std::vector<std::string> names;
  for (const Knob& knob : AllKnobs()) {
    const bool has_none = knob.off == "absent" || knob.off == "empty";
    if (has_none) names.push_back(knob.name);
    EXPECT_TRUE(tried.count(knob.name) > 0 || knob.name == "top_k")
        << "no case has " << knob.name;
  }
  RecordOffValues(names);
}

TEST_P(OffValues, OfBansAreToBanNothing) {
  for (const Case& plain : Rows(1)) {
    Case allowed = plain;
    allowed.params.allowed_ids.resize(plain.vocab_size);
    std::iota(allowed.params.allowed_ids.begin(),
              allowed.params.allowed_ids.end(), 0u);
    ExpectSame(plain, allowed, "allowed_ids");
    Case masked = plain;
    masked.has_mask = true;
    masked.mask.assign((plain.vocab_size + 7) / 8, 0xFF);
    ExpectSame(plain, masked, "mask");
    Case excluded = plain;
    excluded.params.penalty_exclude_ids = {0};
    ExpectSame(plain, excluded, "penalty_exclude_ids");
    Case ends = plain;
    ends.params.eos_ids = ends.params.stop_ids = {0};
    ends.params.stop_sequences = {{0, 0}};
    ExpectSame(plain, ends, "eos_ids, stop_ids, stop_sequences");
    Case ban = plain;
    ban.params.on_non_finite = OnNonFinite::kBan;
    ExpectSame(plain, ban, "on_non_finite");
  }
}

LOGITD_ON_EACH_TARGET(OffValues);

}  // namespace
}  // namespace logitd::tests
