#include "tests/sampler/cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

uint32_t AnyId(const Case& c, Dice* dice) { return dice->Below(c.vocab_size); }

TokenIds AnyIds(const Case& c, uint32_t count_max, Dice* dice) {
  TokenIds ids(1 + dice->Below(count_max));
  for (uint32_t& id : ids) id = AnyId(c, dice);
  return ids;
}

uint32_t Largest(const Case& c) {
  const auto begin = c.logits.begin();
  return static_cast<uint32_t>(std::max_element(begin, begin + c.vocab_size) -
                               begin);
}

// Tokens with repetitions; the most probable one among them now and then.
TokenIds AnyTokens(const Case& c, uint32_t count_max, Dice* dice) {
  TokenIds pool = AnyIds(c, 12, dice);
  pool.push_back(Largest(c));
  TokenIds tokens(dice->Below(count_max + 1));
  for (uint32_t& token : tokens) token = dice->OneOf(pool);
  return tokens;
}

// Writes earlier parts of prompt and output into the output once more.
void RepeatParts(Case* c, Dice* dice) {
  TokenIds all = c->prompt;
  all.insert(all.end(), c->output.begin(), c->output.end());
  for (uint32_t i = dice->Below(6); i > 0 && !all.empty(); --i) {
    uint32_t from = dice->Below(static_cast<uint32_t>(all.size()));
    for (uint32_t n = 1 + dice->Below(24); n > 0; --n) {
      all.push_back(all[from++]);
      c->output.push_back(all.back());
    }
  }
}

// A part of the tokens that stand in the history, or any ids.
TokenIds AnySequence(const Case& c, const TokenIds& tokens, uint32_t count_max,
                     Dice* dice) {
  const uint32_t count = 1 + dice->Below(count_max);
  if (tokens.size() < count || dice->Chance(0.2)) {
    return AnyIds(c, count_max, dice);
  }
  const auto at = tokens.begin() +
                  dice->Below(static_cast<uint32_t>(tokens.size()) - count + 1);
  return TokenIds(at, at + count);
}

double Real(double low, double high, Dice* dice) {
  return low + (high - low) * dice->Unit();
}

void SetTemperature(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {
      0, 9.9e-6, 1e-5, 0.01, 0.1, 0.5, 0.7, 0.9, 1, 1.3, 1.5, 2, 10, 100};
  c->params.temperature =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0.2, 2, dice);
}

void SetTopK(Case* c, Dice* dice) {
  const uint32_t limit =
      dice->Chance(0.5) ? std::min(c->vocab_size, 60u) : c->vocab_size;
  c->params.top_k = 1 + dice->Below(limit + 1);
}

void SetTopP(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0.125,
                                              0.25,
                                              0.5,
                                              0.75,
                                              0.9,
                                              0.95,
                                              0.99,
                                              0.999,
                                              1e-8,
                                              0.05,
                                              5e-324,
                                              0x1p-30,
                                              0x1.fffffffffffffp-1};
  c->params.top_p =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0x1p-20, 1, dice);
}

void SetFading(Case* c, Dice* dice) {
  if (dice->Chance(0.7)) SetTopP(c, dice);
  c->params.top_p_decay = dice->Chance(0.5) ? 0.9 : Real(0.5, 1, dice);
  if (dice->Chance(0.6)) c->params.top_p_min = Real(0x1p-10, 1, dice);
  if (dice->Chance(0.6)) {
    c->params.top_p_reset_ids = AnyIds(*c, 6, dice);
    c->params.top_p_reset_ids.push_back(Largest(*c));
  }
}

// Puts logits exactly on the floor of min_p, and one fp32 to either side.
void PutOnFloor(Case* c, Dice* dice) {
  const float floor = static_cast<float>(ScalarLogD(*c->params.min_p));
  if (!(floor < -1e-30f)) return;
  for (float& l : c->logits) l = std::min(l, 0.0f);
  for (int i = 0; i < 6; ++i) {
    uint32_t bits;
    std::memcpy(&bits, &floor, sizeof(bits));
    bits += dice->Below(3) - 1;  // neighbours of a negative number
    std::memcpy(&c->logits[AnyId(*c, dice)], &bits, sizeof(bits));
  }
  c->logits[AnyId(*c, dice)] = 0;
  c->dtype = Dtype::kFloat32;
}

