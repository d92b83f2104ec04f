// Digests of histories: equal for equal rules, seeds and tokens, however a
// session came to them.
#include "service/session/history_digest.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/session/history_chain.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::OpenOrDie;
using testing::RowAt;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;

TEST(HistoryChain, TakesBackWhatWasAppended) {
  tests::Dice dice(3);
  HistoryChain chain;
  std::vector<uint64_t> items, values = {chain.value()};
  for (int i = 0; i < 1000; ++i) {
    items.push_back(i % 2 == 0 ? dice.Next() : dice.Below(100));
    chain.Append(items.back());
    values.push_back(chain.value());
  }
  EXPECT_EQ(std::set<uint64_t>(values.begin(), values.end()).size(), 1001u);
  while (!items.empty()) {
    ASSERT_EQ(chain.value(), values[items.size()]);
    chain.TakeBack(items.back());
    items.pop_back();
  }
  EXPECT_EQ(chain.value(), 0u);
}

// By hand: for an item of 0 the value is Mix(1).
TEST(HistoryChain, IsTheFormulaOfTheManual) {
  HistoryChain chain;
  chain.Append(0);
  uint64_t x = 1;
  for (int i = 0; i < 2; ++i) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
  }
  x ^= x >> 32;
  EXPECT_EQ(chain.value(), x);
  EXPECT_EQ(absl::BytesToHexString(chain.bytes()),
            absl::StrCat(absl::Hex(x, absl::kZeroPad16)));
}

TEST(HistoryDigest, IsThatOfItsLines) {
  // printf '%s\n' fingerprint=0123456789abcdef seed=42 salt=ff00 prompt=3:
  //   generated=1:00000000000000ff | sha256sum
  HistorySummary summary = {
      "0123456789abcdef", 42, std::string("\xff\0", 2), 3, false, 9, 1, 255};
  const std::string digest = HistoryDigest(summary);
  EXPECT_EQ(absl::BytesToHexString(digest), "195dd9c0e1b89b2b");
  summary.prompt_chain = 10;  // not covered
  EXPECT_EQ(HistoryDigest(summary), digest);
  summary.covers_prompt = true;
  EXPECT_NE(HistoryDigest(summary), digest);
}

class HistoryDigests : public ::testing::Test {
 protected:
  // A session that generated so many tokens.
  static Session Generated(const SessionStart& start, uint32_t count) {
    Session session = OpenOrDie(start);
    Stepper().Generate(count, &session);
    return session;
  }
};

TEST_F(HistoryDigests, AreEqualHoweverTheTokensCame) {
  SessionStart start = StartOf({});
  start.prompt = {1, 2, 3};
  Session stepped = OpenOrDie(start);
  Stepper stepper;
  std::vector<std::string> digests = {stepped.history_digest()};
  TokenIds tokens;
  for (int i = 0; i < 20; ++i) {
    tokens.push_back(stepper.Next(&stepped));
    digests.push_back(stepped.history_digest());
  }
  EXPECT_EQ(std::set<std::string>(digests.begin(), digests.end()).size(), 21u);

  Session appended = OpenOrDie(start);
  ASSERT_TRUE(appended.Append({}, tokens).ok());
  EXPECT_EQ(appended.history_digest(), digests[20]);
  SessionStart resumed = start;
  resumed.generated = tokens;
  EXPECT_EQ(OpenOrDie(resumed).history_digest(), digests[20]);
  resumed.prompt.clear();
  resumed.prompt_length = 3;
  EXPECT_EQ(OpenOrDie(resumed).history_digest(), digests[20]);
  EXPECT_EQ(stepped.Fork(0).history_digest(), OpenOrDie([&] {
                                                SessionStart fork = resumed;
                                                fork.seed =
                                                    stepped.Fork(0).seed();
                                                return fork;
                                              }())
                                                  .history_digest());
  for (const uint32_t back : {23u, 20u, 4u, 3u}) {
    ASSERT_TRUE(stepped.Rewind(back).ok());
    EXPECT_EQ(stepped.history_digest(), digests[back - 3]) << back;
  }
  EXPECT_FALSE(stepped.Rewind(2).ok());
  EXPECT_FALSE(stepped.Rewind(99).ok());
  EXPECT_EQ(stepped.history_digest(), digests[0]);
}

TEST_F(HistoryDigests, OfARefusedAppendAreAsBefore) {
  SessionStart start = StartOf({});
  start.params.eos_ids = {7};
  Session session = Generated(start, 3);
  const std::string digest = session.history_digest();
  EXPECT_FALSE(session.Append({}, {5, 7, 5}).ok());
  EXPECT_EQ(session.history_digest(), digest);
}

TEST_F(HistoryDigests, CoverRulesSeedSaltAndTokens) {
  SessionStart start = StartOf({});
  start.prompt = {1, 2, 3};
  start.generated = {4, 5};
  const std::string digest = OpenOrDie(start).history_digest();
  const auto differs = [&](const std::function<void(SessionStart*)>& change) {
    SessionStart other = start;
    change(&other);
    return OpenOrDie(other).history_digest() != digest;
  };
  EXPECT_FALSE(differs([](SessionStart*) {}));
  EXPECT_TRUE(differs([](SessionStart* s) { ++s->seed; }));
  EXPECT_TRUE(differs([](SessionStart* s) { s->salt = "x"; }));
  EXPECT_TRUE(differs([](SessionStart* s) { s->params.top_k = 5; }));
  EXPECT_TRUE(differs([](SessionStart* s) { s->prompt.push_back(9); }));
  EXPECT_TRUE(differs([](SessionStart* s) { s->generated = {5, 4}; }));
  // The prompt's tokens: where a knob looks at them.
  EXPECT_FALSE(differs([](SessionStart* s) { s->prompt[0] = 9; }));
  start.params.repetition_penalty = 1.5;
  const std::string looking = OpenOrDie(start).history_digest();
  start.prompt[0] = 9;
  EXPECT_NE(OpenOrDie(start).history_digest(), looking);
}

TEST_F(HistoryDigests, AreCheckedWhenGiven) {
  SessionStart start = StartOf({});
  start.generated = {4, 5};
  start.history_digest = OpenOrDie(start).history_digest();
  OpenOrDie(start);
  start.generated = {4, 6};
  EXPECT_THAT(
      Session::Open(start, Limits()).status(),
      StatusIs(absl::StatusCode::kFailedPrecondition, "history_digest: "));
}

TEST_F(HistoryDigests, ComeWithEachTokenThatAsks) {
  SessionStart start = StartOf({});
  start.report.history_digest = true;
  Session session = OpenOrDie(start);
  Stepper stepper;
  const EntryResult result = stepper.Step({}, RowAt(0), &session);
  EXPECT_EQ(result.history_digest, session.history_digest());
  EXPECT_EQ(result.history_digest.size(), 8u);
}

}  // namespace
}  // namespace logitd
