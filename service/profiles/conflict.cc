#include "service/profiles/conflict.h"

#include "sampler/knobs.h"
#include "sampler/plan.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

bool BothAct(const P& params, const Knob& a, const Knob& b) {
  return !IsOff(params, a, kCountMax) && !IsOff(params, b, kCountMax);
}

// a is the temperature. At one step is enough.
bool GreedyWith(const P& params, const Knob& a, const Knob& b) {
  const Knob& range = KnobAt(P::kDynamicTemperatureRangeFieldNumber);
  return IsGreedyAt(params, EffectOf(params, a, kCountMax).least,
                    EffectOf(params, range, kCountMax).least) &&
         !IsOff(params, b, kCountMax);
}

bool MoreThan(const P& params, const Knob& a, const Knob& b) {
  return EffectOf(params, a, kCountMax).most >
         EffectOf(params, b, kCountMax).least;
}

constexpr char kMirostatCuts[] = "mirostat decides the truncation itself";
constexpr char kGreedyDraws[] = "nothing is drawn at a temperature this low";
constexpr char kEndsFirst[] = "more tokens are asked for than are allowed";
constexpr char kOneFeedback[] = "each of them steers the same draw";

constexpr Conflict kConflicts[] = {
    {P::kMinTokensFieldNumber, P::kMaxTokensFieldNumber, MoreThan, kEndsFirst},
    {P::kTemperatureFieldNumber, P::kXtcProbabilityFieldNumber, GreedyWith,
     kGreedyDraws},
    {P::kTemperatureFieldNumber, P::kMirostatFieldNumber, GreedyWith,
     kGreedyDraws},
    {P::kTemperatureFieldNumber, P::kAdaptivePTargetFieldNumber, GreedyWith,
     kGreedyDraws},
    {P::kMirostatFieldNumber, P::kAdaptivePTargetFieldNumber, BothAct,
     kOneFeedback},
    {P::kMirostatFieldNumber, P::kTopKFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTopPFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kMinPFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTopNSigmaFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTypicalPFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kEpsilonCutoffFieldNumber, BothAct,
     kMirostatCuts},
    {P::kMirostatFieldNumber, P::kEtaCutoffFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTopAFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTailFreeFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kTopHFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kPLessFieldNumber, BothAct, kMirostatCuts},
    {P::kMirostatFieldNumber, P::kXtcProbabilityFieldNumber, BothAct,
     kMirostatCuts},
};

}  // namespace

absl::Span<const Conflict> Conflicts() { return kConflicts; }

bool Holds(const Conflict& conflict, const P& params) {
  const Knob& a = KnobAt(conflict.a);
  const Knob& b = KnobAt(conflict.b);
  return IsSet(params, a) && IsSet(params, b) && conflict.holds(params, a, b);
}

}  // namespace logitd