void SetMinP(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {
      1,    0.5,    0.25,      0.1,       0.05,  0.02,   0.999,
      1e-3, 1e-300, 0x1p-1022, 0x1p-1023, 1e-37, 1.7e-38};
  c->params.min_p =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0x1p-20, 1, dice);
  if (dice->Chance(0.4)) PutOnFloor(c, dice);
}

// One of the values, or one between the limits.
double AnyReal(const std::vector<double>& values, double low, double high,
               Dice* dice) {
  return dice->Chance(0.5) ? dice->OneOf(values) : Real(low, high, dice);
}

// Half of the time at another temperature than 1.
void MaybeTemperature(Case* c, Dice* dice) {
  if (dice->Chance(0.5)) c->params.temperature = Real(0.3, 2, dice);
}

void SetDynamicTemperature(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.dynamic_temperature_range =
      AnyReal({0.5, 1, 1e-3, 2, 100}, 0.01, 3, dice);
  if (dice->Chance(0.7)) {
    c->params.dynamic_temperature_exponent =
        AnyReal({1, 0.5, 2, 1e-6, 100}, 0.1, 4, dice);
  }
}

void SetSmoothing(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.smoothing_factor =
      AnyReal({0.2, 1, 10, 1e-3, 1e-30}, 0.01, 2, dice);
  if (dice->Chance(0.6)) {
    c->params.smoothing_curve = AnyReal({1, 2, 3}, 1, 3, dice);
  }
}

void SetTopNSigma(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.top_n_sigma = AnyReal({1, 0.5, 1.7, 3.46, 1e-6, 100}, 0.1, 5, dice);
}

void SetTypical(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.typical_p =
      AnyReal({0.2, 0.5, 0.9, 0.95, 0.99, 1e-9}, 0.01, 0.999, dice);
}

void SetEpsilon(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.epsilon_cutoff =
      AnyReal({3e-4, 9e-4, 0.05, 0.5, 0.999, 1e-300}, 1e-6, 0.2, dice);
}

void SetEta(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.eta_cutoff =
      AnyReal({3e-4, 2e-3, 0.05, 0.5, 0.999, 1e-300}, 1e-6, 0.3, dice);
}

void SetTopA(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.top_a = AnyReal({0.2, 0.1, 1, 1e-3, 1e-300}, 1e-3, 1, dice);
}

void SetTailFree(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.tail_free = AnyReal({0.95, 0.5, 0.1, 0.99, 1e-9}, 0.05, 0.99, dice);
}

void SetTopH(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.top_h = AnyReal({0.4, 0.1, 0.9, 0.99, 1e-9}, 0.05, 0.99, dice);
}

void SetPLess(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.p_less = dice->Chance(0.95);
}

void SetXtc(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.xtc_probability = AnyReal({1, 1, 1, 0.5}, 0.1, 1, dice);
  if (dice->Chance(0.7)) {
    c->params.xtc_threshold = AnyReal({0.1, 0.05, 0, 0.5, 0.01}, 0, 0.3, dice);
  }
  if (dice->Chance(0.4)) {
    c->params.xtc_protected_ids = AnyIds(*c, 4, dice);
    if (dice->Chance(0.5)) c->params.xtc_protected_ids.push_back(Largest(*c));
  }
}

void SetMirostat(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.mirostat = 1 + dice->Below(2);
  if (dice->Chance(0.7))
    c->params.mirostat_tau = AnyReal({5, 1, 2, 0.1, 100}, 0.5, 9, dice);
  if (dice->Chance(0.7))
    c->params.mirostat_eta = AnyReal({0.1, 1, 0.5}, 0.01, 1, dice);
  if (dice->Chance(0.7)) c->feedback.mu = AnyReal({10, 0, -3, 30}, 0, 14, dice);
}

