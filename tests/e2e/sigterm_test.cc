// SIGTERM at any moment of a server under load: it exits with 0, each request
// is answered whole and once or its stream ends UNAVAILABLE, and the next
// process goes on with the same tokens.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/e2e/crew.h"
#include "tests/e2e/generation.h"
#include "tests/e2e/processes.h"
#include "tests/support/effort.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using testing::Books;
using testing::Crew;
using testing::Habits;
using testing::Logitd;
using testing::TempFolder;

constexpr size_t kWorkers = 3;
constexpr size_t kGenerations = 16;  // of each worker
constexpr uint64_t kFirstSeed = 30'000;
constexpr uint64_t kMoments = 16;  // the seed of what is random here
// The latest moment after each worker has made a token.
constexpr uint32_t kLatestUs = 30'000;

int Signals() { return tests::IsLong() ? 500 : 60; }

std::unique_ptr<Logitd> Start(const TempFolder& folder, tests::Dice* dice) {
  const std::vector<std::string> timeouts = {"0s", "1ms", "25ms", "100ms"};
  const std::vector<std::string> threads = {"1", "2", "5"};
  return std::make_unique<Logitd>(
      folder, dice->OneOf(threads), "auto",
      std::vector<std::string>{"--drain_timeout", dice->OneOf(timeouts)});
}

// One life of a server. Every fourth may be so short that nobody is served;
// every eighth ends with two signals.
void LiveAndStop(Logitd* server, const Crew& crew, tests::Dice* dice) {
  ASSERT_TRUE(server->Serves()) << server->process().Errors();
  if (!dice->Chance(.25)) {
    ASSERT_TRUE(crew.Advances(1)) << crew.Wrong();
  }
  std::this_thread::sleep_for(
      std::chrono::microseconds(dice->Below(kLatestUs)));
  server->process().Signal(SIGTERM);
  if (dice->Chance(.125)) server->process().Signal(SIGTERM);
  ASSERT_EQ(server->process().Wait(), 0) << server->process().Errors();
}

TEST(Sigterm, AtAnyMomentEndsCleanlyAndChangesNoToken) {
  std::printf("seed %d\n", static_cast<int>(kMoments));
  tests::Dice dice(kMoments);
  const TempFolder folder;
  std::unique_ptr<Logitd> server = Start(folder, &dice);
  Habits habits;
  habits.targets = {server->target()};
  Crew crew(kWorkers, kGenerations, kFirstSeed, habits);
  for (int i = 0; i < Signals(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_NO_FATAL_FAILURE(LiveAndStop(server.get(), crew, &dice));
    server = Start(folder, &dice);
  }
  ASSERT_TRUE(server->Serves()) << server->process().Errors();
  ASSERT_TRUE(crew.Advances(10 * kGenerations)) << crew.Wrong();
  crew.Stop();
  const Books books = crew.books();
  std::printf(
      "%d signals, %zu sessions, %zu tokens, %zu resumes; requests: %zu "
      "answered, %zu not, of %zu; %zu opens refused, %zu entries failed, %zu "
      "of %zu streams cut, %zu late\n",
      Signals(), kWorkers * kGenerations, crew.tokens(), books.resumes,
      books.answered, books.unanswered, books.sent, books.refused_opens,
      books.failed_entries, books.cut, books.streams, books.late);
  EXPECT_EQ(books.wrong, "");
  EXPECT_EQ(books.sent, books.answered + books.unanswered);
  // What makes it worth something: requests were under way when it stopped.
  EXPECT_GE(books.unanswered, static_cast<size_t>(Signals()));
  EXPECT_GE(books.cut, static_cast<size_t>(Signals()));
  ExpectAsUndisturbed(crew.generations());
}

}  // namespace
}  // namespace logitd
