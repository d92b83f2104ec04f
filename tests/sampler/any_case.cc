#include "tests/sampler/any_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace logitd::tests {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

double ToSixtyFourths(double value) { return std::round(value * 64) / 64; }

void AskForAll(Report* report) {
  *report = Report();
  report->raw_logprob = report->tempered_logprob = true;
  report->kept_mass = report->entropy = true;
  report->top_n_final = report->top_n_raw = kTopMax;
  report->kept_ids = true;
}

std::vector<float> AnyRow(uint32_t count, Dice* dice) {
  std::vector<float> row(count);
  const double width = 1 + 7 * dice->Unit();
  for (float& l : row) {
    const double value = width * static_cast<double>(dice->Normal());
    l = dice->Chance(1.0 / 16) ? kMinusInfinity
                               : static_cast<float>(ToSixtyFourths(value));
  }
  row[dice->Below(count)] = static_cast<float>(ToSixtyFourths(width));
  return row;
}

}  // namespace

Case AnyCase(uint64_t seed, uint32_t count) {
  Case c = MakeCase(Focus::kEverything, count, seed);
  Dice dice(seed ^ 0x0A11CA5E);
  c.logits = AnyRow(count, &dice);
  DropGuidance(&c);
  c.params.on_conflict.reset();
  c.params.on_empty.reset();
  c.dtype = Dtype::kFloat32;
  c.given.reset();
  if (c.params.temperature && dice.Chance(0.5)) {
    c.params.temperature = 0.25 + 2 * dice.Unit();
  }
  AskForAll(&c.report);
  c.name = "seed " + std::to_string(seed);
  return c;
}

void AddGuidance(Case* c) {
  Dice dice(c->at.key.bits ^ 0x6D1DA7CE);
  if (!dice.Chance(0.4)) return;
  static const std::vector<double> kScales = {0, 0.5, 1.5, 3};
  c->params.guidance_scale = dice.OneOf(kScales);
  c->guidance = AnyRow(static_cast<uint32_t>(c->logits.size()), &dice);
}

void DropGuidance(Case* c) {
  c->guidance.clear();
  c->params.guidance_scale.reset();
}

void BreakTies(Case* c) {
  for (uint32_t id = 0; id < c->vocab_size; ++id) {
    const float step = static_cast<float>(id) * 0x1.93p-13f;
    c->logits[id] += step;
    if (!c->guidance.empty()) c->guidance[id] -= step;
  }
  // What saturates, and what maps many logits to one, makes others.
  if (c->params.dry_multiplier) c->params.dry_base = 1;
  auto& favour = c->params.length_penalty_factor;
  if (favour) favour = std::min(*favour, 1.05);
  auto& smoothing = c->params.smoothing_factor;
  if (smoothing) smoothing = std::max(*smoothing, 0.2);
}

void DropWhatSeesZero(Case* c) {
  DropGuidance(c);
  Params& p = c->params;
  p.repetition_penalty.reset();
  p.prompt_repetition_penalty.reset();
  p.length_penalty_factor.reset();
  for (double& value : p.logit_bias_values) value = ToSixtyFourths(value);
  for (auto* value : {&p.frequency_penalty, &p.presence_penalty}) {
    if (*value) *value = ToSixtyFourths(**value);
  }
  if (p.dry_multiplier) {
    p.dry_multiplier = ToSixtyFourths(*p.dry_multiplier);
    p.dry_base = 1;
  }
}

void DropCuts(Case* c) {
  Params& p = c->params;
  for (auto* value : {&p.top_p, &p.top_p_decay, &p.min_p, &p.top_n_sigma,
                      &p.typical_p, &p.epsilon_cutoff, &p.eta_cutoff, &p.top_a,
                      &p.tail_free, &p.top_h, &p.xtc_probability}) {
    value->reset();
  }
  p.top_k.reset();
  p.p_less.reset();
  p.mirostat.reset();
}

void DropWhatCounts(Case* c) {
  Params& p = c->params;
  p.dynamic_temperature_range.reset();
  p.smoothing_factor.reset();  // a small one gives weight to all
  p.top_n_sigma.reset();
  p.tail_free.reset();
  p.xtc_probability.reset();
  p.mirostat.reset();
  p.adaptive_p_target.reset();
}

}  // namespace logitd::tests
