// Of any_case.h: what turns one case into another, and outcomes without what
// that changes.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "sampler/knobs.h"
#include "tests/sampler/any_case.h"

namespace logitd::tests {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

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
  if (!c.guidance.empty()) {
    c.guidance.resize(c.vocab_size);
    c.guidance.push_back(kMinusInfinity);
  }
  c.vocab_size += 1;
  return c;
}

Case Renamed(const Case& c, const TokenIds& names) {
  Case renamed = c;
  for (uint32_t id = 0; id < c.vocab_size; ++id) {
    renamed.logits[names[id]] = c.logits[id];
    if (!c.guidance.empty()) renamed.guidance[names[id]] = c.guidance[id];
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
