#include "service/flip_search.h"

#include <cmath>

namespace logitd {

std::optional<double> FlipSearch::Middle(double low, double high) const {
  if (high - low <= resolution_) return std::nullopt;
  double middle = low + (high - low) / 2;
  if (whole_) middle = std::floor(middle);
  if (middle <= low || middle >= high) return std::nullopt;
  return middle;
}

std::optional<double> FlipSearch::Next() {
  while (low_ && !ahead_.empty()) {
    const Known& high = ahead_.back();
    if (high.token != low_->token) {
      if (const auto middle = Middle(low_->value, high.value)) {
        asked_ = *middle;
        return asked_;
      }
      if (flips_.size() == flips_max_) {
        ended_early_ = true;
        return std::nullopt;
      }
      flips_.push_back({low_->value, high.value, low_->token, high.token});
    }
    low_ = high;
    ahead_.pop_back();
  }
  if (next_ == grid_.size()) return std::nullopt;
  asked_ = grid_[next_++];
  return asked_;
}

void FlipSearch::Tell(uint32_t token) {
  if (low_) {
    ahead_.push_back({asked_, token});
  } else {
    low_ = {asked_, token};
  }
}

}  // namespace logitd
