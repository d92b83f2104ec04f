// Marks: the positions at which a history ended with a sequence of a set.
//
// Follows the history at each append and rewind, so a copy is a fork. Not one
// mark stands for the histories in which nothing was found or watched. Memory:
// 4 bytes per mark that a rewind can still reach. Thread-compatible.
#ifndef LOGITD_SAMPLER_MARKS_H_
#define LOGITD_SAMPLER_MARKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "sampler/sequence_set.h"

namespace logitd {

class Marks {
 public:
  // True if these sequences are the ones watched for.
  bool Watches(const std::shared_ptr<const SequenceSet>& set) const {
    return set == nullptr ? set_ == nullptr : set_ != nullptr && *set == *set_;
  }
  // Forgets all marks and watches for others; nullptr: for none.
  void Watch(std::shared_ptr<const SequenceSet> set) {
    set_ = std::move(set);
    positions_.clear();
  }
  // `tokens` end with the one before `position`.
  void Append(absl::Span<const uint32_t> tokens, uint32_t position) {
    if (set_ && set_->EndsOneOf(tokens)) positions_.push_back(position);
  }
  // Takes back the marks of tokens from `position` on.
  void Rewind(uint32_t position) {
    while (last() > position) positions_.pop_back();
  }
  // No Rewind will go below `floor`.
  void Trim(uint32_t floor) {
    const auto reached =
        std::upper_bound(positions_.begin(), positions_.end(), floor);
    if (reached - positions_.begin() > 1) {
      positions_.erase(positions_.begin(), reached - 1);
    }
  }
  // Rising.
  absl::Span<const uint32_t> positions() const { return positions_; }
  // How many tokens there were when the last mark was made; 0: there is none.
  uint32_t last() const { return positions_.empty() ? 0 : positions_.back(); }

 private:
  std::shared_ptr<const SequenceSet> set_;
  std::vector<uint32_t> positions_;  // rising
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_MARKS_H_
