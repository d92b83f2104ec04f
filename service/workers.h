// Workers: a fixed pool of threads for rows.
//
// Clients take turns, however many batches each has, and within a client its
// batches, one piece of a task at a time: a huge one does not keep the others
// waiting. Nobody waits for a batch: the thread that runs
// its last task goes on with AfterTasks. Every task gets a Workspace that no
// other thread uses. Knows nothing of gRPC, sessions or rows. Thread-safe. The
// threads live as long as the object; all batches must be done before it goes.
#ifndef LOGITD_SERVICE_WORKERS_H_
#define LOGITD_SERVICE_WORKERS_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sampler/workspace.h"

namespace logitd {

// One client's place in the round. Made by Workers::LineOf.
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
  const std::shared_ptr<Line> line_;
  size_t tasks_left_ = 0;  // guarded by Workers::mu_
};

class Workers {
 public:
  explicit Workers(size_t thread_count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // The line of a client, one for all who give this name at a time.
  std::shared_ptr<Line> LineOf(const std::string& client);

  // Runs task 0 .. task_count-1, then AfterTasks, on threads of the pool. With
  // no tasks only AfterTasks. Returns at once; `batch` may be gone when it
  // does.
  void Run(Batch* batch, size_t task_count);

  // A workspace for a thread that is not of the pool.
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

  size_t thread_count() const { return threads_.size(); }
  // Tasks that wait for a thread.
  size_t queue_depth() const;

 private:
  friend class Line;
  // Tasks [task, end) of a batch wait. Without any, AfterTasks alone.
  struct Turn {
    Batch* batch;
    size_t task;
    size_t end;
  };

  Turn TakeTurnLocked();
  void AddTurnLocked(const Turn& turn);
  void PushLocked(const Turn& turn);
  void Work();

  mutable std::mutex mu_;  // guards what follows, up to threads_
  std::condition_variable wake_;
  std::deque<Line*> round_;  // those with turns, which keep them alive
  std::map<std::string, std::weak_ptr<Line>> lines_;
  const std::shared_ptr<Line> common_;
  size_t queue_depth_ = 0;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Workspace>> spare_;

  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_WORKERS_H_
