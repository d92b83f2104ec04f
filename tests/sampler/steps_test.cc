// Generations of many steps, under the knobs of random cases, end up at the
// golden digest on every target: what is carried from step to step (history,
// counts, repeats, feedback, scratch memory) carries no difference.
//
// By default 20,000 steps, 2,000 where code is slow; with LOGITD_LONG=1 a
// million.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "sampler/ends.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/digest.h"
#include "tests/sampler/targets.h"
#include "tests/support/effort.h"

namespace logitd::tests {
namespace {

constexpr int kStepsOfOne = 500;

// Appends the digests of a generation's steps. Its rows are those of the case,
// each time begun elsewhere. It ends early where a row fails.
void Generate(const Sampler& sampler, const Case& c, Workspace* workspace,
              std::vector<uint64_t>* digests) {
  const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
  Ran ran;
  ran.status = plan.status();
  if (!plan.ok()) return digests->push_back(DigestOf(ran));
  History history = MakeHistory(c, *plan);
  NoisePoint at = c.at;
  Feedback feedback = c.feedback;
  std::vector<float> logits = c.logits, guidance = c.guidance;
  for (int step = 0; step < kStepsOfOne; ++step, ++at.position) {
    std::rotate(logits.begin(), logits.begin() + 1, logits.end());
    Row row = {logits.data(), static_cast<uint32_t>(logits.size())};
    if (c.has_mask) {
      row.mask = c.mask.data();
      row.mask_bytes = c.mask.size();
    }
    if (!guidance.empty()) row.guidance = guidance.data();
    ran.status = sampler.Sample(*plan, history, feedback, at, row, c.report, {},
                                workspace, &ran.outcome);
    if (ran.status.ok()) {
      history.Append(ran.outcome.token);
      feedback = ran.outcome.feedback;
      ran.end = CheckEnds(*plan, history);
    }
    digests->push_back(DigestOf(ran));
    if (!ran.status.ok()) return;
  }
}

std::string Golden(int steps) {
  std::ifstream file(LOGITD_SOURCE_DIR "/tests/golden/steps.txt");
  const std::string end = absl::StrFormat(" steps=%d", steps);
  std::string line;
  while (std::getline(file, line)) {
    if (line.ends_with(end)) return line;
  }
  return "none";
}

class Steps : public OnEachTarget {};

TEST_P(Steps, OfManyGenerationsHaveTheGoldenDigest) {
  const int steps = kSlow ? 2'000 : IsLong() ? 1'000'000 : 20'000;
  const Sampler sampler(kernels());
  Workspace workspace;
  std::vector<uint64_t> digests;
  for (uint64_t seed = 0; static_cast<int>(digests.size()) < steps; ++seed) {
    const Focus focus = seed % 3 == 0 ? Focus::kSchedules : Focus::kEverything;
    Generate(sampler, MakeCase(focus, SmallVocabulary(seed), 77000 + seed),
             &workspace, &digests);
  }
  for (const int first : {2'000, 20'000, 1'000'000}) {
    if (first > steps) break;
    const std::vector<uint64_t> some(digests.begin(), digests.begin() + first);
    EXPECT_EQ(absl::StrFormat("%016x steps=%d", InOrder(some).value, first),
              Golden(first));
  }
}

LOGITD_ON_EACH_TARGET(Steps);

}  // namespace
}  // namespace logitd::tests
