#include "service/workers.h"

#include <algorithm>
#include <utility>

namespace logitd {

// Guarded by Workers::mu_.
class Line {
 public:
  std::deque<Batch*> batches;
};

Workers::Workers(size_t thread_count)
    : thread_count_(thread_count), common_(NewLine()) {
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
    batch->next_ = 0;
    batch->end_ = task_count;
    queue_depth_ += batch->tasks_left_;
    StandInLineLocked(batch);
  }
  if (task_count <= 1) {
    wake_.notify_one();
  } else {
    wake_.notify_all();
  }
}

std::shared_ptr<Line> Workers::NewLine() { return std::make_shared<Line>(); }

size_t Batch::TakeTask() {
  if (next_ < end_) return next_++;
  const size_t task = begun_[begun_at_++];
  if (begun_at_ == begun_.size()) {
    begun_.clear();
    begun_at_ = 0;
  }
  return task;
}

void Workers::StandInLineLocked(Batch* batch) {
  Line* line = (batch->line_ ? batch->line_ : common_).get();
  if (line->batches.empty()) round_.push_back(line);
  line->batches.push_back(batch);
  batch->is_in_line_ = true;
}

Batch* Workers::TakeTurnLocked() {
  Line* line = round_.front();
  round_.pop_front();
  Batch* batch = line->batches.front();
  line->batches.pop_front();
  batch->is_in_line_ = false;
  if (!line->batches.empty()) round_.push_back(line);
  --queue_depth_;
  return batch;
}

bool Workers::MayWorkLocked() const {
  return !round_.empty() && working_ < thread_count_;
}

void Workers::Work() {
  Workspace workspace;
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || MayWorkLocked(); });
    if (round_.empty()) return;
    ++working_;
    Batch* batch = TakeTurnLocked();
    const bool has_task = batch->HasTask();
    const size_t task = has_task ? batch->TakeTask() : 0;
    // The rest goes to the end of its line.
    if (batch->HasTask()) StandInLineLocked(batch);
    lock.unlock();
    const bool more = has_task && batch->RunTask(task, &workspace);
    lock.lock();
    if (more) {
      batch->begun_.push_back(task);
      ++queue_depth_;
      // This thread comes back for it.
      if (!batch->is_in_line_) StandInLineLocked(batch);
    } else if (--batch->tasks_left_ == 0) {
      lock.unlock();
      batch->AfterTasks(&workspace);
      lock.lock();
    }
    --working_;
  }
}

size_t Workers::queue_depth() const {
  const std::lock_guard lock(mu_);
  return queue_depth_;
}

Workers::Lease::Lease(Workers* workers) : workers_(workers) {
  if (workers == nullptr) return;
  const std::lock_guard lock(workers->mu_);
  if (!workers->round_.empty() || workers->working_ >= workers->thread_count_) {
    return;
  }
  ++workers->working_;
  if (workers->spare_.empty()) {
    workspace_ = std::make_unique<Workspace>();
    return;
  }
  workspace_ = std::move(workers->spare_.back());
  workers->spare_.pop_back();
}

Workers::Lease::~Lease() {
  if (workspace_ == nullptr) return;
  bool waits = false;
  {
    const std::lock_guard lock(workers_->mu_);
    --workers_->working_;
    workers_->spare_.push_back(std::move(workspace_));
    waits = !workers_->round_.empty();
  }
  if (waits) workers_->wake_.notify_one();
}

}  // namespace logitd
