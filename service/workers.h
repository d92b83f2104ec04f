// Workers: a fixed pool of threads for rows.
//
// Clients take turns, however many batches each has, and within a client its
// batches, however many tasks, one piece of a task at a time: a huge one does
// not keep the others waiting. Nobody waits for a batch: the thread that runs
// its last task goes on with AfterTasks. Every task gets a Workspace that no
// other thread uses. Knows nothing of gRPC, sessions or rows. Thread-safe. The
// threads live as long as the object; all batches must be done before it goes.
#ifndef LOGITD_SERVICE_WORKERS_H_
#define LOGITD_SERVICE_WORKERS_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "sampler/workspace.h"

namespace logitd {

// One client's place in the round. Made by Workers::NewLine.
class Line;

class Batch {
 public:
  // Without a line: in that of all who have none.
  explicit Batch(std::shared_ptr<Line> line = nullptr)
      : line_(std::move(line)) {}
  virtual ~Batch() = default;
  // Runs a piece of a task; true: it has more, for which it takes another turn.
  // Tasks of one batch run in parallel, the pieces of a task in order.
  virtual bool RunTask(size_t task, Workspace* workspace) = 0;
  // After the last task. Workers touch the batch no more: it may run again or
  // be destroyed in here.
  virtual void AfterTasks(Workspace* workspace) = 0;

 private:
  friend class Workers;
  bool HasTask() const { return next_ < end_ || !begun_.empty(); }
  size_t TakeTask();

  const std::shared_ptr<Line> line_;
  // Guarded by Workers::mu_.
  size_t tasks_left_ = 0;
  size_t next_ = 0;  // [next_, end_) have not begun
  size_t end_ = 0;
  std::vector<size_t> begun_;  // from begun_at_ on: those with more pieces
  size_t begun_at_ = 0;
  bool is_in_line_ = false;
};

class Workers {
 public:
  explicit Workers(size_t thread_count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  static std::shared_ptr<Line> NewLine();

  // Runs task 0 .. task_count-1, then AfterTasks, on threads of the pool. With
  // no tasks only AfterTasks. Returns at once; `batch` may be gone when it
  // does.
  void Run(Batch* batch, size_t task_count);

  // A workspace for a thread that is not of the pool, if a thread of the pool
  // has nothing to do, which stays so: else, or without workers, workspace() is
  // nullptr.
  class Lease {
   public:
    explicit Lease(Workers* workers);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace* workspace() { return workspace_.get(); }

   private:
    Workers* workers_;
    std::unique_ptr<Workspace> workspace_;
  };

  size_t thread_count() const { return thread_count_; }
  // Tasks that wait for a thread.
  size_t queue_depth() const;

 private:
  friend class Line;

  // The batch whose turn it is. It has a task, or none at all.
  Batch* TakeTurnLocked();
  void StandInLineLocked(Batch* batch);
  bool MayWorkLocked() const;
  void Work();

  const size_t thread_count_;
  mutable std::mutex mu_;  // guards what follows, up to threads_
  std::condition_variable wake_;
  std::deque<Line*> round_;  // those with turns, which keep them alive
  const std::shared_ptr<Line> common_;
  size_t queue_depth_ = 0;
  size_t working_ = 0;  // threads, those with a lease included
  bool stopping_ = false;
  std::vector<std::unique_ptr<Workspace>> spare_;

  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_WORKERS_H_
