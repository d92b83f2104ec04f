// Penalties on what was seen: repetition, frequency and presence, DRY, and the
// favour of ends.
#include <cmath>

#include "sampler/logit_edit.h"
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

void PenaliseDry(const Plan& plan, const History& history,
                 Workspace* workspace) {
  const DryPlan& dry = *plan.dry;
  Repeats& repeats = workspace->repeats();
  repeats.Clear(plan.vocab_size);
  history.FindDry(dry, &repeats);
  for (const uint32_t id : repeats.ids) {
    if (IsIn(dry.untouched, id)) continue;
    const uint32_t beyond = repeats.length[id] - dry.allowed_length;
    const double penalty = dry.multiplier * Power(dry.base, beyond);
    Change(id, workspace, [&](double l) { return l - penalty; });
  }
}

void FavourEnd(const LengthPlan& length, uint32_t generated,
               Workspace* workspace) {
  if (generated <= length.start) return;
  const double growth = Power(length.factor, generated - length.start) - 1;
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

void ChangeLogits(Stage stage, const Plan& plan, const History& history,
                  Workspace* workspace) {
  switch (stage) {
    case Stage::kLogitBias:
      return AddBias(plan, workspace);
    case Stage::kPromptRepetition:
      return Repeat(plan, *plan.prompt_repetition, history.prompt_tokens(),
                    workspace);
    case Stage::kRepetition:
      return Repeat(plan, *plan.repetition, history.repetition(), workspace);
    case Stage::kFrequency:
      return PenaliseFrequency(plan, *plan.frequency, history.frequency(),
                               workspace);
    case Stage::kPresence:
      return PenalisePresence(plan, *plan.presence, history.presence(),
                              workspace);
    case Stage::kDry:
      return PenaliseDry(plan, history, workspace);
    case Stage::kLength:
      return FavourEnd(*plan.length, history.generated(), workspace);
    default:
      return;
  }
}

}  // namespace logitd
