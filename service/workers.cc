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
  // Without tasks one turn is still needed, for AfterTasks.
  const size_t turns = std::max<size_t>(task_count, 1);
  {
    const std::lock_guard lock(mu_);
    batch->task_count_ = task_count;
    batch->next_task_ = 0;
    batch->tasks_left_ = turns;
    turns_.push_back(batch);
    queue_depth_ += turns;
  }
  if (turns == 1) {
    wake_.notify_one();
  } else {
    wake_.notify_all();
  }
}

void Workers::Work() {
  Workspace workspace;
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (turns_.empty()) return;
    Batch* const batch = turns_.front();
    turns_.pop_front();
    const size_t task = batch->next_task_++;
    const size_t task_count = batch->task_count_;
    if (batch->next_task_ < task_count) turns_.push_back(batch);
    --queue_depth_;
    lock.unlock();
    if (task < task_count) batch->RunTask(task, &workspace);
    lock.lock();
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
