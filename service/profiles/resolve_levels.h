// Levels: parameters of several levels put together, and who gave each knob.
//
// Adds levels from the lowest to the highest. Knows no clamps. Pure;
// thread-compatible.
#ifndef LOGITD_SERVICE_PROFILES_RESOLVE_LEVELS_H_
#define LOGITD_SERVICE_PROFILES_RESOLVE_LEVELS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "logitd/v1/params.pb.h"
#include "logitd/v1/session.pb.h"
#include "service/profiles/knob.h"

namespace logitd {

// One level's parameters, which outlive it.
struct Level {
  const v1::SamplingParams* params;
  v1::ParamLevel level;
  std::string name;         // "phase tool default"
  std::string path;         // "phases[1].default_params."
  bool is_callers = false;  // the request's, or of a phase that came with it
};

// Who gave a knob its value, or turned it off: the highest level that had part
// in it.
struct Giver {
  v1::ParamLevel level;
  std::string name;
  std::string path;
  std::string rule;  // of a clamp
  bool is_callers = false;
};

class Levels {
 public:
  // INVALID_ARGUMENT: allowed_ids have nothing in common.
  absl::Status Add(const Level& level);
  // Clears what conflicts with a knob that `level`, the one added last, gave:
  // from then on that level is who gave it.
  // INVALID_ARGUMENT: it gave both.
  absl::Status TurnOffConflicts(const Level& level);
  // INVALID_ARGUMENT: two knobs conflict.
  absl::Status CheckConflicts() const;
  // A clamp's value, of a knob with a RangeOf.
  void Limit(const Knob& knob, double min, double max, uint32_t vocab_size,
             Giver giver);
  // Clears what is at its off value. Who gave it is still told.
  void DropOff(uint32_t vocab_size);

  const v1::SamplingParams& params() const { return params_; }
  // nullptr: nobody.
  const Giver* GiverOf(const Knob& knob) const;
  // By field number; the bias under the number of its ids.
  const std::map<int, Giver>& givers() const { return givers_; }

 private:
  absl::Status Intersect(const Level& level);
  absl::Status Explain(const struct Conflict& conflict) const;

  v1::SamplingParams params_;
  std::map<int, Giver> givers_;     // by field number
  std::string allowed_by_request_;  // path of the request that has allowed_ids
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_RESOLVE_LEVELS_H_
