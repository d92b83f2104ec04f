#include "service/workers.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace logitd {
namespace {

// Counts its tasks; Wait() until AfterTasks ran.
class CountingBatch : public Batch {
 public:
  bool RunTask(size_t task, Workspace* workspace) override {
    EXPECT_NE(workspace, nullptr);
    const std::lock_guard lock(mu_);
    tasks_.insert(task);
    return false;
  }
  void AfterTasks(Workspace* workspace) override {
    EXPECT_NE(workspace, nullptr);
    const std::lock_guard lock(mu_);
    ++done_;
    wake_.notify_all();
  }
  bool Wait(int done) {
    std::unique_lock lock(mu_);
    return wake_.wait_for(lock, std::chrono::seconds(20),
                          [&] { return done_ == done; });
  }
  int done() const {
    const std::lock_guard lock(mu_);
    return done_;
  }
  std::multiset<size_t> tasks() {
    const std::lock_guard lock(mu_);
    return tasks_;
  }

 private:
  mutable std::mutex mu_;
  std::condition_variable wake_;
  std::multiset<size_t> tasks_;
  int done_ = 0;
};

TEST(Workers, RunEachTaskOnceAndThenTheEnd) {
  for (const size_t threads : {1u, 2u, 7u}) {
    Workers workers(threads);
    CountingBatch batch;
    workers.Run(&batch, 100);
    ASSERT_TRUE(batch.Wait(1));
    const std::multiset<size_t> tasks = batch.tasks();
    EXPECT_EQ(tasks.size(), 100u);
    EXPECT_EQ(std::set<size_t>(tasks.begin(), tasks.end()).size(), 100u);
    EXPECT_EQ(workers.queue_depth(), 0u);
  }
}

TEST(Workers, RunOnlyTheEndOfABatchWithoutTasks) {
  Workers workers(2);
  CountingBatch batch;
  workers.Run(&batch, 0);
  ASSERT_TRUE(batch.Wait(1));
  EXPECT_TRUE(batch.tasks().empty());
}

TEST(Workers, LetABatchRunAgainInItsEnd) {
  class Again : public Batch {
   public:
    explicit Again(Workers* workers) : workers_(workers) {}
    bool RunTask(size_t, Workspace*) override {
      ++tasks;
      return false;
    }
    void AfterTasks(Workspace*) override {
      if (++rounds < 50) {
        workers_->Run(this, static_cast<size_t>(rounds % 3));
      } else {
        over = true;
      }
    }
    std::atomic<int> tasks{0};
    std::atomic<bool> over{false};
    int rounds = 0;

   private:
    Workers* workers_;
  };
  Workers workers(3);
  Again batch(&workers);
  workers.Run(&batch, 2);
  for (int i = 0; i < 2000 && !batch.over; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(batch.over);
  EXPECT_EQ(batch.rounds, 50);
}

// Notes the order in which its tasks ran.
class NotingBatch : public Batch {
 public:
  NotingBatch(std::shared_ptr<Line> line, char name, std::string* notes,
              std::atomic<int>* ended)
      : Batch(std::move(line)), name_(name), notes_(notes), ended_(ended) {}
  bool RunTask(size_t, Workspace*) override {
    notes_->push_back(name_);
    return false;
  }
  void AfterTasks(Workspace*) override { ++*ended_; }

 private:
  const char name_;
  std::string* const notes_;
  std::atomic<int>* const ended_;
};

// Holds a worker until it is let go.
class Gate : public Batch {
 public:
  bool RunTask(size_t, Workspace*) override {
    entered = true;
    while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  }
  void AfterTasks(Workspace*) override {}
  std::atomic<bool> entered{false};
  std::atomic<bool> open{false};
};

TEST(Workers, GiveEachClientItsTurnHoweverManyBatchesItHas) {
  std::string notes;
  std::atomic<int> ended{0};
  std::vector<std::unique_ptr<NotingBatch>> batches;
  Gate gate;
  {
    Workers workers(1);
    workers.Run(&gate, 1);
    while (!gate.entered) std::this_thread::yield();
    const auto many = Workers::NewLine();
    for (int i = 0; i < 20; ++i) {
      batches.push_back(
          std::make_unique<NotingBatch>(many, 'm', &notes, &ended));
    }
    batches.push_back(
        std::make_unique<NotingBatch>(Workers::NewLine(), '1', &notes, &ended));
    for (const auto& batch : batches) workers.Run(batch.get(), 4);
    EXPECT_EQ(workers.queue_depth(), 84u);
    gate.open = true;
    for (int i = 0; i < 24000 && ended < 21; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  ASSERT_EQ(ended, 21);
  EXPECT_EQ(notes.substr(0, 8), "m1m1m1m1");
  EXPECT_EQ(notes.size(), 84u);
}

TEST(Workers, LetOthersInBetweenThePiecesOfATask) {
  constexpr int kPiecesMax = 10000;
  // One task, of as many pieces as it takes until the other batch was let in.
  class Long : public Batch {
   public:
    explicit Long(const CountingBatch* other) : other_(other) {}
    bool RunTask(size_t, Workspace*) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return ++pieces < kPiecesMax && other_->done() == 0;
    }
    void AfterTasks(Workspace*) override { over = true; }
    std::atomic<int> pieces{0};
    std::atomic<bool> over{false};

   private:
    const CountingBatch* other_;
  };
  CountingBatch other;
  Long batch(&other);
  Workers workers(1);
  workers.Run(&batch, 1);
  workers.Run(&other, 3);
  EXPECT_TRUE(other.Wait(1));
  for (int i = 0; i < 4000 && !batch.over; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(batch.over);
  EXPECT_LT(batch.pieces, kPiecesMax);
}

// A batch that is destroyed in its own end.
class Ephemeral : public Batch {
 public:
  explicit Ephemeral(std::atomic<int>* alive) : alive_(alive) { ++*alive_; }
  ~Ephemeral() override { --*alive_; }
  bool RunTask(size_t, Workspace*) override { return false; }
  void AfterTasks(Workspace*) override { delete this; }

 private:
  std::atomic<int>* alive_;
};

TEST(Workers, LetABatchGoInItsEnd) {
  std::atomic<int> alive{0};
  {
    Workers workers(4);
    for (size_t i = 0; i < 2000; ++i) {
      workers.Run(new Ephemeral(&alive), i % 4);
    }
    for (int i = 0; i < 2000 && alive != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  EXPECT_EQ(alive, 0);
}

TEST(Workers, GiveASmallBatchItsTurnWhileAHugeOneRuns) {
  class Slow : public Batch {
   public:
    bool RunTask(size_t, Workspace*) override {
      ++started;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return false;
    }
    void AfterTasks(Workspace*) override { over = true; }
    std::atomic<int> started{0};
    std::atomic<bool> over{false};
  };
  Workers workers(1);
  Slow huge;
  CountingBatch small;
  workers.Run(&huge, 2000);
  workers.Run(&small, 1);
  ASSERT_TRUE(small.Wait(1));
  EXPECT_LT(huge.started, 1000);
  EXPECT_FALSE(huge.over);
  while (!huge.over) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(Workers, LendWorkspacesToOtherThreads) {
  Workers workers(2);
  Workspace* first = nullptr;
  {
    Workers::Lease a(&workers);
    Workers::Lease b(&workers);
    ASSERT_NE(a.workspace(), nullptr);
    ASSERT_NE(b.workspace(), nullptr);
    EXPECT_NE(a.workspace(), b.workspace());
    first = b.workspace();
    // Never do more threads work than there are in the pool.
    Workers::Lease c(&workers);
    EXPECT_EQ(c.workspace(), nullptr);
  }
  Workers::Lease again(&workers);
  Workers::Lease other(&workers);
  EXPECT_TRUE(again.workspace() == first || other.workspace() == first);
}

TEST(Workers, RunNothingMoreWhileAllTheirTurnsAreLent) {
  Workers workers(1);
  CountingBatch batch;
  {
    Workers::Lease lease(&workers);
    ASSERT_NE(lease.workspace(), nullptr);
    workers.Run(&batch, 1);
    // Nothing to wait for: the worker's thread had its chance.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(batch.tasks().empty());
    EXPECT_EQ(workers.queue_depth(), 1u);
  }
  EXPECT_TRUE(batch.Wait(1));
}

}  // namespace
}  // namespace logitd