void SetAdaptiveP(Case* c, Dice* dice) {
  MaybeTemperature(c, dice);
  c->params.adaptive_p_target = AnyReal({0.3, 0.5, 1, 1e-3}, 0.01, 1, dice);
  if (dice->Chance(0.7)) {
    c->params.adaptive_p_decay = AnyReal({0.9, 0, 0.99}, 0, 0.99, dice);
  }
  if (dice->Chance(0.7)) {
    const double total = Real(1, 20, dice);
    c->feedback.sums = Feedback::Sums{total * dice->Unit(), total};
  }
}

std::optional<uint32_t> AnyWindow(Dice* dice) {
  if (dice->Chance(0.4)) return std::nullopt;
  return 1 + dice->Below(dice->Chance(0.5) ? 8 : 120);
}

void SetRepetition(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0.1, 10, 1.1, 1.3, 0.5, 2, 1.05};
  c->params.repetition_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0.1, 10, dice);
  c->params.repetition_window = AnyWindow(dice);
}

void SetFrequency(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {-2, 2, 0.5, 0.1, -0.3, 1};
  c->params.frequency_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(-2, 2, dice);
  c->params.frequency_window = AnyWindow(dice);
}

void SetPresence(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {-2, 2, 0.5, 0.1, -0.3, 1};
  c->params.presence_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(-2, 2, dice);
  c->params.presence_window = AnyWindow(dice);
}

void SetPromptRepetition(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0.1, 10, 1.1, 1.3, 0.5, 2};
  c->params.prompt_repetition_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0.1, 10, dice);
}

void SetDry(Case* c, Dice* dice) {
  static const std::vector<double> kMultipliers = {0.8, 100, 1e-3, 1};
  c->params.dry_multiplier =
      dice->Chance(0.5) ? dice->OneOf(kMultipliers) : Real(0.1, 5, dice);
  static const std::vector<double> kBases = {1, 10, 2};
  if (dice->Chance(0.5)) {
    c->params.dry_base =
        dice->Chance(0.5) ? dice->OneOf(kBases) : Real(1, 3, dice);
  }
  if (dice->Chance(0.6)) c->params.dry_allowed_length = 1 + dice->Below(6);
  c->params.dry_window = AnyWindow(dice);
  if (dice->Chance(0.4)) c->params.dry_breaker_ids = AnyIds(*c, 4, dice);
}

// What is made of the tokens of the history, so that it is met there.
void SetDryBreakers(Case* c, Dice* dice) {
  if (!c->params.dry_multiplier) return;
  while (dice->Chance(0.4)) {
    c->params.dry_breaker_sequences.push_back(
        AnySequence(*c, c->output, 3, dice));
  }
  if (dice->Chance(0.2) && !c->output.empty()) {
    c->params.dry_breaker_ids.push_back(dice->OneOf(c->output));
  }
}

void SetLengthPenalty(Case* c, Dice* dice) {
  static const std::vector<double> kFactors = {1.01, 10, 1.5, 1};
  c->params.length_penalty_factor =
      dice->Chance(0.5) ? dice->OneOf(kFactors) : Real(1, 2, dice);
  if (dice->Chance(0.7)) c->params.length_penalty_start = dice->Below(30);
  c->params.eos_ids = AnyIds(*c, 3, dice);
  if (dice->Chance(0.2)) c->params.ignore_eos = true;
}

void SetNgram(Case* c, Dice* dice) {
  c->params.no_repeat_ngram = dice->Below(dice->Chance(0.7) ? 4 : 40);
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
}

void SetBadWords(Case* c, Dice* dice) {
  for (uint32_t n = 1 + dice->Below(8); n > 0; --n) {
    // Others than the last token are met, one token is banned always.
    TokenIds word = AnySequence(*c, c->output, 3, dice);
    if (dice->Chance(0.6) && !c->output.empty()) {
      const size_t count = dice->Below(
          std::min<uint32_t>(4, static_cast<uint32_t>(c->output.size())) + 1);
      word.assign(c->output.end() - static_cast<std::ptrdiff_t>(count),
                  c->output.end());
      word.push_back(dice->Chance(0.5) ? Largest(*c) : AnyId(*c, dice));
    }
    c->params.bad_words.push_back(word);
  }
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
}

