// Executor: threads for calls that would hold up gRPC's.
//
// gRPC's threads are few and the workers are for rows: a commit that syncs, or
// a long list, must hold neither. Each lane has a thread, so that none waits
// for a slower one. Tasks of a lane run in the order given. Thread-safe. What
// waits is done before the object goes.
#ifndef LOGITD_SERVICE_EXECUTOR_H_
#define LOGITD_SERVICE_EXECUTOR_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace logitd {

enum class Lane {
  kWrite,   // commits
  kRead,    // calls that read a store
  kOpen,    // sessions that open at a revision that is not in memory
  kMemory,  // what is answered from memory; last: its tasks may use the others
};

class Executor {
 public:
  // As many may wait in each lane.
  explicit Executor(size_t waiting_max);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False, and nothing done, when too many wait. A task of the memory lane may
  // give one to the others.
  bool Run(std::function<void()> task, Lane lane);

  size_t waiting_max() const { return waiting_max_; }

 private:
  // One thread and what waits for it.
  class Queue {
   public:
    Queue();
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    bool Add(std::function<void()> task, size_t waiting_max);

   private:
    void Work();

    std::mutex mu_;  // guards what follows, up to thread_
    std::condition_variable wake_;
    std::deque<std::function<void()>> waiting_;
    bool stopping_ = false;

    std::thread thread_;
  };

  const size_t waiting_max_;
  Queue lanes_[4];  // by Lane
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_EXECUTOR_H_
