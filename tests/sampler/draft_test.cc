// Verification of drafts: token by token against the textbook, and in law.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "sampler/natural_exp.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/oracle_case.h"
#include "tests/sampler/statistics.h"
#include "tests/sampler/targets.h"
#include "tests/sampler/trials.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using ::testing::HasSubstr;

std::vector<float> Softmax(const std::vector<float>& logits) {
  const float most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (const float l : logits) p.push_back(std::exp(double{l} - double{most}));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  std::vector<float> q;
  for (const double x : p) q.push_back(static_cast<float>(x / sum));
  return q;
}

uint32_t DrawnFrom(const std::vector<float>& q, double u) {
  double sum = 0;
  uint32_t last = 0;
  for (uint32_t i = 0; i < q.size(); ++i) {
    if (q[i] == 0) continue;
    last = i;
    sum += static_cast<double>(q[i]);
    if (u < sum) return i;
  }
  return last;
}

// Another form of the same q: only what is not 0.
DraftCase Listed(const DraftCase& dense) {
  DraftCase list = {dense.token, {}, {}};
  for (uint32_t i = 0; i < dense.q.size(); ++i) {
    if (dense.q[i] == 0) continue;
    list.ids.push_back(i);
    list.q.push_back(dense.q[i]);
  }
  return list;
}

class Drafts : public OnEachTarget {
 protected:
  Drafts() : runner_(kernels()) {}

  // A case with its draft by id; q of a drafter near to the target or far off.
  Case MakeDraftCase(uint64_t seed) {
    Dice dice(seed);
    const Focus focus =
        dice.Chance(0.5) ? Focus::kEverything : Focus::kTruncations;
    Case c = MakeCase(focus, SmallVocabulary(seed), seed);
    c.given.reset();
    c.params.mirostat.reset();
    c.params.adaptive_p_target.reset();
    std::vector<float> drafter(c.vocab_size);
    for (uint32_t i = 0; i < c.vocab_size; ++i) {
      const float l = std::isfinite(c.logits[i]) ? c.logits[i] : 0;
      drafter[i] = std::clamp(l, -30.0f, 30.0f) + dice.Normal();
      if (dice.Chance(0.3)) drafter[i] = -200;  // its q is 0
    }
    DraftCase draft = {0, Softmax(drafter), {}};
    draft.token = DrawnFrom(draft.q, dice.Unit());
    if (dice.Chance(0.2)) draft.q.clear();
    c.draft = draft;
    return c;
  }

  CaseRunner runner_;
};

TEST_P(Drafts, BecomeWhatTheTextbookSays) {
  const int cases = Effort(2000, 100);
  int ran = 0, accepted = 0, ambiguous = 0;
  for (int seed = 1; seed <= cases; ++seed) {
    const Case c = MakeDraftCase(static_cast<uint64_t>(seed));
    const oracle::Answer answer = AskOracle(c);
    const Ran& got = runner_.Run(c);
    if (!got.status.ok()) continue;
    const oracle::Point at = {c.at.key.bits, c.at.position, c.at.attempt};
    const oracle::Verdict verdict =
        oracle::Verify(answer, c.draft->token, c.draft->q, at);
    ++ran;
    accepted += verdict.accepted ? 1 : 0;
    if (got.outcome.token == verdict.token) continue;
    // A coin or a race that close, or a cut, may fall either way.
    const bool close = verdict.closest > 1 - 1e-4L ||
                       answer.margin < static_cast<long double>(kAmbiguous);
    ASSERT_TRUE(close) << c.name << ": " << got.outcome.token << " for "
                       << verdict.token << ", closest "
                       << static_cast<double>(verdict.closest);
    ++ambiguous;
  }
  EXPECT_GT(ran, cases / 2);
  EXPECT_GT(accepted, ran / 10);
  EXPECT_LT(accepted, ran * 9 / 10);
  EXPECT_LE(ambiguous, 1 + ran / 100);
}

TEST_P(Drafts, InAnyFormAreTheSame) {
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(300, 30));
       ++seed) {
    Case c = MakeDraftCase(seed);
    if (c.draft->q.empty()) {
      c.draft->q.assign(c.vocab_size, 0.0f);
      c.draft->q[c.draft->token] = 1;
    }
    const Ran dense = runner_.Run(c);
    c.draft = Listed(*c.draft);
    const Ran listed = runner_.Run(c);
    ASSERT_EQ(dense.status, listed.status);
    if (!dense.status.ok()) continue;
    ASSERT_EQ(Difference(dense.outcome, listed.outcome), "") << c.name;
    if (c.draft->q.size() != 1) continue;
    c.draft->q.clear();
    c.draft->ids.clear();
    ASSERT_EQ(Difference(dense.outcome, runner_.Run(c).outcome), "") << c.name;
  }
}

