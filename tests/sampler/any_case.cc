#include "tests/sampler/any_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sampler/knobs.h"

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

template <class Value>
void Shuffle(std::vector<Value>* values, Dice* dice) {
  for (size_t i = values->size(); i > 1; --i) {
    std::swap((*values)[i - 1],
              (*values)[dice->Below(static_cast<uint32_t>(i))]);
  }
}

template <class Value>
void ShuffleAndRepeat(std::vector<Value>* values, Dice* dice) {
  if (values->empty()) return;
  const Value again = dice->OneOf(*values);
  values->push_back(again);
  Shuffle(values, dice);
}

void Rename(const TokenIds& names, TokenIds* ids) {
  for (uint32_t& id : *ids) id = names[id];
}

}  // namespace

Case AnyCase(uint64_t seed, uint32_t count) {
  Case c = MakeCase(Focus::kEverything, count, seed);
  Dice dice(seed ^ 0x0A11CA5E);
  c.logits.assign(count, 0);
  const double width = 1 + 7 * dice.Unit();
  for (float& l : c.logits) {
    const double value = width * static_cast<double>(dice.Normal());
    l = dice.Chance(1.0 / 16) ? kMinusInfinity
                              : static_cast<float>(ToSixtyFourths(value));
  }
  c.logits[dice.Below(count)] = static_cast<float>(ToSixtyFourths(width));
  c.guidance.clear();
  c.params.guidance_scale.reset();
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

void BreakTies(Case* c) {
  for (uint32_t id = 0; id < c->vocab_size; ++id) {
    c->logits[id] += static_cast<float>(id) * 0x1.93p-13f;
  }
  // What saturates, and what maps many logits to one, makes others.
  if (c->params.dry_multiplier) c->params.dry_base = 1;
  auto& favour = c->params.length_penalty_factor;
  if (favour) favour = std::min(*favour, 1.05);
  auto& smoothing = c->params.smoothing_factor;
  if (smoothing) smoothing = std::max(*smoothing, 0.2);
}

void DropWhatSeesZero(Case* c) {
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

Case Shifted(Case c, float by) {
  for (float& l : c.logits) l += by;
  return c;
}

Case Scaled(Case c, float by) {
  const auto factor = static_cast<double>(by);
  for (float& l : c.logits) l *= by;
  Params& p = c.params;
  for (double& value : p.logit_bias_values) value *= factor;
  for (auto* value :
       {&p.frequency_penalty, &p.presence_penalty, &p.dry_multiplier}) {
    if (*value) **value *= factor;
  }
  p.temperature = p.temperature.value_or(1) * factor;
  return c;
}

Case Reordered(Case c, Dice* dice) {
  for (const IdsKnob& knob : kIdsKnobs) {
    ShuffleAndRepeat(&(c.params.*knob.value), dice);
  }
  for (const SequencesKnob& knob : kSequencesKnobs) {
    ShuffleAndRepeat(&(c.params.*knob.value), dice);
  }
  std::reverse(c.params.logit_bias_ids.begin(), c.params.logit_bias_ids.end());
  std::reverse(c.params.logit_bias_values.begin(),
               c.params.logit_bias_values.end());
  return c;
}

Case Extended(Case c, float logit) {
  c.logits.resize(c.vocab_size);  // without what lies beyond the vocabulary
  c.logits.push_back(logit);
  c.vocab_size += 1;
  return c;
}

Case Renamed(const Case& c, const TokenIds& names) {
  Case renamed = c;
  for (uint32_t id = 0; id < c.vocab_size; ++id) {
    renamed.logits[names[id]] = c.logits[id];
  }
  if (c.has_mask) {
    renamed.mask.assign((c.vocab_size + 7) / 8, 0);
    for (uint32_t id = 0; id < c.vocab_size; ++id) {
      if (id / 8 < c.mask.size() && (c.mask[id / 8] >> (id % 8) & 1) == 1) {
        renamed.mask[names[id] / 8] |=
            static_cast<uint8_t>(1u << (names[id] % 8));
      }
    }
  }
  Params& p = renamed.params;
  for (const IdsKnob& knob : kIdsKnobs) Rename(names, &(p.*knob.value));
  for (const SequencesKnob& knob : kSequencesKnobs) {
    for (TokenIds& ids : p.*knob.value) Rename(names, &ids);
  }
  Rename(names, &p.logit_bias_ids);
  Rename(names, &p.forced_tokens);
  if (p.thinking_budget) {
    Rename(names, &p.thinking_budget->start);
    Rename(names, &p.thinking_budget->end);
    Rename(names, &p.thinking_budget->message);
  }
  Rename(names, &renamed.prompt);
  Rename(names, &renamed.output);
  return renamed;
}

Outcome WithoutToken(Outcome outcome) {
  outcome.token = kNoToken;
  outcome.rank = 0;
  outcome.final_logprob = outcome.raw_logprob = outcome.tempered_logprob = 0;
  outcome.feedback = Feedback();
  return outcome;
}

Outcome WithoutRaw(Outcome outcome) {
  outcome.raw_logprob = outcome.raw_entropy = 0;
  outcome.top_raw.clear();
  outcome.row_digest = 0;
  return outcome;
}

}  // namespace logitd::tests