void SetSuppressed(Case* c, Dice* dice) {
  c->params.suppressed_ids = AnyIds(*c, dice->Chance(0.3) ? 300 : 8, dice);
  if (dice->Chance(0.7)) {
    c->params.begin_suppressed_ids = AnyIds(*c, 4, dice);
    c->params.begin_suppressed_ids.push_back(Largest(*c));
  }
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
}

void SetConflict(Case* c, Dice* dice) {
  if (dice->Chance(0.3)) c->params.on_conflict = OnConflict::kError;
}

void SetForcedTokens(Case* c, Dice* dice) {
  c->params.forced_tokens = AnyIds(*c, 40, dice);
  if (dice->Chance(0.3)) c->params.banned_ids = c->params.forced_tokens;
  if (dice->Chance(0.2)) c->params.allowed_ids = AnyIds(*c, 60, dice);
  SetConflict(c, dice);
}

void SetThinking(Case* c, Dice* dice) {
  ThinkingBudget budget;
  budget.start = AnySequence(*c, c->output, 2, dice);
  budget.end = AnySequence(*c, c->output, 3, dice);
  budget.max_tokens = dice->Below(20);
  if (dice->Chance(0.7)) budget.message = AnyIds(*c, 12, dice);
  Params alone;
  alone.thinking_budget = budget;
  if (!Validate(alone, c->vocab_size).ok()) return;  // the start in the end
  c->params.thinking_budget = budget;
  if (dice->Chance(0.2)) c->params.banned_ids = budget.message;
  SetConflict(c, dice);
}

void SetExcluded(Case* c, Dice* dice) {
  if (dice->Chance(0.3)) c->params.penalty_exclude_ids = AnyIds(*c, 3, dice);
}

void SetBias(Case* c, Dice* dice) {
  TokenIds ids = AnyIds(*c, 20, dice);
  ids.push_back(Largest(*c));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::reverse(ids.begin(), ids.end());  // no order is asked for
  static const std::vector<double> kValues = {-100, 100, 0, 1, -1, 0.1, 5};
  for (uint32_t id : ids) {
    c->params.logit_bias_ids.push_back(id);
    c->params.logit_bias_values.push_back(
        dice->Chance(0.5) ? dice->OneOf(kValues) : Real(-10, 10, dice));
  }
}

void SetAllowed(Case* c, Dice* dice) {
  c->params.allowed_ids = AnyIds(*c, dice->Chance(0.3) ? 3 : 60, dice);
}

void SetBanned(Case* c, Dice* dice) {
  c->params.banned_ids = AnyIds(*c, dice->Chance(0.3) ? 300 : 20, dice);
  if (dice->Chance(0.5)) c->params.banned_ids.push_back(Largest(*c));
}

void SetMask(Case* c, Dice* dice) {
  c->has_mask = true;
  c->mask.resize((c->logits.size() + 7) / 8);
  const int kind = static_cast<int>(dice->Below(5));
  for (uint8_t& byte : c->mask) {
    const uint64_t bits = dice->Next();
    byte = static_cast<uint8_t>(bits);  // a half
    if (kind == 1)
      byte =
          static_cast<uint8_t>(bits & (bits >> 8) & (bits >> 16));  // an eighth
    if (kind == 2) byte = static_cast<uint8_t>(bits | (bits >> 8));
    if (kind == 3) byte = 0xFF;
  }
  if (dice->Chance(0.2)) {  // a short one: what is missing is banned
    c->mask.resize(dice->Below(static_cast<uint32_t>(c->mask.size() + 1)));
  }
  const uint32_t safe = AnyId(*c, dice);
  if (safe / 8 < c->mask.size() && dice->Chance(0.9)) {
    c->mask[safe / 8] |= static_cast<uint8_t>(1u << (safe % 8));
  }
}

