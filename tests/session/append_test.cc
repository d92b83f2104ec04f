// An append looks at the ends before it appends: refused, it leaves nothing
// behind, not even less to rewind over.
#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;

constexpr uint32_t kEos = 9;
using Tokens = std::vector<uint32_t>;

// The token of a position.
Tokens OneOf(uint32_t position) { return {100 + position % 97}; }

// A session of many tokens, none an end, appended one by one.
Session LongSession(uint32_t length) {
  Params params;
  params.eos_ids = {kEos};
  params.frequency_penalty = 0.2;
  params.frequency_window = 300;
  Session session = OpenOrDie(StartOf(params));
  for (uint32_t i = 0; i < length; ++i) {
    EXPECT_THAT(session.Append({}, OneOf(i)), IsOk());
  }
  return session;
}

// The lowest position that the session can go back to.
uint32_t FurthestBack(const Session& session) {
  uint32_t refused = 0, reached = session.position();
  while (reached - refused > 1) {
    const uint32_t middle = refused + (reached - refused) / 2;
    const bool goes = Session(session).Rewind(middle).ok();
    (goes ? reached : refused) = middle;
  }
  return reached;
}

// A history is trimmed once in some hundred tokens. At each length of a whole
// round, and more, any size of append is once the one that would trim.
TEST(Append, RefusedLeavesAsMuchToRewindOver) {
  constexpr uint32_t kFirst = 1200, kLast = 1800;
  Session session = LongSession(kFirst);
  for (uint32_t length = kFirst; length < kLast; ++length) {
    const uint32_t furthest = FurthestBack(session);
    ASSERT_LE(furthest, length - kRewindMin);
    for (const size_t count : {2u, 64u, 256u, 257u, 700u}) {
      Tokens tokens(count, 1);
      tokens[count - 2] = kEos;
      ASSERT_THAT(session.Append({}, tokens),
                  StatusIs(absl::StatusCode::kFailedPrecondition,
                           "finishes the session, and 1 follow it"));
      ASSERT_EQ(FurthestBack(session), furthest) << length << ", " << count;
    }
    ASSERT_THAT(session.Append({}, OneOf(length)), IsOk());
  }
  testing::Stepper stepper;
  Session twin = LongSession(kLast);
  EXPECT_EQ(stepper.Generate(30, &session), stepper.Generate(30, &twin));
}

class AnyEnds {
 public:
  explicit AnyEnds(uint32_t seed) : random_(seed) {}

  bool Chance() { return random_() % 2 == 0; }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  Tokens Some(uint32_t count_max) {
    Tokens tokens(1 + Below(count_max));
    for (uint32_t& token : tokens) token = Below(5);
    return tokens;
  }
  Params Next() {
    Params params;
    if (Chance()) params.eos_ids = {Below(20)};
    if (Chance()) params.stop_ids = {Below(20)};
    while (Chance()) params.stop_sequences.push_back(Some(6));
    if (Chance()) params.min_tokens = Below(12);
    if (Chance()) params.max_tokens = 1 + Below(20);
    if (Chance()) params.ignore_eos = true;
    return params;
  }

 private:
  std::mt19937 random_;
};

// How many of the tokens a session takes one by one.
size_t TakenOneByOne(const Tokens& tokens, Session* session) {
  size_t taken = 0;
  while (taken < tokens.size() &&
         session->Append({}, Tokens{tokens[taken]}).ok()) {
    ++taken;
  }
  return taken;
}

TEST(Append, IsRefusedExactlyWhenTheTokensOneByOneWouldBe) {
  int taken = 0, refused = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    AnyEnds any(seed);
    SessionStart start = StartOf(any.Next());
    start.prompt = any.Some(5);
    if (any.Chance()) start.generated = any.Some(5);
    Session one_by_one = OpenOrDie(start);
    if (one_by_one.finish() != FinishReason::kNone) continue;
    Session session = one_by_one;
    const Tokens tokens = any.Some(10);
    const size_t count = TakenOneByOne(tokens, &one_by_one);
    const absl::Status status = session.Append({}, tokens);
    ASSERT_EQ(status.ok(), count == tokens.size()) << "seed " << seed;
    if (status.ok()) {
      EXPECT_EQ(session.position(), one_by_one.position());
      EXPECT_EQ(session.finish(), one_by_one.finish());
      ++taken;
    } else {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                   absl::StrCat("tokens: the one at index ",
                                                count - 1, " finishes")));
      EXPECT_EQ(session.finish(), FinishReason::kNone);
      ++refused;
    }
  }
  EXPECT_GT(std::min(taken, refused), 300);
}

}  // namespace
}  // namespace logitd
