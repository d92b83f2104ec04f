#include "service/client/demo/row_cache.h"

#include <utility>

namespace logitd::demo {

SharedRow RowCache::Get(const History& history) {
  const auto found = by_history_.find({history.first, history.second});
  if (found == by_history_.end()) {
    return nullptr;
  }
  slots_.splice(slots_.begin(), slots_, found->second);
  return found->second->second;
}

void RowCache::Put(const History& history, SharedRow row) {
  const std::pair key(history.first, history.second);
  if (rows_max_ == 0 || by_history_.contains(key)) {
    return;
  }
  if (slots_.size() == rows_max_) {
    by_history_.erase(slots_.back().first);
    slots_.pop_back();
  }
  slots_.emplace_front(key, std::move(row));
  by_history_[key] = slots_.begin();
}

}  // namespace logitd::demo