void SetEnds(Case* c, Dice* dice) {
  c->params.eos_ids = AnyIds(*c, 3, dice);
  if (dice->Chance(0.5)) c->params.eos_ids.push_back(Largest(*c));
  c->params.stop_ids = AnyIds(*c, 5, dice);
  c->params.min_tokens = dice->Below(40);
  if (dice->Chance(0.3)) c->params.ignore_eos = dice->Chance(0.7);
  if (dice->Chance(0.3)) c->params.ban_eos = dice->Chance(0.7);
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
  if (dice->Chance(0.15)) {  // nothing but ends
    c->params.allowed_ids = c->params.stop_ids;
  }
}

void SetNonFinite(Case* c, Dice* dice) {
  if (dice->Chance(0.7)) c->params.on_non_finite = OnNonFinite::kBan;
  const uint32_t bad = dice->Below(4);
  for (uint32_t i = 0; i < bad; ++i) {
    c->logits[AnyId(*c, dice)] =
        dice->Chance(0.5) ? kInf : std::numeric_limits<float>::quiet_NaN();
  }
}

// Some logits behind the vocabulary, which nobody may look at.
void Widen(Case* c, Dice* dice) {
  const float values[] = {kInf, std::numeric_limits<float>::quiet_NaN(), 50,
                          -kInf};
  const uint32_t more = 1 + dice->Below(140);
  for (uint32_t i = 0; i < more; ++i) {
    c->logits.push_back(values[dice->Below(4)]);
    if (!c->guidance.empty()) c->guidance.push_back(c->logits.back());
  }
}

// A second row: of any shape, or the first but for a few ids, or all -inf.
void SetGuidance(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0, 1.5, 2, 7.5, 100, 0.5, 1};
  c->params.guidance_scale =
      dice->Chance(0.6) ? dice->OneOf(kValues) : Real(0, 5, dice);
  if (c->params.guidance_scale == 1.0) return;
  const Shape shape = static_cast<Shape>(dice->Below(kShapeCount));
  c->guidance = MakeRow(shape, c->vocab_size, dice->Next());
  const uint32_t kind = dice->Below(10);
  if (kind < 4) {
    std::vector<float> alike = c->logits;
    for (uint32_t i = 0; i < kind * 10; ++i) {
      const uint32_t id = AnyId(*c, dice);
      alike[id] = c->guidance[id];
    }
    c->guidance = alike;
  }
  if (kind == 4) std::fill(c->guidance.begin(), c->guidance.end(), -kInf);
  if (dice->Chance(0.1)) {
    c->guidance[AnyId(*c, dice)] =
        dice->Chance(0.5) ? kInf : std::numeric_limits<float>::quiet_NaN();
  }
}

void SetReport(Case* c, Dice* dice) {
  const bool all = dice->Chance(0.8);
  Report& r = c->report;
  r.final_logprob = all || dice->Chance(0.5);
  r.raw_logprob = all || dice->Chance(0.5);
  r.tempered_logprob = all || dice->Chance(0.5);
  r.kept_mass = all || dice->Chance(0.5);
  r.entropy = all || dice->Chance(0.5);
  if (dice->Chance(0.5)) r.top_n_final = dice->Below(24);
  if (dice->Chance(0.3)) r.top_n_raw = dice->Below(24);
  if (dice->Chance(0.02)) r.top_n_final = r.top_n_raw = kTopMax;
  r.row_digest = dice->Chance(0.3);
  r.kept_ids = dice->Chance(0.4);
  if (dice->Chance(0.5)) r.kept_ids_max = dice->Below(80);
  if (dice->Chance(0.3)) c->given = AnyId(*c, dice);
}

void SetPast(Case* c, Dice* dice) {
  c->prompt = AnyTokens(*c, dice->Chance(0.1) ? 400 : 30, dice);
  c->output = AnyTokens(*c, dice->Chance(0.1) ? 400 : 30, dice);
  if (dice->Chance(0.5)) RepeatParts(c, dice);
  const Params& p = c->params;
  c->prompt_known = p.repetition_penalty || p.prompt_repetition_penalty ||
                    p.dry_multiplier || p.no_repeat_ngram ||
                    p.thinking_budget || dice->Chance(0.8);
  c->at.key.bits = dice->Next();
  c->at.position = static_cast<uint32_t>(c->prompt.size() + c->output.size());
  c->at.attempt = dice->Chance(0.8) ? 0 : dice->Below(1u << 24);
}