// What is reported is of the target: a draft changes the token alone.
TEST_P(Drafts, ChangeNoNumberOfTheRow) {
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(300, 30));
       ++seed) {
    Case c = MakeDraftCase(seed);
    const Ran verified = runner_.Run(c);
    if (!verified.status.ok()) continue;
    c.draft.reset();
    c.given = verified.outcome.token;
    Ran given = runner_.Run(c);
    given.outcome.drawn_token = verified.outcome.drawn_token;
    given.outcome.rank = verified.outcome.rank;
    ASSERT_EQ(Difference(given.outcome, verified.outcome), "") << c.name;
  }
}

TEST_P(Drafts, OfTheTargetItselfAreAllAccepted) {
  int ran = 0;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(1000, 100));
       ++seed) {
    Case c = MakeDraftCase(seed);
    c.draft.reset();
    c.report.top_n_final = kTopMax;
    const Ran& target = runner_.Run(c);
    if (!target.status.ok() || target.outcome.greedy) continue;
    if (target.outcome.kept > kTopMax) continue;
    std::vector<float> q(c.vocab_size, 0.0f);
    for (const TopToken& top : target.outcome.top_final) {
      q[top.id] = static_cast<float>(std::exp(top.logprob));
    }
    c.draft = DraftCase{DrawnFrom(q, Dice(seed).Unit()), q, {}};
    const Ran& got = runner_.Run(c);
    ASSERT_TRUE(got.status.ok()) << got.status;
    ASSERT_EQ(got.outcome.token, c.draft->token) << c.name;
    ++ran;
  }
  EXPECT_GT(ran, Effort(1000, 100) / 3);
}

TEST_P(Drafts, OfGreedyAndForcedRowsAreComparedOnly) {
  Case c;
  c.vocab_size = 4;
  c.logits = {0, 3, 1, 2};
  c.params.temperature = 0;
  c.draft = DraftCase{3, {}, {}};
  EXPECT_EQ(runner_.Run(c).outcome.token, 1u);
  c.params.temperature = 1;
  c.params.forced_tokens = {2};
  EXPECT_EQ(runner_.Run(c).outcome.token, 2u);
}

