#include "sampler/shape.h"

#include "sampler/natural_exp.h"
#include "sampler/prefix.h"
#include "sampler/temperature.h"
#include "sampler/truncation.h"

namespace logitd {
namespace {

double MassOfOriginal(const kernels::Scale& scale, Candidates* candidates) {
  kernels::RowView& original = candidates->original();
  return candidates->kernels().weigh(original, scale, kAllAllowed,
                                     &original.active_count);
}

void RunTemperature(const StepValues& values, bool wants_mass,
                    Candidates* candidates, Shaped* shaped) {
  Temper(values, candidates);
  shaped->tempered = candidates->scale();
  shaped->tempered.m = candidates->original_m();
  if (!wants_mass) return;
  shaped->tempered_mass = candidates->rewritten()
                              ? MassOfOriginal(shaped->tempered, candidates)
                              : candidates->MassOfAll();
}

void RunAdaptiveP(const AdaptiveP& adaptive, const Feedback& feedback,
                  Candidates* candidates, Shaped* shaped) {
  shaped->log_steered_mass = candidates->LogMass();
  shaped->steered = candidates->scale();
  ApplyAdaptiveP(adaptive, feedback, candidates);
}

}  // namespace

Shaped Shape(const Plan& plan, const Feedback& feedback, const NoisePoint& at,
             bool wants_tempered_mass, Candidates* candidates) {
  const StepValues& v = plan.values;
  Shaped shaped;
  for (const Stage stage : plan.stages) {
    switch (stage) {
      case Stage::kTemperature:
        RunTemperature(v, wants_tempered_mass, candidates, &shaped);
        break;
      case Stage::kTopNSigma:
        if (v.sigmas) TopNSigma(*v.sigmas, candidates);
        break;
      case Stage::kTopK:
        if (v.top_k) candidates->KeepFirst(*v.top_k);
        break;
      case Stage::kTopP:
        if (v.top_p) TopP(*v.top_p, candidates);
        break;
      case Stage::kMinP:
        if (v.min_p_floor) candidates->KeepFloor(*v.min_p_floor);
        break;
      case Stage::kTypical:
        if (v.typical_p) Typical(*v.typical_p, candidates);
        break;
      case Stage::kEpsilon:
        if (v.log_epsilon) EpsilonCutoff(*v.log_epsilon, candidates);
        break;
      case Stage::kEta:
        if (v.log_eta) EtaCutoff(*v.log_eta, candidates);
        break;
      case Stage::kTopA:
        if (v.log_top_a) TopA(*v.log_top_a, candidates);
        break;
      case Stage::kTailFree:
        if (v.tail_free) TailFree(*v.tail_free, candidates);
        break;
      case Stage::kTopH:
        if (v.top_h) TopH(*v.top_h, candidates);
        break;
      case Stage::kPLess:
        if (v.p_less) PLess(candidates);
        break;
      case Stage::kXtc:
        if (v.xtc) {
          ExcludeTopChoices(*v.xtc, plan.xtc_protected_ids, at, candidates);
        }
        break;
      case Stage::kMirostat:
        if (v.mirostat) {
          ApplyMirostat(*v.mirostat, feedback, plan.vocab_size, candidates);
        }
        break;
      case Stage::kAdaptiveP:
        if (v.adaptive_p) {
          RunAdaptiveP(*v.adaptive_p, feedback, candidates, &shaped);
        }
        break;
    }
  }
  return shaped;
}

void Learn(const Plan& plan, const Shaped& shaped, uint32_t token,
           Candidates* candidates, Feedback* feedback) {
  const StepValues& v = plan.values;
  if (v.mirostat) {
    const auto d = static_cast<double>(candidates->D(token));
    LearnMirostat(*v.mirostat, d - candidates->LogMass(), feedback);
  }
  if (v.adaptive_p) {
    const auto d = static_cast<double>(
        kernels::DOf(shaped.steered, candidates->original().l[token]));
    LearnAdaptiveP(*v.adaptive_p, ExpD(d - shaped.log_steered_mass), feedback);
  }
}

double KeptMass(const Shaped& shaped, Candidates* candidates) {
  if (!candidates->rewritten()) {
    return candidates->Mass() / shaped.tempered_mass;
  }
  const kernels::RowView& row = candidates->row();
  candidates->kernels().keep_by_keys(candidates->original(), row,
                                     candidates->cut());
  return MassOfOriginal(shaped.tempered, candidates) / shaped.tempered_mass;
}

}  // namespace logitd