using Setter = void (*)(Case*, Dice*);

// The knobs of temperature and of cuts, but for the four that all peers have.
constexpr Setter kCuts[] = {SetDynamicTemperature,
                            SetSmoothing,
                            SetTopNSigma,
                            SetTypical,
                            SetEpsilon,
                            SetEta,
                            SetTopA,
                            SetTailFree,
                            SetTopH,
                            SetPLess,
                            SetXtc};

constexpr Setter kOthers[] = {
    SetMirostat,    SetAdaptiveP,     SetTemperature,
    SetTemperature, SetTopK,          SetTopP,
    SetMinP,        SetRepetition,    SetFrequency,
    SetPresence,    SetExcluded,      SetBias,
    SetAllowed,     SetBanned,        SetMask,
    SetEnds,        SetNonFinite,     SetPromptRepetition,
    SetDry,         SetLengthPenalty, SetNgram,
    SetSuppressed,  SetForcedTokens,  SetGuidance};

void SetEverything(Case* c, Dice* dice) {
  for (Setter set : kCuts) {
    if (dice->Chance(0.35)) set(c, dice);
  }
  for (Setter set : kOthers) {
    const bool rare = set == SetAllowed || set == SetNonFinite ||
                      set == SetForcedTokens || set == SetGuidance;
    if (dice->Chance(rare ? 0.08 : 0.35)) set(c, dice);
  }
}

void SetTruncations(Case* c, Dice* dice) {
  SetTemperature(c, dice);
  if (dice->Chance(0.6)) SetTopK(c, dice);
  if (dice->Chance(0.7)) SetTopP(c, dice);
  if (dice->Chance(0.6)) SetMinP(c, dice);
  for (Setter set : kCuts) {
    if (dice->Chance(0.25)) set(c, dice);
  }
}

// All stages in an order of their own.
void SetSteps(Case* c, Dice* dice) {
  std::vector<Stage> rest;
  for (size_t i = 0; i < kOrderedStageCount; ++i)
    rest.push_back(static_cast<Stage>(i));
  while (!rest.empty()) {
    const uint32_t next = dice->Below(static_cast<uint32_t>(rest.size()));
    c->params.steps.push_back(rest[next]);
    rest.erase(rest.begin() + next);
  }
}

void SetInOrder(Case* c, Dice* dice) {
  SetEverything(c, dice);
  SetSteps(c, dice);
}

// Guidance with what follows it.
void SetGuided(Case* c, Dice* dice) {
  if (dice->Chance(0.5)) SetTruncations(c, dice);
  if (dice->Chance(0.3)) SetBias(c, dice);
  if (dice->Chance(0.2)) c->params.on_non_finite = OnNonFinite::kBan;
  SetGuidance(c, dice);
}

// Of knobs that need the history: SetByPast.
void SetLater(Case*, Dice*) {}

struct Subject {
  Focus focus;
  const char* name;
  void (*set)(Case* c, Dice* dice);
};

