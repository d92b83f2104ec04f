// PhaseTracker: the phases that a session is in, by the tokens of its history.
//
// A plain value: a copy is a fork. Keeps a log of switches to go back by.
// Thread-compatible. Memory: 8 bytes per switch that can still be undone;
// allocates when its log doubles. Specification: sampler/README.md, "Phases".
#ifndef LOGITD_SERVICE_SESSION_PHASE_TRACKER_H_
#define LOGITD_SERVICE_SESSION_PHASE_TRACKER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "service/session/phases.h"

namespace logitd {

class PhaseTracker {
 public:
  PhaseTracker() = default;  // no phases: always in the base
  // In the phase `initial`, and in those that it is within.
  explicit PhaseTracker(std::shared_ptr<const PhaseTable> table,
                        uint32_t initial = 0);

  // A token of prompt or output. `tail`: the last tokens, this one included, at
  // least lookback() + 1 of them or all; `position`: the next token's; `floor`:
  // no Rewind will go below.
  void Append(absl::Span<const uint32_t> tail, uint32_t position,
              uint32_t floor);
  // All of `tokens`, one after the other; the first stands at `first`, and what
  // is before it is looked at no more.
  void AppendAll(absl::Span<const uint32_t> tokens, uint32_t first,
                 uint32_t floor);
  // Undoes the switches of tokens from `position` on.
  void Rewind(uint32_t position);
  // Phases of the same numbers from here on: table->SwitchesAs the old one.
  void Rename(std::shared_ptr<const PhaseTable> table) {
    table_ = std::move(table);
  }

  // What it began in.
  uint32_t initial() const { return initial_; }
  // The phase of the next token.
  uint32_t phase() const { return depth_ == 0 ? 0 : stack_[depth_ - 1]; }
  // The phase of the last token, the next one's position being `position`.
  uint32_t last_phase(uint32_t position) const;
  // Switches held in memory.
  size_t log_size() const { return log_.size(); }

 private:
  struct Switch {
    uint32_t position;  // the first that it acts on
    uint8_t phase;
    bool entered;  // else left
  };

  // The set of phases of the stack.
  uint32_t Entered() const;
  void Enter(uint32_t phase, uint32_t position, uint32_t floor);
  // Leaves the innermost phase of `phases`.
  void Leave(uint32_t phases, uint32_t position, uint32_t floor);
  void Undo();
  void Log(const Switch& done, uint32_t floor);

  std::shared_ptr<const PhaseTable> table_;
  uint32_t initial_ = 0;
  std::array<uint8_t, kPhasesMax> stack_{};  // outermost first
  uint32_t depth_ = 0;
  std::vector<Switch> log_;  // by rising position
  size_t trim_at_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_PHASE_TRACKER_H_
