// What a session records for its receipt.
#include "service/session/session_record.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using ::testing::ElementsAre;
using testing::OpenOrDie;
using testing::RowAt;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;

SessionStart Recorded() {
  SessionStart start = StartOf({});
  start.prompt = {7, 8};
  start.record = true;
  return start;
}

std::vector<uint32_t> TokensOf(const Session& session) {
  std::vector<uint32_t> tokens;
  for (const TakenToken& taken : session.record()->tokens()) {
    tokens.push_back(taken.token());
  }
  return tokens;
}

std::vector<uint32_t> FirstsOf(const Session& session) {
  std::vector<uint32_t> firsts;
  for (const auto& part : session.record()->parts()) {
    firsts.push_back(part.first);
  }
  return firsts;
}

void SetTopK(uint32_t top_k, Session* session) {
  Params params;
  params.top_k = top_k;
  ASSERT_TRUE(session->Update({}, params, {}).ok());
}

TEST(SessionRecord, IsKeptOnlyWhenAsked) {
  SessionStart start = Recorded();
  start.record = false;
  const Session session = OpenOrDie(start);
  EXPECT_EQ(session.record(), nullptr);
  EXPECT_TRUE(session.CheckFork(1).ok());
}

TEST(SessionRecord, ChangesNoTokenAndReportsNothing) {
  SessionStart start = Recorded();
  Session recorded = OpenOrDie(start);
  start.record = false;
  Session plain = OpenOrDie(start);
  Stepper stepper;
  for (uint32_t position = 2; position < 12; ++position) {
    Entry entry;
    entry.position = position;
    const auto row = RowAt(position);
    const EntryResult result = stepper.Step(entry, row, &recorded);
    EXPECT_EQ(result.outcome.token,
              stepper.Step(entry, row, &plain).outcome.token);
    EXPECT_EQ(result.outcome.row_digest, 0u);
    EXPECT_FALSE(result.report.row_digest);
  }
  EXPECT_EQ(recorded.history_digest(), plain.history_digest());
}

TEST(SessionRecord, TellsHowEachTokenCame) {
  SessionStart start = Recorded();
  start.generated = {5};
  start.report.row_digest = true;
  Session session = OpenOrDie(start);
  Stepper stepper;
  std::vector<uint64_t> digests;
  const auto step = [&](Entry entry, const uint8_t* mask = nullptr) {
    entry.position = session.position();
    const auto logits = RowAt(entry.position);
    Row row = testing::RowOf(logits);
    row.mask = mask;
    row.mask_bytes = mask == nullptr ? 0 : (testing::kVocab + 7) / 8;
    EntryResult result;
    Sampler sampler(*kernels::Find("auto"));
    Workspace workspace;
    session.Step(entry, row, sampler, &workspace, &result);
    digests.push_back(result.outcome.row_digest);
    return result.outcome.token;
  };
  const uint32_t drawn = step({});
  Entry peek;
  peek.mode = EntryMode::kPeek;
  step(peek);
  digests.pop_back();
  Entry given;
  given.mode = EntryMode::kGiven;
  given.given_token = 33;
  step(given);
  ASSERT_TRUE(session.Append({}, {8, 9}).ok());
  Entry again;
  again.attempt = 70000;
  const std::vector<uint8_t> mask((testing::kVocab + 7) / 8, 0x0f);
  const uint32_t masked = step(again, mask.data());
  Draft draft;
  draft.token = 12;
  Entry drafted;
  drafted.draft = draft;
  const uint32_t verified = step(drafted);

  EXPECT_THAT(TokensOf(session),
              ElementsAre(5, drawn, 33, 8, 9, masked, verified));
  const auto& tokens = session.record()->tokens();
  const auto expect = [&](size_t i, TokenOrigin origin, uint32_t attempt,
                          uint32_t inputs, uint64_t digest) {
    EXPECT_EQ(tokens[i].origin(), origin) << i;
    EXPECT_EQ(tokens[i].attempt(), attempt) << i;
    EXPECT_EQ(tokens[i].inputs(), inputs) << i;
    EXPECT_EQ(tokens[i].row_digest(), digest) << i;
  };
  ASSERT_EQ(digests.size(), 4u);
  EXPECT_NE(digests[0], 0u);
  expect(0, TokenOrigin::kAppended, 0, 0, 0);
  expect(1, TokenOrigin::kDrawn, 0, 0, digests[0]);
  expect(2, TokenOrigin::kGiven, 0, 0, digests[1]);
  expect(3, TokenOrigin::kAppended, 0, 0, 0);
  expect(4, TokenOrigin::kAppended, 0, 0, 0);
  expect(5, TokenOrigin::kDrawn, 70000, kMaskInput, digests[2]);
  expect(6, TokenOrigin::kDrawn, 0, kDraftInput, digests[3]);
  const auto& began = session.record()->start();
  EXPECT_THAT(began.prompt, ElementsAre(7, 8));
  EXPECT_EQ(began.prompt_length, 2u);
  EXPECT_EQ(session.record()->parts().size(), 1u);
}

