// StepRun: one step of a stream between its message and its reply.
//
// Checks the arrays, finds session and row of every entry, and groups the
// entries into tasks: those of one session are one task, in order, which row
// groups rely on. The stream runs the tasks on any threads; then the results
// are written. Reused from step to step: its memory stays. Reads rows in the
// message's bytes, which must outlive the run. Knows the contract, no gRPC.
// Tasks touch disjoint entries; all else is confined to the stream.
#ifndef LOGITD_SERVICE_STEP_H_
#define LOGITD_SERVICE_STEP_H_

#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "logitd/v1/step.pb.h"
#include "service/limits.h"
#include "service/metrics.h"
#include "service/session/session_table.h"
#include "service/step_groups.h"
#include "service/transport/rows.h"

namespace logitd {

using Clock = std::chrono::steady_clock;

struct StepEntry {
  Entry entry;
  Row row;
  Session* session = nullptr;  // nullptr: answered already
  EntryResult result;
  Clock::time_point started;
  Clock::time_point ended;  // equal to started when no row ran

  void Fail(absl::Status why);
};

// The results of entries, and the time of their rows.
struct StepOutcome {
  absl::Status error;       // the first, if there is one; in the results too
  double row_seconds = 0;   // from the start of the first to the last's end
  double busy_seconds = 0;  // of each, added up
  double part_run = 0;      // of the entries
};
// Counted in `metrics` unless that is nullptr.
StepOutcome WriteResults(absl::Span<const StepEntry> entries,
                         v1::StepResult* wire, Metrics* metrics);

class StepRun {
 public:
  explicit StepRun(const Limits& limits) : limits_(limits) {}

  // Errors of the step as a whole; then there is nothing to run.
  absl::Status Prepare(const v1::Step& wire, SessionTable* table);

  // Entries to run, and the tasks they form.
  size_t run_count() const { return order_.size(); }
  size_t task_count() const { return tasks_.size(); }
  // The next entry of a task that is to run; nullptr: none. Passes over those
  // of row groups whose draft was not taken. Tasks may be asked in parallel.
  StepEntry* TakeReached(size_t task);
  bool HasMore(size_t task) const {
    return tasks_[task].next < tasks_[task].end;
  }

  // After all tasks. Counted in `metrics` unless that is nullptr.
  StepOutcome Write(v1::StepResult* wire, Metrics* metrics);

  // After Write(). The first entry that drew another token than it was given,
  // or than any draft behind it; as many as there are entries: none.
  uint32_t FirstDifference() const;
  absl::Span<const StepEntry> entries() const {
    return absl::MakeConstSpan(entries_).first(entry_count_);
  }

 private:
  struct Task {
    uint32_t next;
    uint32_t end;
  };

  absl::Status ReadTensors(const v1::Step& wire);
  absl::Status PrepareEntry(const v1::Step& wire, uint32_t index,
                            SessionTable* table, StepEntry* entry) const;
  void MakeTasks();
  // False for an entry of a row group whose draft was not taken.
  bool IsReached(uint32_t index) const;
  bool IsDraftTaken(uint32_t index, const StepGroups::Group& group) const;
  void WriteGroups(v1::StepResult* wire, Metrics* metrics) const;

  const Limits& limits_;
  RowTensor rows_;
  MaskTable masks_;
  StepGroups groups_;
  uint32_t entry_count_ = 0;
  std::vector<StepEntry> entries_;  // never shrinks: outcomes keep their memory
  std::vector<uint32_t> order_;     // entries to run, by session
  std::vector<Task> tasks_;         // ranges of order_
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_STEP_H_
