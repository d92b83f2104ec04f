#include "service/workers.h"

#include <algorithm>
#include <utility>

namespace logitd {

Workers::Workers(size_t thread_count) {
  threads_.reserve(thread_count);
  for (size_t i = 0; i < thread_count; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::Run(Batch* batch, size_t task_count) {
  {
    const std::lock_guard lock(mu_);
    batch->tasks_left_ = std::max<size_t>(task_count, 1);
    AddTurnLocked({batch, 0, task_count});
  }
  if (task_count <= 1) {
    wake_.notify_one();
  } else {
    wake_.notify_all();
  }
}

void Workers::AddTurnLocked(const Turn& turn) {
  turns_.push_back(turn);
  queue_depth_ += std::max<size_t>(turn.end - turn.task, 1);
}

// The rest of the batch goes to the end of the queue.
Workers::Turn Workers::TakeTurnLocked() {
  const Turn turn = turns_.front();
  turns_.pop_front();
  if (turn.task + 1 < turn.end) {
    turns_.push_back({turn.batch, turn.task + 1, turn.end});
  }
  --queue_depth_;
  return turn;
}

void Workers::Work() {
  Workspace workspace;
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (turns_.empty()) return;
    const auto [batch, task, end] = TakeTurnLocked();
    lock.unlock();
    const bool more = task < end && batch->RunTask(task, &workspace);
    lock.lock();
    if (more) {
      AddTurnLocked({batch, task, task + 1});  // this thread comes back for it
      continue;
    }
    if (--batch->tasks_left_ > 0) continue;
    lock.unlock();
    batch->AfterTasks(&workspace);
    lock.lock();
  }
}

size_t Workers::queue_depth() const {
  const std::lock_guard lock(mu_);
  return queue_depth_;
}

Workers::Lease::Lease(Workers* workers) : workers_(workers) {
  const std::lock_guard lock(workers->mu_);
  if (workers->spare_.empty()) {
    workspace_ = std::make_unique<Workspace>();
    return;
  }
  workspace_ = std::move(workers->spare_.back());
  workers->spare_.pop_back();
}

Workers::Lease::~Lease() {
  const std::lock_guard lock(workers_->mu_);
  workers_->spare_.push_back(std::move(workspace_));
}

}  // namespace logitd
