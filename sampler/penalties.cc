// Penalties on what was seen: repetition, frequency and presence, DRY, and the
// favour of ends.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sampler/logit_edit.h"
#include "sampler/natural_log.h"
#include "sampler/power.h"
#include "sampler/stages.h"

namespace logitd {
namespace {

template <class Function>
void ChangeCounted(const Plan& plan, const CountTable& counts,
                   Workspace* workspace, const Function& function) {
  counts.ForEach([&](uint32_t id, uint32_t count) {
    if (IsIn(plan.penalty_exclude_ids, id)) return;
    Change(id, workspace, [&](double l) { return function(l, count); });
  });
}

// The sign rule: a penalty above 1 lowers every logit but 0.
void Repeat(const Plan& plan, double r, const CountTable& counts,
            Workspace* workspace) {
  ChangeCounted(plan, counts, workspace,
                [r](double l, uint32_t) { return l > 0 ? l / r : l * r; });
}

// The largest whose power of the base is a float.
uint32_t ExponentLimit(double base) {
  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  constexpr double kLogLargestFloat = 88.7228391;
  const double log = LogD(base);
  if (!(log * kNone > kLogLargestFloat)) return kNone;
  return static_cast<uint32_t>(kLogLargestFloat / log);
}

void PenaliseDry(const Plan& plan, const Dry& strength, const History& history,
                 Workspace* workspace) {
  const DryPlan& dry = *plan.dry;
  Repeats& repeats = workspace->repeats();
  repeats.Clear(plan.vocab_size);
  history.FindDry(dry, &repeats);
  const uint32_t limit = plan.rules->dry_exponent_has_limit
                             ? ExponentLimit(strength.base)
                             : std::numeric_limits<uint32_t>::max();
  for (const uint32_t id : repeats.ids) {
    if (IsIn(dry.untouched, id)) continue;
    const uint32_t beyond = repeats.length[id] - dry.allowed_length;
    const double penalty =
        strength.multiplier * Power(strength.base, std::min(beyond, limit));
    Change(id, workspace, [&](double l) { return l - penalty; });
  }
}

void FavourEnd(const LengthPlan& length, double factor, uint32_t generated,
               Workspace* workspace) {
  if (generated <= length.start) return;
  const double growth = Power(factor, generated - length.start) - 1;
  for (const uint32_t id : length.eos_ids) {
    Change(id, workspace, [&](double l) { return l + std::abs(l) * growth; });
  }
}

void AddBias(const Plan& plan, Workspace* workspace) {
  for (size_t i = 0; i < plan.bias_ids.size(); ++i) {
    const double bias = plan.bias_values[i];
    Change(plan.bias_ids[i], workspace, [&](double l) { return l + bias; });
  }
}

void PenaliseFrequency(const Plan& plan, double a, const CountTable& counts,
                       Workspace* workspace) {
  ChangeCounted(plan, counts, workspace,
                [a](double l, uint32_t count) { return l - a * count; });
}

void PenalisePresence(const Plan& plan, double b, const CountTable& counts,
                      Workspace* workspace) {
  ChangeCounted(plan, counts, workspace,
                [b](double l, uint32_t) { return l - b; });
}

}  // namespace

void ChangeLogits(Stage stage, const Plan& plan, const StepValues& values,
                  const History& history, Workspace* workspace) {
  switch (stage) {
    case Stage::kLogitBias:
      return AddBias(plan, workspace);
    case Stage::kPromptRepetition:
      return Repeat(plan, *values.prompt_repetition, history.prompt_tokens(),
                    workspace);
    case Stage::kRepetition:
      return Repeat(plan, *values.repetition, history.repetition(), workspace);
    case Stage::kFrequency:
      return PenaliseFrequency(plan, *values.frequency, history.frequency(),
                               workspace);
    case Stage::kPresence:
      return PenalisePresence(plan, *values.presence, history.presence(),
                              workspace);
    case Stage::kDry:
      return PenaliseDry(plan, *values.dry, history, workspace);
    case Stage::kLength:
      return FavourEnd(*plan.length, *values.length_factor, history.generated(),
                       workspace);
    default:
      return;
  }
}

}  // namespace logitd
