#include "service/executor.h"

#include <utility>

namespace logitd {

Executor::Executor(size_t waiting_max) : waiting_max_(waiting_max) {}

bool Executor::Run(std::function<void()> task, Lane lane) {
  return lanes_[static_cast<size_t>(lane)].Add(std::move(task), waiting_max_);
}

Executor::Queue::Queue() : thread_([this] { Work(); }) {}

Executor::Queue::~Queue() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Executor::Queue::Add(std::function<void()> task, size_t waiting_max) {
  {
    const std::lock_guard lock(mu_);
    if (waiting_.size() >= waiting_max) return false;
    waiting_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void Executor::Queue::Work() {
  std::unique_lock lock(mu_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::function<void()> task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace logitd
