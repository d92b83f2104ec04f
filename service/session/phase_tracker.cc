#include "service/session/phase_tracker.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace logitd {
namespace {

constexpr size_t kLogMin = 32;  // switches kept before any is forgotten

}  // namespace

PhaseTracker::PhaseTracker(std::shared_ptr<const PhaseTable> table,
                           uint32_t initial)
    : table_(std::move(table)), initial_(initial) {
  for (; initial != 0; initial = table_->within(initial)) {
    stack_[depth_++] = static_cast<uint8_t>(initial);
  }
  std::reverse(stack_.begin(), stack_.begin() + depth_);
}

uint32_t PhaseTracker::Entered() const {
  uint32_t entered = 0;
  for (uint32_t i = 0; i < depth_; ++i) entered |= PhaseBit(stack_[i]);
  return entered;
}

void PhaseTracker::Append(absl::Span<const uint32_t> tail, uint32_t position,
                          uint32_t floor) {
  if (table_ == nullptr) return;
  const uint32_t entered = Entered();
  const uint32_t enterable = table_->enterable(phase()) & ~entered;
  uint32_t leaving = 0;
  uint32_t entering = 0;  // those of the longest sequence that enters any
  table_->ForEachEnd(tail, [&](uint32_t enters, uint32_t leaves) {
    leaving |= leaves & entered;
    if ((enters & enterable) != 0) entering = enters & enterable;
  });
  if (leaving != 0) {
    Leave(leaving, position, floor);
  } else if (entering != 0) {
    const int first = std::countr_zero(entering);  // of the list
    Enter(static_cast<uint32_t>(first) + 1, position, floor);
  }
}

void PhaseTracker::AppendAll(absl::Span<const uint32_t> tokens, uint32_t first,
                             uint32_t floor) {
  if (table_ == nullptr) return;
  for (uint32_t i = 1; i <= tokens.size(); ++i) {
    Append(tokens.first(i), first + i, floor);
  }
}

void PhaseTracker::Enter(uint32_t phase, uint32_t position, uint32_t floor) {
  stack_[depth_++] = static_cast<uint8_t>(phase);
  Log({position, static_cast<uint8_t>(phase), true}, floor);
}

void PhaseTracker::Leave(uint32_t phases, uint32_t position, uint32_t floor) {
  while (true) {
    const uint8_t inner = stack_[--depth_];
    Log({position, inner, false}, floor);
    if ((phases & PhaseBit(inner)) != 0) return;
  }
}

void PhaseTracker::Log(const Switch& done, uint32_t floor) {
  if (log_.size() >= std::max(trim_at_, kLogMin)) {
    const auto needed = std::partition_point(
        log_.begin(), log_.end(),
        [floor](const Switch& past) { return past.position < floor; });
    log_.erase(log_.begin(), needed);
    trim_at_ = 2 * log_.size();
  }
  log_.push_back(done);
}

void PhaseTracker::Undo() {
  if (log_.back().entered) {
    --depth_;
  } else {
    stack_[depth_++] = log_.back().phase;
  }
  log_.pop_back();
}

void PhaseTracker::Rewind(uint32_t position) {
  while (!log_.empty() && log_.back().position > position) Undo();
}

uint32_t PhaseTracker::last_phase(uint32_t position) const {
  uint32_t last = phase();
  // One token enters one phase, or leaves some, of which the innermost is
  // first.
  for (auto it = log_.rbegin(); it != log_.rend(); ++it) {
    if (it->position != position) break;
    const uint32_t around = depth_ < 2 ? 0 : stack_[depth_ - 2];
    last = it->entered ? around : it->phase;
  }
  return last;
}

}  // namespace logitd
