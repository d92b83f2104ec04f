#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/sampler/cases_setters.h"

namespace logitd::tests {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

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

}  // namespace

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

double Real(double low, double high, Dice* dice) {
  return low + (high - low) * dice->Unit();
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

void SetSuppressed(Case* c, Dice* dice) {
  c->params.suppressed_ids = AnyIds(*c, dice->Chance(0.3) ? 300 : 8, dice);
  if (dice->Chance(0.7)) {
    c->params.begin_suppressed_ids = AnyIds(*c, 4, dice);
    c->params.begin_suppressed_ids.push_back(Largest(*c));
  }
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
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

void StoreAs(Dtype dtype, Case* c) {
  c->dtype = dtype;
  const auto round =
      dtype == Dtype::kFloat16 ? RoundToFloat16 : RoundToBfloat16;
  round(&c->logits);
  round(&c->guidance);
}

}  // namespace logitd::tests
