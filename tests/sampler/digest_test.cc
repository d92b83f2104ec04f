// Every target gives the golden digest, however the cases are run, and one
// wrong number would change it.
#include "tests/sampler/digest.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {
namespace {

std::string Golden() {
  std::ifstream file(LOGITD_SOURCE_DIR "/tests/golden/digest.txt");
  std::string line;
  while (std::getline(file, line) && (line.empty() || line[0] == '#')) {
  }
  return line;
}

std::string Text(const Digest& digest) {
  return absl::StrFormat("%016x cases=%d", digest.value, digest.cases);
}

class DigestOfCases : public OnEachTarget {
 protected:
  using RunOne = uint64_t (*)(Case c, CaseRunner* runner);

  // All cases, `batch` of them at a time on one of the threads, the last ones
  // first.
  Digest Run(int threads, int batch, RunOne run_one) const {
    std::vector<uint64_t> digests(kDigestCases);
    std::atomic<int> end = kDigestCases;
    const auto work = [&] {
      CaseRunner runner(kernels());
      for (int i = end.fetch_sub(batch); i > 0; i = end.fetch_sub(batch)) {
        for (int j = i - 1; j >= 0 && j >= i - batch; --j) {
          digests[static_cast<size_t>(j)] = run_one(DigestCase(j), &runner);
        }
      }
    };
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) workers.emplace_back(work);
    for (std::thread& worker : workers) worker.join();
    return InOrder(digests);
  }
};

uint64_t AsItIs(Case c, CaseRunner* runner) { return DigestOf(runner->Run(c)); }

TEST_P(DigestOfCases, IsTheGoldenOne) {
  const Digest digest = DigestOf(kernels());
  EXPECT_GE(digest.cases, 3000);
  EXPECT_EQ(Text(digest), Golden());
}

TEST_P(DigestOfCases, DependsNeitherOnThreadsNorOnBatches) {
  const std::vector<int> counts =
      kSlow ? std::vector<int>{7} : std::vector<int>{1, 2, 7};
  for (const int threads : counts) {
    for (const int batch : {1, 64}) {
      EXPECT_EQ(Text(Run(threads, batch, AsItIs)), Golden())
          << threads << " threads, batches of " << batch;
    }
  }
}

TEST_P(DigestOfCases, DoesNotDependOnWhatAWorkspaceDidBefore) {
  const auto afresh = [](Case c, CaseRunner* runner) {
    CaseRunner fresh(runner->kernels());
    return DigestOf(fresh.Run(c));
  };
  EXPECT_EQ(Text(Run(2, 16, afresh)), Golden());
}

// Rows of two bytes that hold the same numbers are loaded by other kernels.
TEST_P(DigestOfCases, DoesNotDependOnHowRowsAreStored) {
  const auto stored_otherwise = [](Case c, CaseRunner* runner) {
    c.misalignment = c.misalignment * 7 + 5;
    c.dtype = Dtype::kFloat32;
    return DigestOf(runner->Run(c));
  };
  EXPECT_EQ(Text(Run(2, 16, stored_otherwise)), Golden());
}

// A history that was followed late, went too far, came back and was copied.
History MakeHistoryByDetours(const Case& c, const Plan& plan) {
  History history =
      c.prompt_known
          ? History(c.prompt)
          : History::WithoutPrompt(static_cast<uint32_t>(c.prompt.size()));
  for (size_t i = 0; i < c.output.size() / 2; ++i) history.Append(c.output[i]);
  EXPECT_TRUE(history.Follow(plan).ok()) << c.name;
  const uint32_t middle = history.position();
  for (uint32_t i = 0; i < 40; ++i) history.Append(i % c.vocab_size);
  EXPECT_TRUE(history.Rewind(middle).ok()) << c.name;
  for (size_t i = c.output.size() / 2; i < c.output.size(); ++i) {
    history.Append(c.output[i]);
  }
  const History fork = history;
  return fork;
}

TEST_P(DigestOfCases, DoesNotDependOnHowAHistoryCameAbout) {
  const auto by_detours = [](Case c, CaseRunner* runner) {
    return DigestOf(runner->Run(c, MakeHistoryByDetours));
  };
  EXPECT_EQ(Text(Run(2, 16, by_detours)), Golden());
}

// Numbers that are asked for make the sampler keep, copy and weigh rows that it
// would not need for the token.
TEST_P(DigestOfCases, HasTheSameTokensWhateverIsReported) {
  const auto only_choice = [](const Ran& ran) {
    Ran choice;
    choice.status = ran.status;
    choice.end = ran.end;
    if (!ran.status.ok()) return DigestOf(choice);
    choice.outcome.token = ran.outcome.token;
    choice.outcome.drawn_token = ran.outcome.drawn_token;
    choice.outcome.kept = ran.outcome.kept;
    choice.outcome.feedback = ran.outcome.feedback;
    return DigestOf(choice);
  };
  CaseRunner runner(kernels());
  for (int i = 0; i < kDigestCases && !HasFailure(); ++i) {
    Case c = DigestCase(i);
    const uint64_t expected = only_choice(runner.Run(c));
    c.report = Report();
    c.report.final_logprob = false;
    EXPECT_EQ(only_choice(runner.Run(c)), expected) << c.name;
    c.report.tempered_logprob = c.report.kept_mass = c.report.entropy = true;
    EXPECT_EQ(only_choice(runner.Run(c)), expected) << c.name;
  }
}

TEST_P(DigestOfCases, ChangesWithOneUlpOfAMass) {
  constexpr int kCases = 300;  // the planted mistake lies among them
  const Digest right = DigestOf(kernels(), kCases);
  const Digest wrong = DigestOf(WithPlantedMistake(kernels()), kCases);
  EXPECT_EQ(right.cases, wrong.cases);
  EXPECT_NE(right.value, wrong.value);
}

LOGITD_ON_EACH_TARGET(DigestOfCases);

}  // namespace
}  // namespace logitd::tests
