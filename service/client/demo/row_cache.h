// The rows that a model gave last, by history: the same few contexts come back
// when one prompt is sampled again and again, and a row costs milliseconds.
// Knows no model. Threads: not thread-safe. Ownership: rows are shared with the
// callers and never change. Cost: Get and Put are O(1).

#ifndef LOGITD_SERVICE_CLIENT_DEMO_ROW_CACHE_H_
#define LOGITD_SERVICE_CLIENT_DEMO_ROW_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "service/client/demo/trigram_model.h"

namespace logitd::demo {

using SharedRow = std::shared_ptr<const std::vector<float>>;

class RowCache {
 public:
  // Keeps at most this many rows; 0 keeps none.
  explicit RowCache(std::size_t rows_max) : rows_max_(rows_max) {}

  // The row of this history, or null.
  SharedRow Get(const History& history);
  // Keeps the row; the one not asked for longest makes room.
  void Put(const History& history, SharedRow row);

 private:
  using Slot = std::pair<std::pair<std::int32_t, std::int32_t>, SharedRow>;

  const std::size_t rows_max_;
  std::list<Slot> slots_;  // Last used first.
  absl::flat_hash_map<std::pair<std::int32_t, std::int32_t>,
                      std::list<Slot>::iterator>
      by_history_;
};

}  // namespace logitd::demo

#endif  // LOGITD_SERVICE_CLIENT_DEMO_ROW_CACHE_H_