TEST(SessionRecord, TellsGuidanceOfPlansThatUseIt) {
  SessionStart start = Recorded();
  start.params.guidance_scale = 1.5;
  Session session = OpenOrDie(start);
  const auto logits = RowAt(2);
  const auto other = RowAt(99);
  Row row = testing::RowOf(logits);
  row.guidance = other.data();
  Entry entry;
  entry.position = 2;
  EntryResult result;
  Workspace workspace;
  session.Step(entry, row, Sampler(*kernels::Find("auto")), &workspace,
               &result);
  ASSERT_TRUE(result.error.ok()) << result.error;
  EXPECT_EQ(session.record()->tokens().at(0).inputs(), kGuidanceInput);
}

TEST(SessionRecord, DoesNotHoldARetryTwiceNorAnError) {
  Session session = OpenOrDie(Recorded());
  Stepper stepper;
  Entry entry;
  entry.position = 2;
  stepper.Step(entry, RowAt(2), &session);
  EXPECT_EQ(stepper.Step(entry, RowAt(2), &session).status,
            EntryStatus::kReplayed);
  entry.position = 9;
  EXPECT_EQ(stepper.Step(entry, RowAt(2), &session).status,
            EntryStatus::kError);
  EXPECT_EQ(session.record()->tokens().size(), 1u);
}

TEST(SessionRecord, LosesWhatWasTakenBack) {
  Session session = OpenOrDie(Recorded());
  Stepper stepper;
  const auto tokens = stepper.Generate(5, &session);
  EXPECT_FALSE(session.Rewind(1).ok());
  EXPECT_EQ(TokensOf(session), tokens);
  ASSERT_TRUE(session.Rewind(4).ok());
  EXPECT_THAT(TokensOf(session), ElementsAre(tokens[0], tokens[1]));
  ASSERT_TRUE(session.Append({}, {3}).ok());
  EXPECT_THAT(TokensOf(session), ElementsAre(tokens[0], tokens[1], 3));
}

TEST(SessionRecord, LosesARefusedAppend) {
  SessionStart start = Recorded();
  start.params.eos_ids = {7};
  Session session = OpenOrDie(start);
  const auto tokens = Stepper().Generate(2, &session);
  EXPECT_FALSE(session.Append({}, {5, 7, 5}).ok());
  EXPECT_EQ(TokensOf(session), tokens);
}

// Each part with the rules that its tokens were drawn under, also after tokens
// of later parts were taken back.
TEST(SessionRecord, BeginsAPartWithEachUpdateThatTokensFollow) {
  Session session = OpenOrDie(Recorded());
  Stepper stepper;
  const std::string first = session.fingerprint();
  SetTopK(5, &session);
  SetTopK(6, &session);
  const std::string second = session.fingerprint();
  EXPECT_THAT(FirstsOf(session), ElementsAre(0));
  stepper.Generate(3, &session);
  SetTopK(7, &session);
  const std::string third = session.fingerprint();
  stepper.Generate(3, &session);
  SetTopK(8, &session);
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 3, 6));
  const auto& parts = session.record()->parts();
  EXPECT_EQ(parts[0].rules->fingerprint, second);
  EXPECT_EQ(parts[1].rules->fingerprint, third);
  EXPECT_EQ(parts[2].rules->fingerprint, session.fingerprint());
  SetTopK(7, &session);  // as the tokens before: that part goes on
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 3));
  SetTopK(8, &session);
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 3, 6));
  EXPECT_NE(second, first);

  ASSERT_TRUE(session.Rewind(2 + 5).ok());
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 3, 5));
  ASSERT_TRUE(session.Rewind(2 + 3).ok());
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 3));
  EXPECT_EQ(parts[1].rules->fingerprint, session.fingerprint());
  ASSERT_TRUE(session.Rewind(2 + 1).ok());
  EXPECT_THAT(FirstsOf(session), ElementsAre(0, 1));
  ASSERT_TRUE(session.Rewind(2).ok());
  EXPECT_THAT(FirstsOf(session), ElementsAre(0));
  EXPECT_EQ(parts[0].rules->fingerprint, session.fingerprint());
}

