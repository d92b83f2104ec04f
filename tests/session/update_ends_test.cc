// An update looks at the ends anew: a session is what its parameters and its
// history make of it, whatever it was before.
#include "gtest/gtest.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::Stepper;

Params WithMaxTokens(uint32_t count) {
  Params params;
  params.max_tokens = count;
  return params;
}

// The session that a resume with these parameters and this output makes.
Session Resumed(const Params& params, const std::vector<uint32_t>& output) {
  SessionStart start = testing::StartOf(params);
  start.generated = output;
  return testing::OpenOrDie(start);
}

TEST(UpdateEnds, ALoweredMaxTokensFinishesAndARaisedOneGoesOn) {
  Stepper stepper;
  Session session = testing::OpenOrDie(testing::StartOf(WithMaxTokens(10)));
  const std::vector<uint32_t> first = stepper.Generate(3, &session);
  for (const uint32_t max : {2u, 3u}) {
    ASSERT_TRUE(session.Update({}, WithMaxTokens(max), {}).ok());
    EXPECT_EQ(session.finish(), FinishReason::kMaxTokens);
    EXPECT_EQ(session.finish(), Resumed(WithMaxTokens(max), first).finish());
    Entry entry;
    entry.position = 3;
    EXPECT_EQ(stepper.Step(entry, testing::RowAt(3), &session).status,
              EntryStatus::kSkipped);
  }
  ASSERT_TRUE(session.Update({}, WithMaxTokens(10), {}).ok());
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  Session resumed = Resumed(WithMaxTokens(10), first);
  EXPECT_EQ(stepper.Generate(7, &session), stepper.Generate(7, &resumed));
  EXPECT_EQ(session.finish(), FinishReason::kMaxTokens);
}

TEST(UpdateEnds, TheLastTokenMayBecomeAnEnd) {
  Stepper stepper;
  Session session = testing::OpenOrDie(testing::StartOf({}));
  const std::vector<uint32_t> output = stepper.Generate(4, &session);
  Params params;
  params.eos_ids = {output.back()};
  ASSERT_TRUE(session.Update({}, params, {}).ok());
  EXPECT_EQ(session.finish(), FinishReason::kEos);
  EXPECT_EQ(session.finish(), Resumed(params, output).finish());
}

TEST(UpdateEnds, NothingIsFinishedBeforeTheFirstToken) {
  Session session = testing::OpenOrDie(testing::StartOf({}));
  ASSERT_TRUE(session.Update({}, WithMaxTokens(1), {}).ok());
  EXPECT_EQ(session.finish(), FinishReason::kNone);
}

}  // namespace
}  // namespace logitd
