// StreamSet: the Sample calls that are open: how many there may be, and their
// end when the server drains. Thread-safe. Its lock is taken before a stream's.
#ifndef LOGITD_SERVICE_STREAM_SET_H_
#define LOGITD_SERVICE_STREAM_SET_H_

#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "absl/status/status.h"
#include "service/limits.h"

namespace logitd {

class Stream;

// What a stream ends with when the server drains.
absl::Status DrainedError();

class StreamSet {
 public:
  // RESOURCE_EXHAUSTED at --max_streams; UNAVAILABLE after EndAll.
  absl::Status Add(Stream* stream, const Limits& limits);
  void Remove(Stream* stream);
  size_t size() const;
  // Ends those that have no session and nothing to do; returns how many are
  // left.
  size_t EndIdle();
  // Ends all, after what runs now, and those that would come.
  void EndAll();

 private:
  mutable std::mutex mu_;  // guards what follows
  std::unordered_set<Stream*> streams_;
  bool ended_ = false;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_STREAM_SET_H_
