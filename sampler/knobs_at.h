// KnobsAt: the knobs as they are after so many generated tokens, their
// schedules evaluated.
#ifndef LOGITD_SAMPLER_KNOBS_AT_H_
#define LOGITD_SAMPLER_KNOBS_AT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "sampler/knobs.h"
#include "sampler/params.h"

namespace logitd {

// A look at valid parameters, which must outlive it. Allocates nothing.
class KnobsAt {
 public:
  using Real = std::optional<double> Params::*;
  using Count = std::optional<uint32_t> Params::*;

  KnobsAt(const Params& params, uint32_t generated);

  const Params& params() const { return params_; }

  std::optional<double> operator()(Real knob) const;
  std::optional<uint32_t> operator()(Count knob) const;

 private:
  struct Scheduled {
    Real knob;
    double value;
  };

  const Params& params_;
  std::array<Scheduled, std::size(kRealKnobs)> scheduled_;
  size_t scheduled_count_ = 0;
  std::optional<uint32_t> top_k_;
};

// True if the schedule's knob never leaves its off value, which of top_k is
// the vocabulary's size.
bool IsAlwaysOff(const Schedule& schedule, uint32_t vocab_size);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_KNOBS_AT_H_
