// WatchLog and Watcher: what changed in the catalog, told to many.
//
// The log holds the last `log_max` events, once for all; a watcher is a
// position in it. Who falls behind further than the log reaches begins anew
// with RESET and a full list: no queue grows. Thread-safe; a Watcher belongs to
// one thread at a time. The log must outlive its watchers.
#ifndef LOGITD_SERVICE_PROFILES_WATCH_H_
#define LOGITD_SERVICE_PROFILES_WATCH_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd {

using ProfilePtr = std::shared_ptr<const v1::Profile>;

struct WatchItem {
  v1::WatchEvent event = v1::WATCH_EVENT_UNSPECIFIED;
  ProfilePtr profile;        // null: RESET, SYNCED
  std::string resume_token;  // empty: RESET, PRESENT; the list is not complete
};

// Everything in force, by name, and the number of the last event in it.
struct WatchSnapshot {
  std::vector<ProfilePtr> profiles;
  uint64_t sequence = 0;
};

class WatchLog;

class Watcher {
 public:
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // The next event. Waits for one up to `timeout`, at most an hour; zero never
  // waits. Nothing: none came, and `wake` will be called once when there is
  // one.
  std::optional<WatchItem> Next(absl::Duration timeout);

 private:
  friend class WatchLog;
  struct Bell;  // shared with threads that ring it
  Watcher(WatchLog* log, std::optional<uint64_t> position,
          std::shared_ptr<Bell> bell, bool reset);

  void BeginList();
  WatchItem NextOfList();

  WatchLog* const log_;
  const std::shared_ptr<Bell> bell_;
  uint64_t position_ = 0;   // of the last event given, or covered by the list
  bool list_due_ = false;   // a snapshot is to be taken
  bool reset_due_ = false;  // and told as a new beginning
  bool in_list_ = false;
  size_t next_in_list_ = 0;
  std::vector<ProfilePtr> list_;
};

class WatchLog {
 public:
  // `snapshot` takes the catalog's lock; Watchers call it with no lock held.
  // `epoch` tells the tokens of this process from those of another.
  WatchLog(size_t log_max, size_t watchers_max, uint64_t epoch,
           std::function<WatchSnapshot()> snapshot);
  ~WatchLog();
  WatchLog(const WatchLog&) = delete;
  WatchLog& operator=(const WatchLog&) = delete;

  // Adds an event. The caller holds the lock that `snapshot` takes, so that
  // list and number agree, and calls Ring after letting go of it.
  void Append(v1::WatchEvent event, ProfilePtr profile);
  // Wakes those who wait for what was added. `wake`s run here, on this thread.
  void Ring();

  // The number of the last event.
  uint64_t sequence() const;
  size_t watcher_count() const;

  // Token empty: the full list, then events. Too old or of another process:
  // RESET first. `wake` may be empty; it runs on a writer's thread, must not
  // block nor destroy the Watcher, and does not run after the destructor.
  // INVALID_ARGUMENT: no token of ours. RESOURCE_EXHAUSTED: --max_watchers.
  absl::StatusOr<std::unique_ptr<Watcher>> Watch(absl::string_view resume_token,
                                                 std::function<void()> wake);

 private:
  friend class Watcher;
  using Deadline = std::chrono::steady_clock::time_point;
  enum class Found { kEvent, kNothing, kTooOld };

  // The event after `position`. Nothing: the bell is armed.
  Found Read(uint64_t position, Deadline deadline, Watcher::Bell* bell,
             WatchItem* item);
  std::string Token(uint64_t sequence) const;
  bool ReadToken(absl::string_view token, bool* is_ours,
                 uint64_t* sequence) const;
  void Leave(Watcher::Bell* bell);

  const size_t log_max_;
  const size_t watchers_max_;
  const uint64_t epoch_;
  const std::function<WatchSnapshot()> snapshot_;

  mutable std::mutex mu_;  // guards what follows
  std::condition_variable added_;
  std::deque<WatchItem> log_;  // the last one's number is sequence_
  uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<Watcher::Bell>> bells_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_WATCH_H_
