#include <algorithm>
#include <cstring>

#include "tests/sampler/cases_setters.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

// One of the values, or one between the limits.
double AnyReal(const std::vector<double>& values, double low, double high,
               Dice* dice) {
  return dice->Chance(0.5) ? dice->OneOf(values) : Real(low, high, dice);
}

// Half of the time at another temperature than 1.
void MaybeTemperature(Case* c, Dice* dice) {
  if (dice->Chance(0.5)) c->params.temperature = Real(0.3, 2, dice);
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

}  // namespace

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

void SetMinP(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {
      1,    0.5,    0.25,      0.1,       0.05,  0.02,   0.999,
      1e-3, 1e-300, 0x1p-1022, 0x1p-1023, 1e-37, 1.7e-38};
  c->params.min_p =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0x1p-20, 1, dice);
  if (dice->Chance(0.4)) PutOnFloor(c, dice);
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

}  // namespace logitd::tests