constexpr Subject kSubjects[] = {
    {Focus::kTemperature, "Temperature", SetTemperature},
    {Focus::kTopK, "TopK", SetTopK},
    {Focus::kTopP, "TopP", SetTopP},
    {Focus::kTopPDecay, "TopPDecay", SetFading},
    {Focus::kMinP, "MinP", SetMinP},
    {Focus::kRepetition, "Repetition", SetRepetition},
    {Focus::kFrequency, "Frequency", SetFrequency},
    {Focus::kPresence, "Presence", SetPresence},
    {Focus::kPromptRepetition, "PromptRepetition", SetPromptRepetition},
    {Focus::kDry, "Dry", SetDry},
    {Focus::kLengthPenalty, "LengthPenalty", SetLengthPenalty},
    {Focus::kLogitBias, "LogitBias", SetBias},
    {Focus::kAllowedIds, "AllowedIds", SetAllowed},
    {Focus::kBannedIds, "BannedIds", SetBanned},
    {Focus::kMask, "Mask", SetMask},
    {Focus::kMinTokens, "MinTokens", SetEnds},
    {Focus::kBadWords, "BadWords", SetLater},
    {Focus::kSuppressedIds, "SuppressedIds", SetSuppressed},
    {Focus::kNoRepeatNgram, "NoRepeatNgram", SetNgram},
    {Focus::kForcedTokens, "ForcedTokens", SetForcedTokens},
    {Focus::kThinkingBudget, "ThinkingBudget", SetLater},
    {Focus::kGuidance, "Guidance", SetGuided},
    {Focus::kNonFinite, "NonFinite", SetNonFinite},
    {Focus::kDynamicTemperature, "DynamicTemperature", SetDynamicTemperature},
    {Focus::kSmoothing, "Smoothing", SetSmoothing},
    {Focus::kTopNSigma, "TopNSigma", SetTopNSigma},
    {Focus::kTypical, "Typical", SetTypical},
    {Focus::kEpsilon, "Epsilon", SetEpsilon},
    {Focus::kEta, "Eta", SetEta},
    {Focus::kTopA, "TopA", SetTopA},
    {Focus::kTailFree, "TailFree", SetTailFree},
    {Focus::kTopH, "TopH", SetTopH},
    {Focus::kPLess, "PLess", SetPLess},
    {Focus::kXtc, "Xtc", SetXtc},
    {Focus::kMirostat, "Mirostat", SetMirostat},
    {Focus::kAdaptiveP, "AdaptiveP", SetAdaptiveP},
    {Focus::kTruncations, "Truncations", SetTruncations},
    {Focus::kEverything, "Everything", SetEverything},
    {Focus::kSteps, "Steps", SetInOrder},
};

// The subjects stand in the order of the enum.
constexpr bool InOrder() {
  int count = 0;
  for (const Subject& subject : kSubjects) {
    if (static_cast<int>(subject.focus) != count++) return false;
  }
  return count == kFocusCount;
}
static_assert(InOrder());

const Subject& SubjectOf(Focus focus) {
  return kSubjects[static_cast<int>(focus)];
}

// Knobs made of the tokens that stand in the history.
void SetByPast(Focus focus, Case* c, Dice* dice) {
  const bool all = focus == Focus::kEverything || focus == Focus::kSteps;
  SetDryBreakers(c, dice);
  if (focus == Focus::kBadWords || (all && dice->Chance(0.3))) {
    SetBadWords(c, dice);
  }
  const bool thinks = all && c->prompt_known && dice->Chance(0.2);
  if (focus == Focus::kThinkingBudget || thinks) {
    c->prompt_known = true;
    SetThinking(c, dice);
  }
}

// Logits that an fp16 can hold; from 65520 on they would become infinite.
void RoundToFloat16(std::vector<float>* logits) {
  for (float& l : *logits) {
    if (std::isnan(l) || std::isinf(l)) continue;
    l = FromFloat16(ToFloat16(std::clamp(l, -65504.0f, 65504.0f)));
  }
}

// Logits that a bf16 can hold; +-FLT_MAX would become infinite.
void RoundToBfloat16(std::vector<float>* logits) {
  for (float& l : *logits) {
    const float rounded = FromBfloat16(ToBfloat16(l));
    if (std::isnan(l) || std::isinf(l)) continue;
    l = std::isinf(rounded) ? std::copysign(0x1.fep127f, l) : rounded;
  }
}

void StoreAs(Dtype dtype, Case* c) {
  c->dtype = dtype;
  const auto round =
      dtype == Dtype::kFloat16 ? RoundToFloat16 : RoundToBfloat16;
  round(&c->logits);
  round(&c->guidance);
}

}  // namespace

const char* Name(Focus focus) { return SubjectOf(focus).name; }

