// Executor: one thread for work that may wait for a disk.
//
// gRPC's threads are few and the workers are for rows; a commit that syncs must
// hold neither. Tasks run in the order given. Thread-safe. What waits is done
// before the object goes.
#ifndef LOGITD_SERVICE_EXECUTOR_H_
#define LOGITD_SERVICE_EXECUTOR_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace logitd {

class Executor {
 public:
  explicit Executor(size_t waiting_max);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False, and nothing done, when too many wait.
  bool Run(std::function<void()> task);

  size_t waiting_max() const { return waiting_max_; }

 private:
  void Work();

  const size_t waiting_max_;
  std::mutex mu_;  // guards what follows, up to thread_
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_EXECUTOR_H_
