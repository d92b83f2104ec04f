// MemoryStore: a writable store that is gone with the process. For tests, and
// for servers without --data_dir.
#ifndef LOGITD_SERVICE_PROFILES_MEMORY_STORE_H_
#define LOGITD_SERVICE_PROFILES_MEMORY_STORE_H_

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "service/profiles/store.h"
#include "service/profiles/store_limits.h"

namespace logitd {

class MemoryStore : public Store {
 public:
  explicit MemoryStore(const StoreLimits& limits = {}) : limits_(limits) {}

  absl::string_view name() const override { return "memory"; }
  bool writable() const override { return true; }
  absl::StatusOr<LoadedStore> Load() override;
  absl::StatusOr<StoredRevision> Commit(const Change& change) override;
  absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) override;
  absl::StatusOr<std::vector<StoredRevision>> ListRevisions(
      absl::string_view name, absl::string_view before, size_t count) override;
  absl::Status Health() const override { return absl::OkStatus(); }

 private:
  struct Row {
    std::deque<v1::Profile> revisions;  // kept ones, oldest first, never empty
    bool deleted = false;
  };

  StoredRevision PutLocked(const Change& change, Row* row);

  const StoreLimits limits_;
  std::mutex mu_;  // guards what follows
  std::map<std::string, Row, std::less<>> rows_;
  uint64_t sequence_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_MEMORY_STORE_H_
