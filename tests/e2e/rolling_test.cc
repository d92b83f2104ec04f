// A rolling restart of two replicas, one after the other, several rounds, while
// model workers generate: no token is lost, doubled or another one.
#include <signal.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/e2e/crew.h"
#include "tests/e2e/generation.h"
#include "tests/e2e/processes.h"
#include "tests/support/effort.h"

namespace logitd {
namespace {

using testing::Books;
using testing::Crew;
using testing::Habits;
using testing::Logitd;
using testing::TempFolder;

constexpr size_t kWorkers = 6;
constexpr size_t kGenerations = 24;  // of each worker
constexpr uint64_t kFirstSeed = 20'000;
// Replies after which clients that leave when told also leave of their own
// accord, so that both replicas are in use.
constexpr size_t kStay = 100;
// What each worker makes between two changes.
constexpr size_t kTokens = 5 * kGenerations;

int Rounds() { return tests::IsLong() ? 40 : 5; }

// Two replicas that can be restarted.
class Replicas {
 public:
  explicit Replicas(std::string drain_timeout)
      : drain_timeout_(std::move(drain_timeout)) {
    for (size_t i = 0; i < replicas_.size(); ++i) Start(i);
  }

  std::vector<std::string> targets() const {
    return {replicas_[0]->target(), replicas_[1]->target()};
  }

  // SIGTERM, and a new process when the old one is gone. The crew goes on
  // before, between and after.
  void Restart(size_t i, const Crew& crew) {
    ASSERT_TRUE(crew.Advances(kTokens)) << crew.Wrong();
    replicas_[i]->process().Signal(SIGTERM);
    ASSERT_EQ(replicas_[i]->process().Wait(), 0)
        << replicas_[i]->process().Errors();
    ASSERT_TRUE(crew.Advances(kTokens)) << crew.Wrong();
    ASSERT_NO_FATAL_FAILURE(Start(i));
  }

 private:
  void Start(size_t i) {
    replicas_[i] = std::make_unique<Logitd>(
        folders_[i], "2", "auto",
        std::vector<std::string>{"--drain_timeout", drain_timeout_});
    ASSERT_TRUE(replicas_[i]->Serves()) << replicas_[i]->process().Errors();
  }

  const std::string drain_timeout_;
  const std::array<TempFolder, 2> folders_;
  std::array<std::unique_ptr<Logitd>, 2> replicas_;
};

// Restarts all in turn under load. The books of the workers.
void Roll(const char* what, const std::string& drain_timeout,
          bool leaves_a_drain, Books* books) {
  Replicas replicas(drain_timeout);
  ASSERT_FALSE(::testing::Test::HasFatalFailure());
  Habits habits;
  habits.targets = replicas.targets();
  habits.leaves_a_drain = leaves_a_drain;
  if (leaves_a_drain) habits.stay = kStay;
  Crew crew(kWorkers, kGenerations, kFirstSeed, habits);
  int restarts = 0;
  for (int round = 0; round < Rounds(); ++round) {
    for (const size_t replica : {size_t{0}, size_t{1}}) {
      ASSERT_NO_FATAL_FAILURE(replicas.Restart(replica, crew));
      ++restarts;
    }
  }
  ASSERT_TRUE(crew.Advances(kTokens)) << crew.Wrong();
  crew.Stop();
  *books = crew.books();
  std::printf(
      "%s: %zu sessions, %zu tokens, %d restarts, %zu resumes; requests: "
      "%zu answered of %zu, %zu opens refused, %zu entries failed, %zu of %zu "
      "streams cut, %zu late\n",
      what, kWorkers * kGenerations, crew.tokens(), restarts, books->resumes,
      books->answered, books->sent, books->refused_opens, books->failed_entries,
      books->cut, books->streams, books->late);
  EXPECT_EQ(books->wrong, "");
  EXPECT_EQ(books->sent, books->answered + books->unanswered);
  // Each restart moved somebody.
  EXPECT_GE(books->resumes, static_cast<size_t>(restarts) * kGenerations);
  ExpectAsUndisturbed(crew.generations());
}

TEST(RollingRestart, ChangesNoTokenOfClientsThatLeaveWhenTold) {
  Books books;
  ASSERT_NO_FATAL_FAILURE(Roll("left when told", "10m", true, &books));
  // Who leaves is not turned out, and each of his sessions took its last step.
  EXPECT_EQ(books.cut, 0u);
  EXPECT_EQ(books.failed_entries, 0u);
}

TEST(RollingRestart, ChangesNoTokenOfClientsThatAreTurnedOut) {
  Books books;
  ASSERT_NO_FATAL_FAILURE(Roll("turned out", "100ms", false, &books));
  EXPECT_GT(books.cut, 0u);
}

}  // namespace
}  // namespace logitd
