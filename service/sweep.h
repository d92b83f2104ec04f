// KnobSweep: one knob turned on one row, in turns: where its token flips, and
// all numbers at some values.
//
// Changes the parameters of its own copy of the session as UpdateSession would,
// once for each value. The row's bytes must outlive it.
#ifndef LOGITD_SERVICE_SWEEP_H_
#define LOGITD_SERVICE_SWEEP_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "logitd/v1/sampling.pb.h"
#include "service/convert.h"
#include "service/environment.h"
#include "service/flip_search.h"

namespace logitd {

// A row at a session's next position, looked at with other parameters.
struct Trial {
  Session session;
  Row row;
  uint32_t attempt = 0;

  // What it is with these knobs set over the present ones, which they replace.
  // Errors: as of UpdateSession, without "set.", and of the row.
  absl::Status Look(const v1::SamplingParams& set,
                    const std::optional<SessionReport>& report,
                    const Environment& env, Workspace* workspace,
                    EntryResult* result);
};

class KnobSweep {
 public:
  // INVALID_ARGUMENT: no number's knob, or a range that is none.
  static absl::StatusOr<KnobSweep> Create(const v1::Sweep& wire, Trial trial);

  // Goes on for a turn. True: `answer` is complete.
  absl::StatusOr<bool> RunTurn(const Environment& env, Workspace* workspace,
                               v1::SweepResult* answer);

 private:
  KnobSweep(const google::protobuf::FieldDescriptor* knob,
            std::vector<double> told, FlipSearch search, Trial trial);
  absl::Status Look(const std::string& field, double value,
                    const std::optional<SessionReport>& report,
                    const Environment& env, Workspace* workspace,
                    EntryResult* result);
  // Which of the ends the knob may not have.
  absl::Status CheckEnds(const Environment& env, Workspace* workspace);
  void Answer(v1::SweepResult* answer);

  const google::protobuf::FieldDescriptor* knob_;
  std::vector<double> told_;  // values
  FlipSearch search_;
  Trial trial_;
  SessionReport report_;  // of the values told
  bool are_ends_checked_ = false;
  bool is_searched_ = false;
  std::vector<EntryResult> results_;  // parallel to told_, as far as they go
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SWEEP_H_
