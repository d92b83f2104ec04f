#include "service/profiles/resolve_clamps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace logitd {
namespace {

// Where the limits of all clamps of one knob meet, and whose they are.
struct Meeting {
  NumberRange limits;
  const NamedClamp* min;
  const NamedClamp* max;
};

using Meetings = std::map<int, Meeting>;  // by field number

// `empty` is called with a clamp that leaves nothing of those before it.
template <class Empty>
Meetings Meet(const NamedClamps& clamps, uint32_t vocab_size,
              const Empty& empty) {
  Meetings meetings;
  for (const NamedClamp& named : clamps) {
    const auto limits = LimitsOf(*named.clamp, vocab_size);
    if (!limits) continue;
    const auto [at, is_first] =
        meetings.try_emplace(FindKnob(named.clamp->knob())->number(),
                             Meeting{*limits, &named, &named});
    if (is_first) continue;
    Meeting& meeting = at->second;
    if (std::max(limits->min, meeting.limits.min) >
        std::min(limits->max, meeting.limits.max)) {
      empty(named, *limits, meeting);
      continue;
    }
    if (limits->min > meeting.limits.min) {
      meeting.limits.min = limits->min;
      meeting.limits.min_open = limits->min_open;
      meeting.min = &named;
    }
    if (limits->max < meeting.limits.max) {
      meeting.limits.max = limits->max;
      meeting.limits.max_open = limits->max_open;
      meeting.max = &named;
    }
  }
  return meetings;
}

v1::Clamped Report(const Knob& knob, double asked, double used,
                   const std::string& rule) {
  v1::Clamped clamped;
  clamped.set_knob(knob.name());
  clamped.set_asked(asked);
  clamped.set_used(used);
  clamped.set_rule(rule);
  return clamped;
}

// What nobody set, or a conflict turned off, is the caller's to set.
std::string PathOf(const Levels& levels, const Knob& knob) {
  const bool is_set = IsSet(levels.params(), knob);
  return absl::StrCat(is_set ? levels.GiverOf(knob)->path : "params.",
                      knob.name());
}

// Calls judge(knob, is_set, violation) with each value outside a REJECT clamp.
template <class Judge>
void ForEachRejected(const NamedClamps& clamps, const Levels& levels,
                     uint32_t vocab_size, const Judge& judge) {
  for (const NamedClamp& named : clamps) {
    if (named.clamp->mode() != v1::CLAMP_MODE_REJECT) continue;
    const auto limits = LimitsOf(*named.clamp, vocab_size);
    if (!limits) continue;
    const Knob& knob = *FindKnob(named.clamp->knob());
    const Extent effect = EffectOf(levels.params(), knob, vocab_size);
    if (limits->Contains(effect)) continue;
    judge(knob, IsSet(levels.params(), knob),
          Violation{PathOf(levels, knob),
                    absl::StrCat(Outside(effect, *limits), ", ", named.rule)});
  }
}

}  // namespace

std::optional<NumberRange> LimitsOf(const v1::Clamp& clamp,
                                    uint32_t vocab_size) {
  const Knob* knob = FindKnob(clamp.knob());
  auto limits = knob == nullptr ? std::nullopt : RangeOf(*knob);
  if (!limits) return std::nullopt;
  if (clamp.has_min()) {
    if (!limits->Contains(clamp.min())) return std::nullopt;
    limits->min = clamp.min();
    limits->min_open = false;
  }
  if (clamp.has_max()) {
    if (!limits->Contains(clamp.max())) return std::nullopt;
    limits->max = clamp.max();
    limits->max_open = false;
  }
  if (knob->number() == v1::SamplingParams::kTopKFieldNumber) {
    limits->min = std::min<double>(limits->min, vocab_size);
    limits->max = std::min<double>(limits->max, vocab_size);
  }
  if (limits->min > limits->max) return std::nullopt;
  return limits;
}

absl::Status CheckRejects(const NamedClamps& clamps,
                          const v1::SamplingParams& forced,
                          const Levels& levels, uint32_t vocab_size) {
  absl::Status status;
  ForEachRejected(clamps, levels, vocab_size,
                  [&](const Knob& knob, bool is_set, const Violation& bad) {
                    const bool is_asked =
                        is_set && levels.GiverOf(knob)->is_callers;
                    // Else the caller did not ask for it, and nobody gets it.
                    if (IsSet(forced, knob) && !is_asked) return;
                    status.Update(ToStatus(bad));
                  });
  return status;
}

Violations CheckDefaults(const NamedClamps& clamps,
                         const v1::SamplingParams& forced, const Levels& levels,
                         uint32_t vocab_size) {
  Violations violations;
  ForEachRejected(clamps, levels, vocab_size,
                  [&](const Knob& knob, bool is_set, Violation bad) {
                    if (IsSet(forced, knob) || !is_set) return;
                    violations.push_back(std::move(bad));
                  });
  return violations;
}

void ApplyClamps(const NamedClamps& clamps, const v1::SamplingParams& forced,
                 uint32_t vocab_size, Levels* levels,
                 std::vector<v1::Clamped>* clamped) {
  const Meetings meetings = Meet(clamps, vocab_size, [](const auto&...) {});
  for (const NamedClamp& named : clamps) {
    const Knob* knob = FindKnob(named.clamp->knob());
    if (knob == nullptr || IsSet(forced, *knob)) continue;
    const auto at = meetings.find(knob->number());
    if (at == meetings.end()) continue;
    const auto& [limits, min, max] = at->second;
    const Extent asked = EffectOf(levels->params(), *knob, vocab_size);
    const std::string* rule = nullptr;
    const auto limit = [&](double value, double used, const NamedClamp& by) {
      clamped->push_back(Report(*knob, value, used, by.rule));
      rule = &by.rule;
    };
    if (asked.least < limits.min) limit(asked.least, limits.min, *min);
    if (asked.most > limits.max) limit(asked.most, limits.max, *max);
    if (rule == nullptr) continue;
    const Giver* giver = levels->GiverOf(*knob);
    levels->Limit(*knob, limits.min, limits.max, vocab_size,
                  {v1::PARAM_LEVEL_CLAMP, *rule,
                   giver == nullptr ? "params." : giver->path, *rule});
  }
}

Violations CheckClamps(const NamedClamps& clamps,
                       const std::vector<Level>& forces, uint32_t vocab_size) {
  Violations violations;
  const Meetings meetings = Meet(
      clamps, vocab_size,
      [&](const NamedClamp& named, const auto& limits, const Meeting& before) {
        const bool is_below = limits.max < before.limits.min;
        violations.push_back(
            {named.path,
             absl::StrCat(named.clamp->knob(), " has no value both in ",
                          RangeText(limits), " and in ",
                          RangeText(before.limits), ", ",
                          (is_below ? before.min : before.max)->rule)});
      });
  for (const auto& [number, meeting] : meetings) {
    const Knob& knob = KnobAt(number);
    const auto force =
        std::find_if(forces.rbegin(), forces.rend(),
                     [&](const Level& f) { return IsSet(*f.params, knob); });
    if (force == forces.rend()) continue;
    const Extent value = EffectOf(*force->params, knob, vocab_size);
    if (meeting.limits.Contains(value)) continue;
    const auto& by =
        value.most > meeting.limits.max ? meeting.max : meeting.min;
    violations.push_back(
        {absl::StrCat(force->path, knob.name()),
         absl::StrCat(Outside(value, meeting.limits), ", ", by->rule)});
  }
  return violations;
}

}  // namespace logitd
