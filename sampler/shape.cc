#include "sampler/shape.h"

#include <algorithm>

#include "sampler/natural_exp.h"
#include "sampler/order.h"
#include "sampler/power.h"
#include "sampler/prefix.h"
#include "sampler/stages.h"
#include "sampler/temperature.h"
#include "sampler/truncation.h"

namespace logitd {
namespace {

double MassOfOriginal(const kernels::Scale& scale, Candidates* candidates) {
  kernels::RowView& original = candidates->original();
  return candidates->kernels().weigh(original, scale, kAllAllowed,
                                     &original.active_count);
}

void RunTemperature(const StepValues& values, uint64_t listed, bool wants_mass,
                    Candidates* candidates, Shaped* shaped) {
  shaped->greedy = values.greedy || !Temper(values, listed, candidates);
  if (shaped->greedy) return;
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
  candidates->workspace()->KeepLogits();
  ApplyAdaptiveP(adaptive, feedback, candidates);
}

// top_p of this step.
double TopPNow(const StepView& step) {
  const StepValues& v = step.values;
  if (!v.fading_top_p) return *v.top_p;
  const FadingTopP& fading = *v.fading_top_p;
  const double faded =
      fading.first * Power(fading.decay, step.history.since_top_p_reset());
  return std::max(faded, fading.least);
}

// A stage that cuts, with its knob on.
void Cut(Stage stage, const StepView& step, Candidates* candidates) {
  const StepValues& v = step.values;
  const DialectRules& rules = *step.plan.rules;
  switch (stage) {
    case Stage::kTopNSigma:
      return TopNSigma(*v.sigmas, candidates);
    case Stage::kTopK:
      return TopK(*v.top_k, rules, candidates);
    case Stage::kTopP:
      return TopP(TopPNow(step), rules, candidates);
    case Stage::kMinP:
      return candidates->KeepFloor(*v.min_p_floor);
    case Stage::kTypical:
      return Typical(*v.typical_p, rules, candidates);
    case Stage::kEpsilon:
      return EpsilonCutoff(*v.log_epsilon, candidates);
    case Stage::kEta:
      return EtaCutoff(*v.log_eta, candidates);
    case Stage::kTopA:
      return TopA(*v.log_top_a, candidates);
    case Stage::kTailFree:
      return TailFree(*v.tail_free, candidates);
    case Stage::kTopH:
      return TopH(*v.top_h, rules, candidates);
    case Stage::kPLess:
      return PLess(candidates);
    case Stage::kXtc:
      return ExcludeTopChoices(*v.xtc, step.plan.xtc_protected_ids, step.at,
                               candidates);
    case Stage::kMirostat:
      return ApplyMirostat(*v.mirostat, step.feedback, step.plan.vocab_size,
                           candidates);
    default:
      return;
  }
}

// How many tokens a list holds that is shortened by some cuts only: what
// llama.cpp calls n. Costs nothing where nobody asks.
class Listed {
 public:
  Listed(const StepView& step, const Candidates& candidates)
      : candidates_(candidates),
        counts_(step.values.dynamic && step.plan.rules->dynamic_reaches_zero),
        count_(step.plan.vocab_size) {}

  uint64_t count() const { return counts_ ? count_ : candidates_.Count(); }

  void Before(Stage stage) {
    if (counts_ && stage == Stage::kXtc) before_ = candidates_.Count();
  }
  void After(Stage stage, const StepValues& values) {
    if (!counts_ || stage == Stage::kTopNSigma) return;
    if (stage == Stage::kTopK) {
      count_ = std::min<uint64_t>(count_, *values.top_k);
    } else if (stage == Stage::kXtc) {
      count_ -= before_ - candidates_.Count();
    } else {
      count_ = candidates_.Count();
    }
  }

 private:
  const Candidates& candidates_;
  const bool counts_;
  uint64_t count_;
  uint64_t before_ = 0;
};

void Observe(Stage stage, const Shaped& shaped, const Candidates& candidates,
             StageObserver* observer) {
  if (observer == nullptr) return;
  observer->After(NameOf(stage), {candidates.row(), candidates.scale(),
                                  candidates.cut(), shaped.greedy});
}

}  // namespace

Shaped Shape(const StepView& step, bool wants_tempered_mass,
             StageObserver* observer, Candidates* candidates) {
  const Plan& plan = step.plan;
  const StepValues& values = step.values;
  Shaped shaped;
  Listed listed(step, *candidates);
  for (const Stage stage : plan.stages) {
    // The temperature is where a step may be greedy.
    if (stage != Stage::kTemperature && !IsOn(stage, plan.params, values)) {
      continue;  // but at another step
    }
    if (ChangesLogits(stage)) {
      candidates->BeginEdit();
      ChangeLogits(stage, plan, values, step.history, candidates->workspace());
      candidates->EndEdit();
      Observe(stage, shaped, *candidates, observer);
      continue;
    }
    candidates->Begin();
    if (stage == Stage::kTemperature) {
      const uint64_t count = values.dynamic ? listed.count() : 0;
      RunTemperature(values, count, wants_tempered_mass, candidates, &shaped);
    } else if (shaped.greedy) {
      continue;  // the first of the rank stays the first
    } else if (stage == Stage::kAdaptiveP) {
      RunAdaptiveP(*values.adaptive_p, step.feedback, candidates, &shaped);
    } else {
      listed.Before(stage);
      Cut(stage, step, candidates);
      listed.After(stage, values);
    }
    Observe(stage, shaped, *candidates, observer);
  }
  candidates->Begin();
  return shaped;
}

void Learn(const StepValues& v, const Shaped& shaped, uint32_t token,
           Candidates* candidates, Feedback* feedback) {
  if (v.mirostat) {
    const auto d = static_cast<double>(candidates->D(token));
    LearnMirostat(*v.mirostat, d - candidates->LogMass(), feedback);
  }
  if (v.adaptive_p) {
    const auto d = static_cast<double>(kernels::DOf(
        shaped.steered, candidates->workspace()->kept_logits()[token]));
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
