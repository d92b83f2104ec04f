#include "service/session/feedback_trail.h"

#include "absl/strings/str_cat.h"
#include "sampler/history.h"

namespace logitd {

void FeedbackTrail::Start(uint32_t position, const Feedback& state) {
  now_ = state;
  if (state.empty()) return;
  changes_.push_back({position, state});
  trimmed_ = true;  // nobody told what led to it
}

void FeedbackTrail::Move(uint32_t position, const Feedback& state) {
  if (state == now_) return;
  if (changes_.size() >= size_t{2} * kRewindMin) {
    changes_.erase(changes_.begin(), changes_.end() - kRewindMin);
    trimmed_ = true;
  }
  now_ = state;
  changes_.push_back({position, state});
}

absl::Status FeedbackTrail::CheckRewind(uint32_t position) const {
  if (!trimmed_ || position >= changes_.front().position) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "position: the feedback state before ", changes_.front().position,
      " is no longer known; open the session again with `state`"));
}

void FeedbackTrail::Rewind(uint32_t position) {
  while (!changes_.empty() && changes_.back().position > position) {
    changes_.pop_back();
  }
  now_ = changes_.empty() ? Feedback() : changes_.back().state;
}

}  // namespace logitd
