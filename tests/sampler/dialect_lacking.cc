// Knobs that an engine lacks, as cases set them to see where they stand.
#include <cstring>

#include "tests/sampler/dialect_draws.h"

namespace logitd::tests {
namespace {

using dialects::Ids;
using dialects::Params;

// Letters of the dialects, by number.
constexpr char kLetters[] = "VHLGO";

struct LackingKnob {
  const char* name;
  const char* lacked_by;
  bool changes_single_logits;  // bans, bias and penalties
  void (*set)(DialectCase* c, Dice* dice);
};

bool IsCold(const DialectCase& c) { return c.params.temperature < 0.02; }

void SetPromptRepetition(DialectCase* c, Dice* dice) {
  c->params.prompt_repetition = Between(0.6, 1.9, dice);
}
void SetFrequency(DialectCase* c, Dice* dice) {
  c->params.frequency = Between(-1, 2, dice);
}
void SetPresence(DialectCase* c, Dice* dice) {
  c->params.presence = Between(-1, 2, dice);
}
void SetWindows(DialectCase* c, Dice* dice) {
  Params& p = c->params;
  if (p.repetition == 1) p.repetition = Between(1, 2, dice);
  for (uint32_t* window :
       {&p.repetition_window, &p.frequency_window, &p.presence_window}) {
    *window = 1 + dice->Below(40);
  }
}
// What is said most is excluded.
void SetExcludedIds(DialectCase* c, Dice* dice) {
  Params& p = c->params;
  p.penalty_exclude_ids = AnyIds(*c, 3, dice);
  for (const Ids* ids : {&c->past.prompt, &c->past.output}) {
    if (!ids->empty()) p.penalty_exclude_ids.push_back(ids->back());
  }
  if (p.repetition == 1) p.repetition = Between(1, 2, dice);
  if (dice->Chance(0.5)) MakeDry(c, dice);
}
// The likeliest of a handful of ids ends, so that it matters.
uint32_t LikelyId(const DialectCase& c, Dice* dice) {
  uint32_t best = dice->Below(Size(c));
  for (uint32_t id : AnyIds(c, 40, dice)) {
    if (c.row.logits[id] > c.row.logits[best]) best = id;
  }
  return best;
}
void SetLengthPenalty(DialectCase* c, Dice* dice) {
  Params& p = c->params;
  p.eos_ids = {LikelyId(*c, dice)};
  // What was said is what penalties look at.
  for (const Ids* said : {&c->past.prompt, &c->past.output}) {
    for (uint32_t i = 0; i < 3 && !said->empty(); ++i) {
      p.eos_ids.push_back(dice->OneOf(*said));
    }
  }
  p.min_tokens = 0;
  p.length_penalty_start = dice->Below(20);
  p.length_penalty_factor = Between(1, 1.1, dice);
}
void SetBias(DialectCase* c, Dice* dice) {
  c->params.bias.clear();
  MakeBias(c, dice);
}
void SetNoRepeatNgram(DialectCase* c, Dice* dice) {
  c->params.no_repeat_ngram = 1 + dice->Below(4);
}
void SetBadWords(DialectCase* c, Dice* dice) {
  const Ids& output = c->past.output;
  for (uint32_t i = 0; i < 3; ++i) {
    Ids word = {LikelyId(*c, dice)};
    if (!output.empty()) word.insert(word.begin(), output.back());
    c->params.bad_words.push_back(word);
  }
}
void SetSuppressed(DialectCase* c, Dice* dice) {
  c->params.suppressed_ids = {LikelyId(*c, dice)};
  c->params.begin_suppressed_ids = {LikelyId(*c, dice)};
  if (dice->Chance(0.5)) c->past.output.clear();
}
void SetHardBans(DialectCase* c, Dice* dice) {
  Params& p = c->params;
  p.banned_ids = {LikelyId(*c, dice)};
  if (dice->Chance(0.3)) p.allowed_ids = AnyIds(*c, Size(*c), dice);
  if (!dice->Chance(0.3)) return;
  p.eos_ids = {LikelyId(*c, dice)};
  p.ban_eos = true;
}
void SetMinTokens(DialectCase* c, Dice* dice) {
  Params& p = c->params;
  p.eos_ids = {LikelyId(*c, dice)};
  p.stop_ids = {LikelyId(*c, dice)};
  p.min_tokens = dice->Below(60);
  p.ignore_eos = dice->Chance(0.3);
}

void SetSmoothing(DialectCase* c, Dice* dice) {
  c->params.smoothing_factor = Between(0.05, 1, dice);
  c->params.smoothing_curve = Between(1, 3, dice);
}
void SetDynamicTemperature(DialectCase* c, Dice* dice) {
  c->params.dynamic_temperature_range = Between(0.05, 0.5, dice);
  c->params.dynamic_temperature_exponent = Between(0.5, 2, dice);
}
void SetTopNSigma(DialectCase* c, Dice* dice) {
  c->params.top_n_sigma = Between(0.5, 3, dice);
}
void SetTypical(DialectCase* c, Dice* dice) {
  c->params.typical_p = Between(0.1, 0.98, dice);
}
void SetEpsilon(DialectCase* c, Dice* dice) {
  c->params.epsilon_cutoff = Between(0.0001, 0.1, dice);
}
void SetEta(DialectCase* c, Dice* dice) {
  c->params.eta_cutoff = Between(0.0001, 0.4, dice);
}
void SetTopA(DialectCase* c, Dice* dice) {
  c->params.top_a = Between(0.01, 0.6, dice);
}
void SetTailFree(DialectCase* c, Dice* dice) {
  c->params.tail_free = Between(0.3, 0.99, dice);
}
void SetTopH(DialectCase* c, Dice* dice) {
  c->params.top_h = Between(0.2, 0.95, dice);
}
void SetPLess(DialectCase* c, Dice*) { c->params.p_less = true; }
void SetXtc(DialectCase* c, Dice* dice) {
  if (IsCold(*c)) return;
  c->params.xtc_applies = true;
  c->params.xtc_threshold = Between(0.02, 0.4, dice);
  if (dice->Chance(0.5)) c->params.xtc_protected_ids = AnyIds(*c, 3, dice);
}
void SetProtectedIds(DialectCase* c, Dice* dice) {
  SetXtc(c, dice);
  c->params.xtc_protected_ids = {LikelyId(*c, dice)};
}
void SetMirostat(DialectCase* c, Dice* dice) {
  if (IsCold(*c) || c->params.adaptive_p) return;
  MakeMirostat(1 + dice->Below(2), &c->params, dice);
}
void SetAdaptiveP(DialectCase* c, Dice* dice) {
  if (IsCold(*c) || c->params.mirostat != 0) return;
  MakeAdaptiveP(&c->params, dice);
  c->params.adaptive_p_weighted_sum =
      Between(0, 1, dice) * c->params.adaptive_p_total_weight;
}

constexpr LackingKnob kKnobs[] = {
    {"guidance_scale", "VLGO", true, MakeGuidance},
    {"prompt_repetition_penalty", "VHLGO", true, SetPromptRepetition},
    {"frequency_penalty", "H", true, SetFrequency},
    {"presence_penalty", "H", true, SetPresence},
    {"repetition_window", "VHGO", true, SetWindows},
    {"penalty_exclude_ids", "VHLGO", true, SetExcludedIds},
    {"dry_multiplier", "VHGO", true, MakeDry},
    {"length_penalty_factor", "VLGO", true, SetLengthPenalty},
    {"logit_bias", "O", true, SetBias},
    {"no_repeat_ngram", "VLGO", true, SetNoRepeatNgram},
    {"bad_words", "LGO", true, SetBadWords},
    {"suppressed_ids", "VLGO", true, SetSuppressed},
    {"banned_ids", "VHGO", true, SetHardBans},
    {"min_tokens", "L", true, SetMinTokens},
    {"smoothing_factor", "VHLGO", false, SetSmoothing},
    {"dynamic_temperature_range", "VHGO", false, SetDynamicTemperature},
    {"top_n_sigma", "VHGO", false, SetTopNSigma},
    {"typical_p", "VGO", false, SetTypical},
    {"epsilon_cutoff", "VLGO", false, SetEpsilon},
    {"eta_cutoff", "VLGO", false, SetEta},
    {"top_a", "VHLGO", false, SetTopA},
    {"tail_free", "VHLGO", false, SetTailFree},
    {"top_h", "VLGO", false, SetTopH},
    {"p_less", "VHLGO", false, SetPLess},
    {"xtc_probability", "VHGO", false, SetXtc},
    {"xtc_protected_ids", "L", false, SetProtectedIds},
    {"mirostat", "VHGO", false, SetMirostat},
    {"adaptive_p_target", "VHGO", false, SetAdaptiveP},
};

// Mostly the engine's own cuts are off, so that something is left to those that
// are not its own.
void Loosen(Params* params, Dice* dice) {
  if (dice->Chance(0.7)) params->top_k = 0;
  if (dice->Chance(0.7)) params->top_p = 1;
  if (dice->Chance(0.7)) params->min_p = 0;
}

// Neighbours in the order, whose places show together alone, or any.
std::vector<const LackingKnob*> Choose(
    const std::vector<const LackingKnob*>& all, Dice* dice) {
  std::vector<const LackingKnob*> chosen;
  uint32_t at = dice->Below(static_cast<uint32_t>(all.size()));
  const bool neighbours = dice->Chance(0.5);
  for (uint32_t count = 1 + dice->Below(4); count > 0; --count) {
    chosen.push_back(all[at % all.size()]);
    at = neighbours ? at + 1 : dice->Below(static_cast<uint32_t>(all.size()));
  }
  return chosen;
}

}  // namespace

void MakeLacking(DialectCase* c, Dice* dice) {
  Loosen(&c->params, dice);
  // Cuts do not go with llama.cpp's mirostat.
  const bool is_steered_alone =
      c->dialect == DialectName::kLlamaCpp && c->params.mirostat != 0;
  const char letter = kLetters[static_cast<int>(c->dialect)];
  std::vector<const LackingKnob*> all;
  for (const LackingKnob& knob : kKnobs) {
    if (std::strchr(knob.lacked_by, letter) == nullptr) continue;
    if (is_steered_alone && !knob.changes_single_logits) continue;
    all.push_back(&knob);
  }
  for (const LackingKnob* knob : Choose(all, dice)) {
    knob->set(c, dice);
    c->lacking.push_back(knob->name);
    c->name += std::string(" ") + knob->name;
  }
}

}  // namespace logitd::tests