TEST_P(Drafts, ThatAreWrongAreRefusedByName) {
  Case c;
  c.vocab_size = 4;
  c.logits = {0, 1, 2, 3};
  const auto error_of = [&](DraftCase draft) {
    c.draft = std::move(draft);
    const absl::Status status = runner_.Run(c).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(error_of({4, {}, {}}), "draft_token: 4 is outside [0, 4)");
  EXPECT_EQ(error_of({1, {.5f, .5f, kNan, 0}, {}}),
            "draft_probabilities: nan at index 2 of draft 1 is outside [0, 1]");
  EXPECT_EQ(
      error_of({1, {.5f, -.5f, 0, 1}, {}}),
      "draft_probabilities: -0.5 at index 1 of draft 1 is outside [0, 1]");
  EXPECT_EQ(error_of({1, {.5f, 1.5f, 0, 0}, {}}),
            "draft_probabilities: 1.5 at index 1 of draft 1 is outside [0, 1]");
  EXPECT_EQ(error_of({1, {.5f, 0, .5f, 0}, {}}),
            "draft_probabilities: the draft 1 itself has 0");
  EXPECT_EQ(error_of({3, {.5f, .5f, 0}, {}}),
            "draft_probabilities: the draft 3 itself has 0");
  EXPECT_EQ(error_of({1, {.5f, .5f}, {1, 4}}),
            "draft_ids: 4 at index 1 of draft 1 is outside [0, 4)");
  EXPECT_EQ(error_of({1, {.5f, .5f}, {1, 1}}),
            "draft_ids: 1 at index 1 of draft 1 does not rise");
  EXPECT_EQ(error_of({2, {.5f, .5f}, {1, 3}}),
            "draft_probabilities: the draft 2 itself has 0");
  c.params.mirostat = 2;
  EXPECT_THAT(error_of({1, {}, {}}), HasSubstr("with mirostat"));
  c.params.mirostat.reset();
  c.params.adaptive_p_target = .5;
  EXPECT_THAT(error_of({1, {}, {}}), HasSubstr("with adaptive_p"));
}

// A drafter whose probabilities were rounded up gives too little to none.
TEST_P(Drafts, NeverBringBackATokenThatWasRemoved) {
  Case c;
  c.vocab_size = 300;
  c.logits.assign(300, 0.0f);
  c.logits[5] = 8;
  c.params.top_k = 1;
  std::vector<float> q(300, 0.0f);
  q[5] = 1;
  q[200] = 0.002f;
  for (uint32_t position = 0; position < 50; ++position) {
    c.at.position = position;
    c.draft = DraftCase{200, q, {}};
    EXPECT_EQ(runner_.Run(c).outcome.token, 5u);
    // All of it is too much of everything.
    c.draft = DraftCase{200, std::vector<float>(300, 1.0f), {}};
    EXPECT_EQ(runner_.Run(c).outcome.token, 5u);
  }
  c.params.top_k.reset();
  c.params.banned_ids = {200};
  c.draft = DraftCase{200, std::vector<float>(300, 1.0f), {}};
  for (uint32_t position = 0; position < 200; ++position) {
    c.at.position = position;
    EXPECT_NE(runner_.Run(c).outcome.token, 200u);
  }
}

// As the padding of a row is.
TEST_P(Drafts, AreNotLookedAtBeyondTheVocabulary) {
  Case c;
  c.vocab_size = 3;
  c.logits = {0, 1, 2};
  c.draft =
      DraftCase{1, {0, 1, 0, std::numeric_limits<float>::quiet_NaN()}, {}};
  EXPECT_TRUE(runner_.Run(c).status.ok());
}

// -0 is a 0.
TEST_P(Drafts, MayHaveANegativeZero) {
  Case c;
  c.vocab_size = 3;
  c.logits = {0, 1, 2};
  c.draft = DraftCase{1, {-0.0f, 1, 0}, {}};
  EXPECT_TRUE(runner_.Run(c).status.ok());
}

LOGITD_ON_EACH_TARGET(Drafts);

// ---- in law

struct Drafter {
  std::string name;
  // Of the target's logits.
  std::vector<float> (*q)(const std::vector<float>& logits);
};

std::vector<float> Good(const std::vector<float>& logits) {
  Dice dice(5);
  std::vector<float> near = logits;
  for (float& l : near) l += 0.3f * dice.Normal();
  return Softmax(near);
}
std::vector<float> Bad(const std::vector<float>& logits) {
  return std::vector<float>(logits.size(),
                            1.0f / static_cast<float>(logits.size()));
}
// Likes what the target likes least.
std::vector<float> Adversarial(const std::vector<float>& logits) {
  std::vector<float> opposite;
  for (const float l : logits) opposite.push_back(-l);
  return Softmax(opposite);
}
// Nothing; then the best token is drafted, one-hot.
std::vector<float> OneHot(const std::vector<float>&) { return {}; }

const Drafter kDrafters[] = {{"Good", Good},
                             {"Bad", Bad},
                             {"Adversarial", Adversarial},
                             {"OneHot", OneHot}};

class DraftLaw : public testing::TestWithParam<Drafter> {};

// Emitted tokens against the target's distribution, and how many drafts were
// accepted against the sum of min(p, q): two questions for each of two rows.
TEST_P(DraftLaw, IsTheTargetsWhateverTheDrafter) {
  CaseRunner runner(*Targets()[0]);
  const int draws = Effort(60000, 6000, 10);
  for (int which = 0; which < 2; ++which) {
    Case c;
    c.vocab_size = which == 0 ? 24 : 300;
    Dice dice(static_cast<uint64_t>(which) + 3);
    for (uint32_t i = 0; i < c.vocab_size; ++i) {
      c.logits.push_back(1.5f * dice.Normal());
    }
    if (which == 1) c.params.top_p = 0.8;
    const std::vector<double> p = DistributionOf(c);
    const std::vector<float> q = GetParam().q(c.logits);
    const auto best =
        static_cast<uint32_t>(std::max_element(p.begin(), p.end()) - p.begin());
    double expected = p[best];
    if (!q.empty()) {
      expected = 0;
      for (uint32_t i = 0; i < c.vocab_size; ++i) {
        expected += std::min(p[i], static_cast<double>(q[i]));
      }
    }
    std::vector<uint64_t> counts(c.vocab_size);
    uint64_t accepted = 0;
    for (int i = 0; i < draws; ++i) {
      const uint32_t token = q.empty() ? best : DrawnFrom(q, dice.Unit());
      c.draft = DraftCase{token, q, {}};
      c.at = {{99}, static_cast<uint32_t>(i), 0};
      const Ran& got = runner.Run(c);
      ASSERT_TRUE(got.status.ok()) << got.status;
      ++counts[got.outcome.token];
      accepted += got.outcome.token == token ? 1 : 0;
    }
    const double of_tokens = ChiSquareP(counts, p);
    const auto all = static_cast<uint64_t>(draws);
    const double of_accepted =
        ChiSquareP({accepted, all - accepted}, {expected, 1 - expected});
    std::cout << "  p = " << of_tokens << "; accepted " << accepted << " of "
              << draws << " for " << expected << ", p = " << of_accepted
              << ", rejected below " << kAlpha << "\n";
    EXPECT_GE(of_tokens, kAlpha);
    EXPECT_GE(of_accepted, kAlpha);
  }
}

std::string DrafterName(const testing::TestParamInfo<Drafter>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(, DraftLaw, testing::ValuesIn(kDrafters), DrafterName);
static_assert(std::size(kDrafters) * 2 * 2 == kDraftQuestions);

}  // namespace
}  // namespace logitd::tests