Case MakeCase(Focus focus, uint32_t vocab_size, uint64_t seed) {
  Dice dice(seed);
  const Shape shape = static_cast<Shape>(dice.Below(kShapeCount));
  return MakeCase(focus, MakeRow(shape, vocab_size, dice.Next()), seed,
                  Name(shape));
}

Case MakeCase(Focus focus, std::vector<float> logits, uint64_t seed,
              const std::string& row_name) {
  Dice dice(seed * kFocusCount + static_cast<uint64_t>(focus));
  Case c;
  c.vocab_size = static_cast<uint32_t>(logits.size());
  c.logits = std::move(logits);
  c.name = std::string(Name(focus)) + " seed " + std::to_string(seed) +
           " row " + row_name + " of " + std::to_string(c.vocab_size);
  const bool widen = dice.Chance(focus == Focus::kNonFinite ? 0.5 : 0.1);
  const bool narrow = dice.Chance(0.4);
  SubjectOf(focus).set(&c, &dice);
  if (focus == Focus::kRepetition || focus == Focus::kFrequency ||
      focus == Focus::kPresence || focus == Focus::kPromptRepetition ||
      focus == Focus::kDry) {
    SetExcluded(&c, &dice);
  }
  SetPast(&c, &dice);
  SetByPast(focus, &c, &dice);
  SetReport(&c, &dice);
  if (narrow && (!c.params.min_p || dice.Chance(0.5))) {
    StoreAs(dice.Chance(0.5) ? Dtype::kFloat16 : Dtype::kBfloat16, &c);
  }
  if (widen) Widen(&c, &dice);
  c.misalignment = dice.Chance(0.3) ? dice.Below(4) : 0;
  return c;
}

uint32_t SmallVocabulary(uint64_t seed) {
  Dice dice(seed ^ 0x5A11);
  if (dice.Chance(0.3)) return 1 + dice.Below(700);
  return dice.OneOf(SmallVocabularies());
}

History MakeHistory(const Case& c, const Plan& plan) {
  History history =
      c.prompt_known
          ? History(c.prompt)
          : History::WithoutPrompt(static_cast<uint32_t>(c.prompt.size()));
  const absl::Status followed = history.Follow(plan);
  static_cast<void>(followed);  // cannot fail: nothing was trimmed yet
  for (uint32_t token : c.output) history.Append(token);
  return history;
}

const void* CaseRunner::StoreLogits(const Case& c,
                                    const std::vector<float>& logits,
                                    std::vector<uint8_t>* bytes) {
  const size_t size = SizeOf(c.dtype);
  bytes->resize(c.misalignment + logits.size() * size);
  uint8_t* at = bytes->data() + c.misalignment;
  if (c.dtype == Dtype::kFloat32) {
    std::memcpy(at, logits.data(), logits.size() * size);
  } else {
    const std::vector<uint16_t> rounded =
        c.dtype == Dtype::kFloat16 ? ToFloat16(logits) : ToBfloat16(logits);
    std::memcpy(at, rounded.data(), rounded.size() * size);
  }
  return at;
}

Row CaseRunner::Store(const Case& c) {
  Row row;
  row.logits = StoreLogits(c, c.logits, &bytes_);
  row.width = static_cast<uint32_t>(c.logits.size());
  row.dtype = c.dtype;
  if (!c.guidance.empty()) {
    row.guidance = StoreLogits(c, c.guidance, &guidance_bytes_);
  }
  static constexpr uint8_t kNoMaskBytes = 0;
  if (c.has_mask) row.mask = c.mask.empty() ? &kNoMaskBytes : c.mask.data();
  row.mask_bytes = c.mask.size();
  return row;
}

const Ran& CaseRunner::Run(const Case& c) {
  absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
  ran_.status = plan.status();
  if (!plan.ok()) return ran_;
  const History history = MakeHistory(c, *plan);
  ran_.status = sampler_.Sample(*plan, history, c.feedback, c.at, Store(c),
                                c.report, c.given, &workspace_, &ran_.outcome);
  return ran_;
}

}  // namespace logitd::tests
