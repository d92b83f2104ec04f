#include "tests/sampler/digest_cases.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sampler/knobs.h"
#include "tests/sampler/cases_setters.h"

namespace logitd::tests {
namespace {

// ---- what digests have beside cases.h

void SetOutput(TokenIds output, Case* c) {
  c->at.position = static_cast<uint32_t>(c->prompt.size() + output.size());
  c->output = std::move(output);
}

// Nothing is generated yet.
void SetStart(Case* c, Dice*) { SetOutput({}, c); }

// The last few tokens, said again and again.
void SetRefrain(Case* c, Dice* dice) {
  TokenIds output = c->output;
  const size_t length = std::min<size_t>(output.size(), 2 + dice->Below(8));
  const TokenIds refrain(output.end() - static_cast<std::ptrdiff_t>(length),
                         output.end());
  for (uint32_t n = 1 + dice->Below(2); n > 0; --n) {
    output.insert(output.end(), refrain.begin(), refrain.end());
  }
  SetOutput(std::move(output), c);
}

// Any of the six, so that the first is on by name, too.
void SetDialect(Case* c, Dice* dice) {
  c->params.dialect = static_cast<Dialect>(dice->Below(kDialectCount));
}

void SetStops(Case* c, Dice* dice) {
  for (uint32_t n = 1 + dice->Below(4); n > 0; --n) {
    c->params.stop_sequences.push_back(AnySequence(*c, c->output, 2, dice));
  }
  c->params.stop_sequences.push_back({Largest(*c)});
}

void SetLimit(Case* c, Dice* dice) {
  const auto generated = static_cast<uint32_t>(c->output.size());
  c->params.max_tokens = std::max(1u, generated + dice->Below(4));
}

// A knob that the textbook lacks joins with one line.
constexpr Setter kExtras[] = {SetFading, SetDialect, SetStops, SetLimit};

// ---- all at once

// Values that leave something to the stages behind.
struct MildReal {
  std::optional<double> Params::*knob;
  double low;
  double high;
};

constexpr MildReal kMildReals[] = {
    {&Params::temperature, 0.7, 1.6},
    {&Params::dynamic_temperature_range, 0.05, 0.6},
    {&Params::dynamic_temperature_exponent, 0.5, 2},
    {&Params::smoothing_factor, 0.01, 0.1},
    {&Params::smoothing_curve, 1.1, 3},
    {&Params::top_p, 0.9, 0.9999},
    {&Params::top_p_decay, 0.99, 0.9999},
    {&Params::top_p_min, 0.5, 0.999},
    {&Params::min_p, 1e-6, 1e-3},
    {&Params::top_n_sigma, 2, 6},
    {&Params::typical_p, 0.9, 0.9999},
    {&Params::epsilon_cutoff, 1e-9, 1e-5},
    {&Params::eta_cutoff, 1e-9, 1e-5},
    {&Params::top_a, 1e-6, 1e-3},
    {&Params::tail_free, 0.95, 0.9999},
    {&Params::top_h, 0.9, 0.9999},
    {&Params::xtc_threshold, 0.01, 0.2},
    {&Params::mirostat_tau, 6, 12},
    {&Params::mirostat_eta, 0.05, 0.5},
    {&Params::adaptive_p_decay, 0.3, 0.95},
    {&Params::repetition_penalty, 0.9, 1.2},
    {&Params::prompt_repetition_penalty, 0.9, 1.2},
    {&Params::dry_multiplier, 0.1, 0.8},
    {&Params::dry_base, 1.1, 1.6},
    {&Params::length_penalty_factor, 1.01, 1.1},
};

struct MildCount {
  std::optional<uint32_t> Params::*knob;
  uint32_t low;
  uint32_t high;
};

constexpr MildCount kMildCounts[] = {
    {&Params::repetition_window, 4, 120},
    {&Params::frequency_window, 4, 120},
    {&Params::presence_window, 4, 120},
    {&Params::dry_window, 8, 200},
    {&Params::dry_allowed_length, 1, 4},
    {&Params::length_penalty_start, 1, 20},
    {&Params::no_repeat_ngram, 6, 20},
};

void Shorten(size_t size_max, TokenIds* ids) {
  ids->resize(std::min(ids->size(), size_max));
}

void Soften(Case* c, Dice* dice) {
  Params& p = c->params;
  for (const MildReal& mild : kMildReals) {
    p.*mild.knob = Real(mild.low, mild.high, dice);
  }
  for (const MildCount& mild : kMildCounts) {
    p.*mild.knob = mild.low + dice->Below(mild.high - mild.low);
  }
  const uint32_t half = (c->vocab_size + 1) / 2;
  p.top_k = half + dice->Below(half);
  p.p_less = dice->Chance(0.3);
  p.allowed_ids.clear();
  for (uint32_t id = 0; id < c->vocab_size; ++id) {
    if (dice->Chance(0.95)) p.allowed_ids.push_back(id);
  }
  for (TokenIds* banned : {&p.banned_ids, &p.suppressed_ids, &p.eos_ids}) {
    Shorten(1 + c->vocab_size / 16, banned);
  }
  // Mostly they are all said already, and the rest has its turn.
  if (dice->Chance(0.8)) Shorten(c->output.size(), &p.forced_tokens);
}

// Every knob there is, on a row and a history of cases.h.
Case Together(uint32_t vocab_size, uint64_t seed) {
  Case c = MakeCase(Focus::kTemperature, vocab_size, seed);
  Dice dice(seed ^ 0xA11);
  c.name += " all";
  c.logits.resize(vocab_size);
  if (dice.Chance(0.8)) SetRefrain(&c, &dice);
  for (Setter set : SettersOfKnobs()) set(&c, &dice);
  for (Setter set : {SetDryBreakers, SetBadWords, SetThinking}) set(&c, &dice);
  for (Setter set : kExtras) set(&c, &dice);
  for (const IdsKnob& knob : kIdsKnobs) {
    TokenIds& ids = c.params.*knob.value;
    if (ids.empty()) ids = AnyIds(c, 4, &dice);
  }
  Soften(&c, &dice);
  if (dice.Chance(0.5)) SetSchedules(&c, &dice);
  if (dice.Chance(0.6)) SetSteps(&c, &dice);
  if (c.dtype != Dtype::kFloat32) StoreAs(c.dtype, &c);
  return c;
}

// ---- which there are

// Rows longer than what a search lists (4096 ids) or sorts (512) take other
// ways through the sampler than short ones; real vocabularies are dear.
uint32_t VocabularyOf(uint64_t seed) {
  Dice dice(seed ^ 0x517E);
  const double size = dice.Unit();
  if (size < 1.0 / 1000) return dice.OneOf(LargeVocabularies());
  if (size < 1.0 / 300) return LargeVocabularies()[dice.Below(3)];
  if (size < 1.0 / 28) return 4200 + dice.Below(1000);
  return dice.Chance(0.5) ? 1 + dice.Below(160) : SmallVocabulary(seed);
}

// Where DRY would seldom find anything.
Case WithRefrain(Case c, uint64_t seed) {
  Dice dice(seed ^ 0x5A7);
  if (c.params.dry_multiplier && dice.Chance(0.8)) SetRefrain(&c, &dice);
  return c;
}

Case WithExtras(Case c, uint64_t seed) {
  Dice dice(seed ^ 0xE87A);
  c = WithRefrain(std::move(c), seed);
  if (dice.Chance(0.1)) SetStart(&c, &dice);
  for (Setter set : kExtras) {
    if (dice.Chance(0.25)) set(&c, &dice);
  }
  if (dice.Chance(0.2)) SetSchedules(&c, &dice);
  return c;
}

Case OfFamily(int index, uint32_t vocab_size, uint64_t seed) {
  const auto alone = static_cast<Focus>(index / 4 % kFocusCount);
  switch (index % 4) {
    case 0:
      return WithRefrain(MakeCase(alone, vocab_size, seed), seed);
    case 1:
      return WithExtras(MakeCase(Focus::kEverything, vocab_size, seed), seed);
    case 2:
      return WithExtras(MakeCase(Focus::kSteps, vocab_size, seed), seed);
    default:
      return Together(vocab_size, seed);
  }
}

// q by id, by a list or of the draft alone; it need not add up to 1.
void SetDraft(Case* c, Dice* dice) {
  c->given.reset();
  c->params.mirostat.reset();
  c->params.adaptive_p_target.reset();
  DraftCase draft = {dice->Below(c->vocab_size), {}, {}};
  const uint32_t form = dice->Below(3);
  for (uint32_t id = 0; id < c->vocab_size && form > 0; ++id) {
    if (form == 2 && id != draft.token && dice->Chance(0.7)) continue;
    if (form == 2) draft.ids.push_back(id);
    const auto share = static_cast<float>(dice->Unit());
    draft.q.push_back(share * share * share + 0x1p-20f);
  }
  c->draft = std::move(draft);
}

}  // namespace

Case DigestCase(int index) {
  const uint64_t seed = 0xD16E57 + static_cast<uint64_t>(index);
  Case c = OfFamily(index, VocabularyOf(seed), seed);
  if (index >= kDigestCasesWithoutDraft) {
    Dice dice(seed);
    SetDraft(&c, &dice);
  }
  // Dialects count what lies in the prompt where logitd/1 does not.
  if (c.prompt_known) return c;
  const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
  c.prompt_known = plan.ok() && plan->needs_prompt();
  return c;
}

}  // namespace logitd::tests
