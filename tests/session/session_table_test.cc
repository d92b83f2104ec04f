#include "service/session/session_table.h"

#include <set>

#include "gtest/gtest.h"
#include "service/session/server_seed.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;
using Code = absl::StatusCode;

class SessionTableTest : public ::testing::Test {
 protected:
  SessionTableTest() { limits_.max_sessions = 4; }

  absl::Status Open(uint64_t id) {
    return table_.Open(id, StartOf({}), false).status();
  }

  Limits limits_;
  SessionTable table_{limits_};
};

TEST_F(SessionTableTest, RefusesAnIdThatIsOpen) {
  ASSERT_THAT(Open(7), IsOk());
  EXPECT_THAT(Open(7), StatusIs(Code::kFailedPrecondition,
                                "session_id: 7 is open on this stream"));
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(SessionTableTest, OpensAnIdAgainOnceItIsClosed) {
  ASSERT_THAT(Open(7), IsOk());
  ASSERT_THAT(table_.Close(7), IsOk());
  EXPECT_TRUE(table_.WasClosed(7));
  ASSERT_THAT(Open(7), IsOk());
  EXPECT_FALSE(table_.WasClosed(7));
}

TEST_F(SessionTableTest, HoldsExactlyItsLimit) {
  for (uint64_t id = 0; id < 4; ++id) ASSERT_THAT(Open(id), IsOk());
  EXPECT_THAT(Open(4), StatusIs(Code::kResourceExhausted,
                                "5 sessions are more than --max_sessions 4"));
  EXPECT_THAT(table_.Fork(0, 4, 1),
              StatusIs(Code::kResourceExhausted, "--max_sessions 4"));
  ASSERT_THAT(table_.Close(2), IsOk());
  EXPECT_THAT(Open(4), IsOk());
}

TEST_F(SessionTableTest, ARefusedOpenLeavesNoSession) {
  Params bad;
  bad.temperature = -1.0;
  EXPECT_THAT(table_.Open(1, StartOf(bad), false),
              StatusIs(Code::kInvalidArgument, "params.temperature"));
  EXPECT_THAT(table_.Find(1), StatusIs(Code::kNotFound, "session_id: 1"));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(SessionTableTest, RemembersAsManyClosedIdsAsItHoldsSessions) {
  for (uint64_t id = 0; id < 6; ++id) {
    ASSERT_THAT(Open(id), IsOk());
    ASSERT_THAT(table_.Close(id), IsOk());
  }
  EXPECT_FALSE(table_.WasClosed(0));
  EXPECT_FALSE(table_.WasClosed(1));
  for (uint64_t id = 2; id < 6; ++id) EXPECT_TRUE(table_.WasClosed(id));
  EXPECT_FALSE(table_.WasClosed(99));
}

TEST_F(SessionTableTest, CloseGivesTheSessionBackAndRefusesUnknownIds) {
  ASSERT_THAT(Open(5), IsOk());
  const auto closed = table_.Close(5);
  ASSERT_THAT(closed, IsOk());
  EXPECT_EQ((*closed)->seed(), 42u);
  EXPECT_THAT(table_.Close(5), StatusIs(Code::kNotFound, "session_id: 5"));
}

TEST_F(SessionTableTest, ForkNamesParentAndChild) {
  ASSERT_THAT(Open(1), IsOk());
  EXPECT_THAT(table_.Fork(9, 2, 1),
              StatusIs(Code::kNotFound, "parent_session_id: 9"));
  EXPECT_THAT(table_.Fork(1, 1, 1),
              StatusIs(Code::kFailedPrecondition, "child_session_id: 1"));
  const auto child = table_.Fork(1, 2, 1);
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(*table_.Find(2), *child);
}

TEST_F(SessionTableTest, TakesAHistoryInParts) {
  Params params;
  params.repetition_penalty = 1.5;
  params.frequency_penalty = 0.5;
  SessionStart whole = StartOf(params);
  whole.prompt = {1, 2, 3, 4};
  whole.prompt_length = 4;
  whole.generated = {5, 6, 7};
  Session at_once = OpenOrDie(whole);
  whole.history_digest = at_once.history_digest();  // of all parts together

  SessionStart first = whole;
  first.prompt = {1, 2};
  first.generated.clear();
  auto opened = table_.Open(1, first, true);
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, nullptr);
  EXPECT_TRUE(table_.IsWaiting(1));
  EXPECT_THAT(table_.Find(1),
              StatusIs(Code::kFailedPrecondition, "waits for the rest"));
  opened = table_.Continue(1, {{3, 4}, {5}, true});
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(*opened, nullptr);
  opened = table_.Continue(1, {{}, {6, 7}, false});
  ASSERT_THAT(opened, IsOk());
  ASSERT_NE(*opened, nullptr);
  EXPECT_FALSE(table_.IsWaiting(1));
  EXPECT_EQ((*opened)->position(), 7u);
  Stepper stepper;
  EXPECT_EQ(stepper.Generate(30, *opened), stepper.Generate(30, &at_once));
}

TEST_F(SessionTableTest, ABadPartEndsTheOpen) {
  ASSERT_THAT(table_.Open(1, StartOf({}), true), IsOk());
  ASSERT_THAT(table_.Continue(1, {{}, {1}, true}), IsOk());
  EXPECT_THAT(table_.Continue(1, {{2}, {}, true}),
              StatusIs(Code::kInvalidArgument, "prompt: comes after"));
  EXPECT_FALSE(table_.IsWaiting(1));
  EXPECT_THAT(table_.Find(1), StatusIs(Code::kNotFound, "session_id: 1"));
}

TEST_F(SessionTableTest, PartsTogetherStayWithinMaxHistory) {
  limits_.max_history = 5;
  ASSERT_THAT(table_.Open(1, StartOf({}), true), IsOk());
  ASSERT_THAT(table_.Continue(1, {TokenIds(5, 1), {}, true}), IsOk());
  EXPECT_THAT(table_.Continue(1, {{}, {1}, true}),
              StatusIs(Code::kResourceExhausted, "--max_history 5"));
}

TEST_F(SessionTableTest, RefusesBadParametersWithTheFirstPart) {
  Params bad;
  bad.top_p = 0.0;
  EXPECT_THAT(table_.Open(1, StartOf(bad), true),
              StatusIs(Code::kInvalidArgument, "params.top_p"));
  EXPECT_FALSE(table_.IsWaiting(1));
}

TEST_F(SessionTableTest, WaitingSessionsCountAndCanBeClosed) {
  for (uint64_t id = 0; id < 4; ++id) {
    ASSERT_THAT(table_.Open(id, StartOf({}), true), IsOk());
  }
  EXPECT_THAT(Open(4), StatusIs(Code::kResourceExhausted, "--max_sessions"));
  const auto closed = table_.Close(0);
  ASSERT_THAT(closed, IsOk());
  EXPECT_EQ(*closed, nullptr);
  EXPECT_THAT(Open(4), IsOk());
}

TEST(ServerSeeds, AreDistinctAndDifferFromKeyToKey) {
  ServerSeeds one(1);
  ServerSeeds two(2);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(one.Next());
    seen.insert(two.Next());
  }
  EXPECT_EQ(seen.size(), 2000u);
  const auto key = RandomKey();
  ASSERT_THAT(key, IsOk());
  EXPECT_NE(*key, *RandomKey());
}

}  // namespace
}  // namespace logitd
