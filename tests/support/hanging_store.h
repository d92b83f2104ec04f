// HangingStore: a store in memory whose disk can be made to stop.
#ifndef LOGITD_TESTS_SUPPORT_HANGING_STORE_H_
#define LOGITD_TESTS_SUPPORT_HANGING_STORE_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "gtest/gtest.h"
#include "service/profiles/memory_store.h"

namespace logitd::testing {

// Commits, and reads of a revision, stop between Hang and GoOn. Thread-safe.
class HangingStore : public MemoryStore {
 public:
  absl::StatusOr<StoredRevision> Commit(const Change& change) override {
    Wait(true);
    return MemoryStore::Commit(change);
  }
  absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) override {
    Wait(false);
    return MemoryStore::GetRevision(name, revision);
  }

  void Hang() { Set(true, true); }
  void HangWrites() { Set(true, false); }
  void GoOn() { Set(false, false); }
  void AwaitCaller() {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::minutes(2),
                                  [this] { return callers_ > 0; }));
  }
  // Calls of GetRevision.
  int reads() const {
    const std::lock_guard lock(mu_);
    return reads_;
  }

 private:
  void Set(bool writes, bool reads) {
    const std::lock_guard lock(mu_);
    writes_hang_ = writes;
    reads_hang_ = reads;
    changed_.notify_all();
  }
  void Wait(bool is_write) {
    std::unique_lock lock(mu_);
    if (!is_write) ++reads_;
    ++callers_;
    changed_.notify_all();
    changed_.wait(lock,
                  [&] { return !(is_write ? writes_hang_ : reads_hang_); });
    --callers_;
  }

  mutable std::mutex mu_;  // guards what follows
  std::condition_variable changed_;
  bool writes_hang_ = false;
  bool reads_hang_ = false;
  int callers_ = 0;
  int reads_ = 0;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_HANGING_STORE_H_
