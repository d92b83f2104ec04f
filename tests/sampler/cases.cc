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
  c->prompt_known =
      c->params.repetition_penalty.has_value() || dice->Chance(0.8);
  c->at.key.bits = dice->Next();
  c->at.position = static_cast<uint32_t>(c->prompt.size() + c->output.size());
  c->at.attempt = dice->Chance(0.8) ? 0 : dice->Below(1u << 24);
}

void SetEverything(Case* c, Dice* dice) {
  using Setter = void (*)(Case*, Dice*);
  static constexpr Setter kSetters[] = {
      SetTemperature, SetTemperature, SetTopK,      SetTopP,
      SetMinP,        SetRepetition,  SetFrequency, SetPresence,
      SetExcluded,    SetBias,        SetAllowed,   SetBanned,
      SetMask,        SetEnds,        SetNonFinite, SetGuidance};
  for (Setter set : kSetters) {
    const bool rare =
        set == SetAllowed || set == SetNonFinite || set == SetGuidance;
    if (dice->Chance(rare ? 0.08 : 0.45)) set(c, dice);
  }
}

void SetTruncations(Case* c, Dice* dice) {
  SetTemperature(c, dice);
  if (dice->Chance(0.6)) SetTopK(c, dice);
  if (dice->Chance(0.7)) SetTopP(c, dice);
  if (dice->Chance(0.6)) SetMinP(c, dice);
}

void Set(Focus focus, Case* c, Dice* dice) {
  switch (focus) {
    case Focus::kTemperature:
      SetTemperature(c, dice);
      break;
    case Focus::kTopK:
      SetTopK(c, dice);
      break;
    case Focus::kTopP:
      SetTopP(c, dice);
      break;
    case Focus::kMinP:
      SetMinP(c, dice);
      break;
    case Focus::kRepetition:
      SetRepetition(c, dice);
      break;
    case Focus::kFrequency:
      SetFrequency(c, dice);
      break;
    case Focus::kPresence:
      SetPresence(c, dice);
      break;
    case Focus::kLogitBias:
      SetBias(c, dice);
      break;
    case Focus::kAllowedIds:
      SetAllowed(c, dice);
      break;
    case Focus::kBannedIds:
      SetBanned(c, dice);
      break;
    case Focus::kMask:
      SetMask(c, dice);
      break;
    case Focus::kMinTokens:
      SetEnds(c, dice);
      break;
    case Focus::kGuidance:
      if (dice->Chance(0.5)) SetTruncations(c, dice);
      if (dice->Chance(0.3)) SetBias(c, dice);
      if (dice->Chance(0.2)) c->params.on_non_finite = OnNonFinite::kBan;
      SetGuidance(c, dice);
      break;
    case Focus::kNonFinite:
      SetNonFinite(c, dice);
      break;
    case Focus::kTruncations:
      SetTruncations(c, dice);
      break;
    case Focus::kEverything:
      SetEverything(c, dice);
      break;
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

const char* Name(Focus focus) {
  static constexpr const char* kNames[kFocusCount] = {
      "Temperature", "TopK",      "TopP",        "MinP",
      "Repetition",  "Frequency", "Presence",    "LogitBias",
      "AllowedIds",  "BannedIds", "Mask",        "MinTokens",
      "Guidance",    "NonFinite", "Truncations", "Everything"};
  return kNames[static_cast<int>(focus)];
}

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
  Set(focus, &c, &dice);
  if (focus == Focus::kRepetition || focus == Focus::kFrequency ||
      focus == Focus::kPresence) {
    SetExcluded(&c, &dice);
  }
  SetPast(&c, &dice);
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
  ran_.status = sampler_.Sample(*plan, history, c.at, Store(c), c.report,
                                c.given, &workspace_, &ran_.outcome);
  return ran_;
}

}  // namespace logitd::tests
