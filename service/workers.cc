#include "service/workers.h"

#include <algorithm>
#include <utility>

namespace logitd {

// Guarded by Workers::mu_.
class Line {
 public:
  std::deque<Workers::Turn> turns;
};

Workers::Workers(size_t thread_count) : common_(std::make_shared<Line>()) {
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

std::shared_ptr<Line> Workers::LineOf(const std::string& client) {
  const std::lock_guard lock(mu_);
  for (auto it = lines_.begin(); it != lines_.end();) {
    it = it->second.expired() ? lines_.erase(it) : std::next(it);
  }
  std::weak_ptr<Line>& known = lines_[client];
  std::shared_ptr<Line> line = known.lock();
  if (line == nullptr) known = line = std::make_shared<Line>();
  return line;
}

void Workers::AddTurnLocked(const Turn& turn) {
  PushLocked(turn);
  queue_depth_ += std::max<size_t>(turn.end - turn.task, 1);
}

void Workers::PushLocked(const Turn& turn) {
  Line* line = (turn.batch->line_ ? turn.batch->line_ : common_).get();
  if (line->turns.empty()) round_.push_back(line);
  line->turns.push_back(turn);
}

// The rest of the batch goes to the end of its line, the line to the end of the
// round.
Workers::Turn Workers::TakeTurnLocked() {
  Line* line = round_.front();
  round_.pop_front();
  const Turn turn = line->turns.front();
  line->turns.pop_front();
  if (!line->turns.empty()) round_.push_back(line);
  if (turn.task + 1 < turn.end) {
    PushLocked({turn.batch, turn.task + 1, turn.end});
  }
  --queue_depth_;
  return turn;
}

void Workers::Work() {
  Workspace workspace;
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !round_.empty(); });
    if (round_.empty()) return;
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
