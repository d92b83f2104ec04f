// FeedbackTrail: the feedback state of a session (mirostat, adaptive-p), and
// what it was before the last tokens, so that a rewind can restore it.
//
// Empty, and free, until a state comes. Remembers at least the last kRewindMin
// changes, 48 bytes each. A value; thread-compatible. Knows no history: it is
// told positions.
#ifndef LOGITD_SERVICE_SESSION_FEEDBACK_TRAIL_H_
#define LOGITD_SERVICE_SESSION_FEEDBACK_TRAIL_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "sampler/feedback.h"

namespace logitd {

class FeedbackTrail {
 public:
  // The state that the token at `position` is to be drawn with.
  void Start(uint32_t position, const Feedback& state);

  const Feedback& now() const { return now_; }

  // The token before `position` left this state.
  void Move(uint32_t position, const Feedback& state);

  // FAILED_PRECONDITION when the state at `position` is no longer known.
  absl::Status CheckRewind(uint32_t position) const;
  // The state that the token at `position` was drawn with. CheckRewind was OK.
  void Rewind(uint32_t position);

 private:
  struct Change {
    uint32_t position;
    Feedback state;
  };
  Feedback now_;
  // By rising position, the last is now_'s; empty: always nothing.
  std::vector<Change> changes_;
  bool trimmed_ = false;  // what was before changes_[0] is lost
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_FEEDBACK_TRAIL_H_