TEST(SessionRecord, HoldsSixteenParts) {
  Session session = OpenOrDie(Recorded());
  Stepper stepper;
  for (uint32_t part = 1; part < kRecordPartsMax; ++part) {
    stepper.Next(&session);
    SetTopK(part, &session);
  }
  EXPECT_EQ(FirstsOf(session).size(), kRecordPartsMax);
  SetTopK(50, &session);  // in place of the last
  stepper.Next(&session);
  const std::string fingerprint = session.fingerprint();
  Params params;
  params.top_k = 60;
  EXPECT_THAT(
      session.Update({}, params, {}),
      StatusIs(absl::StatusCode::kResourceExhausted, "receipt: of 16 parts"));
  EXPECT_TRUE(session.CheckFork(0).ok());
  EXPECT_FALSE(session.CheckFork(1).ok());
  SetTopK(50, &session);  // as it is: no part begins
  EXPECT_EQ(session.fingerprint(), fingerprint);
  EXPECT_EQ(FirstsOf(session).size(), kRecordPartsMax);
  ASSERT_TRUE(session.Rewind(session.position() - 2).ok());
  SetTopK(60, &session);
}

TEST(SessionRecord, BeginsNoPartWhereNothingChanges) {
  Session session = OpenOrDie(Recorded());
  Stepper stepper;
  for (int i = 0; i < 40; ++i) {
    stepper.Next(&session);
    SessionReport report;
    report.entropy = i % 2 == 0;
    ASSERT_TRUE(session.Update({}, {}, report).ok());
  }
  EXPECT_THAT(FirstsOf(session), ElementsAre(0));
}

TEST(SessionRecord, OfAForkBeginsAPartWhereItsKeyIsItsOwn) {
  SessionStart start = Recorded();
  start.salt = "salt";
  Session session = OpenOrDie(start);
  Stepper stepper;
  stepper.Generate(2, &session);
  // The same key by another name, which the copy goes by.
  const Session same = session.Fork(0);
  EXPECT_THAT(FirstsOf(same), ElementsAre(0, 2));
  EXPECT_EQ(same.record()->parts()[1].seed, same.seed());
  EXPECT_THAT(FirstsOf(same.Fork(0)), ElementsAre(0, 2));
  Session child = session.Fork(3);
  stepper.Next(&child);
  EXPECT_THAT(FirstsOf(child), ElementsAre(0, 2));
  const auto& parts = child.record()->parts();
  EXPECT_EQ(parts[0].seed, 42u);
  EXPECT_EQ(parts[0].salt, "salt");
  EXPECT_EQ(parts[1].seed, child.seed());
  EXPECT_EQ(parts[1].salt, "");
  EXPECT_EQ(TokensOf(child).size(), 3u);
  EXPECT_EQ(TokensOf(session).size(), 2u);
}

TEST(SessionRecord, ChainsRowsAndTokens) {
  const auto digest_of = [](const std::vector<TakenToken>& tokens) {
    SessionRecord record({}, SessionRecord::Part());
    for (const TakenToken& taken : tokens) record.Take(taken);
    return record.RowChainDigest();
  };
  EXPECT_EQ(digest_of({}), std::string(8, '\0'));
  const TakenToken one(5, TokenOrigin::kDrawn, 0, 0, 77);
  const TakenToken other_row(5, TokenOrigin::kDrawn, 0, 0, 78);
  const TakenToken other_token(6, TokenOrigin::kDrawn, 0, 0, 77);
  EXPECT_EQ(digest_of({one}).size(), 8u);
  EXPECT_NE(digest_of({one}), digest_of({other_row}));
  EXPECT_NE(digest_of({one}), digest_of({other_token}));
  EXPECT_NE(digest_of({one, other_row}), digest_of({other_row, one}));
}

}  // namespace
}  // namespace logitd
