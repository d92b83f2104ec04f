// Row groups: their ends and errors, mode REJECTION, and steps that are wrong.
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/groups_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::FloatBytes;
using testing::IdBytes;
using testing::kVocab;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

// ---- ends and errors inside a group

TEST_F(Groups, StopWhereTheSessionEnds) {
  const std::vector<Token> truth =
      Truth(2, [](v1::SamplingParams* params) { params->set_max_tokens(2); });
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}}, false);
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_THAT(result.status(),
              ::testing::ElementsAre(v1::ENTRY_STATUS_OK, v1::ENTRY_STATUS_OK,
                                     v1::ENTRY_STATUS_SKIPPED));
  EXPECT_EQ(result.finish_reason(1), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_EQ(result.group(0).token_count(), 2u);
}

// The group again: the head is the last result, and the rest goes on from it.
TEST_F(Groups, OfOneTokenAreAnsweredAgain) {
  const std::vector<Token> truth = Truth(1);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id + 1}}, false);
  stream_.Call(builder.request());
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(result.status(1), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(result.token(0), truth[0].id);
  EXPECT_EQ(result.group(0).token_count(), 1u);
}

// Phases switch inside a group as they do between steps.
TEST_F(Groups, SwitchPhases) {
  const auto open = [&](uint64_t id, uint32_t trigger) {
    v1::SampleRequest request;
    v1::OpenSession* wire = AddOpen(id, kVocab, &request);
    v1::Phase* phase = wire->add_phases();
    phase->set_name("greedy");
    phase->add_enter()->set_tokens(IdBytes({trigger}));
    phase->mutable_default_params()->set_temperature(0);
    EXPECT_FALSE(stream_.Call(request).opened(0).has_error());
  };
  Open(9);
  const uint32_t first = [&] {
    StepBuilder builder(9, false);
    builder.AddRow(0, 0);
    return stream_.Call(builder.request()).step().token(0);
  }();
  open(kPlain, first);
  const std::vector<Token> truth = Generate(3, false);
  EXPECT_EQ(truth[1].kept, 1u);
  open(kDrafted, first);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}}, false);
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_THAT(result.phase(), ::testing::ElementsAre(0, 1, 1));
}

// What is wrong with an entry tells when it is reached.
TEST_F(Groups, DoNotLookAtWhatIsNotReached) {
  Open(kPlain);
  const std::vector<Token> truth = Generate(1, false);
  for (const bool is_reached : {false, true}) {
    Open(is_reached ? 8 : 7);
    StepBuilder builder(is_reached ? 8 : 7, false);
    builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id + (is_reached ? 0 : 1)}},
                     false);
    v1::Step* step = builder.request().mutable_step();
    step->add_row(0);
    step->add_row(99);
    const v1::StepResult result = stream_.Call(builder.request()).step();
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
    EXPECT_EQ(result.status(1),
              is_reached ? v1::ENTRY_STATUS_ERROR : v1::ENTRY_STATUS_SKIPPED);
  }
}

TEST_F(Groups, AreSkippedBehindARowThatFails) {
  const std::vector<Token> truth = Truth(3);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(
      0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}, {2, truth[2].id}},
      false);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::string& rows =
      *builder.request().mutable_step()->mutable_logits()->mutable_inline_();
  rows.replace(size_t{4} * kVocab, 4, FloatBytes({nan}));
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_THAT(result.status(),
              ::testing::ElementsAre(
                  v1::ENTRY_STATUS_OK, v1::ENTRY_STATUS_ERROR,
                  v1::ENTRY_STATUS_SKIPPED, v1::ENTRY_STATUS_SKIPPED));
  // What is left goes on where it stopped.
  StepBuilder rest(kDrafted, false);
  rest.AddGroup(1, truth[0].id, {{0, 0}, {0, truth[1].id}, {1, truth[2].id}},
                false);
  EXPECT_EQ(stream_.Call(rest.request()).step().group(0).accepted(), 2u);
}

// Groups of several sessions, and single entries among them.
TEST_F(Groups, OfManySessionsDoNotDisturbEachOther) {
  Open(kPlain);
  const std::vector<Token> truth = Generate(3, false);
  v1::SampleRequest request;
  for (uint64_t id = 10; id < 14; ++id) {
    Open(id);
    StepBuilder builder(id, false);
    const uint32_t first = id == 12 ? truth[0].id + 1 : truth[0].id;
    if (id == 11) {
      builder.AddGroup(0, 0, {{0, 0}}, false);
    } else {
      builder.AddGroup(0, 0, {{0, 0}, {0, first}, {1, truth[1].id}}, false);
    }
    const v1::Step& part = builder.request().step();
    if (id == 10) {
      request = builder.request();
      continue;
    }
    v1::Step& step = *request.mutable_step();
    step.mutable_logits()->mutable_inline_()->append(part.logits().inline_());
    step.set_row_count(step.row_count() + part.row_count());
    step.MergeFrom([&] {
      v1::Step arrays = part;
      arrays.clear_logits();
      arrays.clear_row_count();
      return arrays;
    }());
  }
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.group_size(), 4);
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_EQ(result.group(1).accepted(), 0u);
  EXPECT_EQ(result.group(2).accepted(), 0u);
  EXPECT_EQ(result.group(3).accepted(), 2u);
  EXPECT_EQ(result.group(3).first_entry(), 7u);
  EXPECT_EQ(result.token(7), truth[0].id);
}

// ---- REJECTION

class GroupsReject : public Groups {
 protected:
  GroupsReject() {
    AddOpen(kDrafted, kVocab, &request_);
    for (uint32_t i = 0; i < 3; ++i) {
      testing::AddEntry(kDrafted, i, RowBehind(i, 5), &request_);
      step()->add_draft_token(5 + i);
    }
    step()->add_group_size(3);
    step()->add_verify_mode(v1::VERIFY_MODE_REJECTION);
  }
  v1::Step* step() { return request_.mutable_step(); }
  absl::Status Error() { return StatusOf(stream_.Call(request_).error()); }

  // The same by the session itself.
  static std::vector<uint32_t> Verified(std::vector<Draft> drafts) {
    Session session = testing::OpenOrDie(testing::StartOf({}));
    testing::Stepper stepper;
    std::vector<uint32_t> tokens;
    for (size_t i = 0; i <= drafts.size(); ++i) {
      Entry entry;
      entry.position = static_cast<uint32_t>(i);
      if (i < drafts.size()) entry.draft = drafts[i];
      tokens.push_back(
          stepper.Step(entry, RowBehind(entry.position, 5), &session)
              .outcome.token);
      if (i < drafts.size() && tokens.back() != drafts[i].token) break;
    }
    return tokens;
  }

  std::vector<uint32_t> Tokens() {
    const v1::SampleResponse reply = stream_.Call(request_);
    EXPECT_FALSE(reply.has_error()) << reply.error().message();
    std::vector<uint32_t> tokens;
    for (int i = 0; i < reply.step().token_size(); ++i) {
      if (reply.step().status(i) == v1::ENTRY_STATUS_OK) {
        tokens.push_back(reply.step().token(i));
      }
    }
    EXPECT_EQ(reply.step().group(0).accepted(), tokens.size() - 1);
    EXPECT_EQ(reply.step().group(0).mode(), v1::VERIFY_MODE_REJECTION);
    return tokens;
  }
};

TEST_F(GroupsReject, TakesOneHotDrafts) {
  EXPECT_EQ(Tokens(), Verified({{6}, {7}}));
}

TEST_F(GroupsReject, TakesRowsOfProbabilities) {
  // The first is taken whatever chance says, the second hardly ever.
  std::vector<float> q(2 * kVocab, 1e-5f);
  q[6] = 1e-20f;
  q[kVocab + 7] = 1;
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes(q));
  const std::vector<uint32_t> tokens = Tokens();
  EXPECT_EQ(tokens, Verified({{6, q.data(), nullptr, kVocab},
                              {7, q.data() + kVocab, nullptr, kVocab}}));
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_NE(tokens[1], 7u);
}

TEST_F(GroupsReject, StandsBesideATreeOfAnotherSession) {
  AddOpen(3, kVocab, &request_);
  for (const uint32_t position : {0u, 1u, 1u}) {
    testing::AddEntry(3, position, RowBehind(position, 5), &request_);
    step()->add_draft_token(position +
                            static_cast<uint32_t>(step()->draft_token_size()));
  }
  step()->add_group_size(3);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  for (const uint32_t parent : {0u, 0u, 1u, 0u, 0u, 0u}) {
    step()->add_parents(parent);
  }
  const v1::SampleResponse reply = stream_.Call(request_);
  EXPECT_FALSE(reply.has_error()) << reply.error().message();
  EXPECT_EQ(reply.step().group_size(), 2);
}

// An engine sends its empty arrays too.
TEST_F(GroupsReject, TakesNothingForNoDrafts) {
  step()->Clear();
  testing::AddEntry(kDrafted, 0, RowBehind(0, 5), &request_);
  step()->add_draft_token(0);
  step()->add_group_size(1);
  step()->add_verify_mode(v1::VERIFY_MODE_REJECTION);
  step()->mutable_draft_probabilities()->set_inline_("");
  step()->mutable_draft_ids()->set_inline_("");
  step()->add_draft_offset(0);
  EXPECT_EQ(Tokens().size(), 1u);
}

TEST_F(GroupsReject, TakesLists) {
  const std::vector<float> q = {.25f, 1e-4f, 1e-4f};
  const std::vector<uint32_t> ids = {2, 6, 7};
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes(q));
  step()->mutable_draft_ids()->set_inline_(IdBytes(ids));
  for (const uint64_t offset : {0u, 2u, 3u}) step()->add_draft_offset(offset);
  EXPECT_EQ(Tokens(), Verified({{6, q.data(), ids.data(), 2},
                                {7, q.data() + 2, ids.data() + 2, 1}}));
}

TEST_F(GroupsReject, RefusesMirostatForTheEntryAlone) {
  request_.mutable_open(0)->mutable_params()->set_mirostat(2);
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_ERROR);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kInvalidArgument,
                       "step.verify_mode: REJECTION cannot be used with "
                       "mirostat; MATCH can"));
}

TEST_F(GroupsReject, NamesWhatIsWrongWithProbabilities) {
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes({1, 2}));
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_probabilities: 8 bytes for 2 "
                                "drafts, which take 2400"));
  step()->mutable_draft_ids()->set_inline_(IdBytes({6, 7}));
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_offset: 0 elements for 2 drafts of "
                                "mode REJECTION, which take 3"));
  for (const uint64_t offset : {0u, 3u, 2u}) step()->add_draft_offset(offset);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_offset: must rise from 0 to the 2 "
                                "ids of draft_ids"));
  step()->set_verify_mode(0, v1::VERIFY_MODE_MATCH);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_probabilities: set, but no group "
                                "has drafts of mode REJECTION"));
}

TEST_F(GroupsReject, IsForChains) {
  for (const uint32_t parent : {0u, 0u, 0u}) step()->add_parents(parent);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.parents: entry 2 has 0; groups of mode "
                                "REJECTION are chains"));
}

// ---- a step that is wrong in itself

class WrongGroups : public Groups {
 protected:
  WrongGroups() {
    AddOpen(1, kVocab, &request_);
    AddOpen(2, kVocab, &request_);
    for (uint32_t i = 0; i < 3; ++i) {
      testing::AddEntry(1, i, RowBehind(i, 5), &request_);
      step()->add_draft_token(5 + i);
    }
    step()->add_group_size(3);
  }
  v1::Step* step() { return request_.mutable_step(); }
  // The error of the step, whose sessions are then where they were.
  void ExpectError(const std::string& message) {
    const v1::SampleResponse reply = stream_.Call(request_);
    EXPECT_THAT(StatusOf(reply.error()),
                StatusIs(Code::kInvalidArgument, message));
    EXPECT_FALSE(reply.has_step());
  }
};

TEST_F(WrongGroups, NameSizes) {
  step()->set_group_size(0, 4);
  ExpectError(
      "step.group_size: 4 at index 0 is outside [1, 3], what is left of 3 "
      "entries");
  step()->set_group_size(0, 0);
  ExpectError(
      "step.group_size: 0 at index 0 is outside [1, 3], what is left of 3 "
      "entries");
  step()->set_group_size(0, 2);
  ExpectError("step.group_size: the groups have 2 of 3 entries");
  step()->set_group_size(0, 3);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  ExpectError("step.verify_mode: 2 elements for 1 groups");
  step()->mutable_verify_mode()->Truncate(1);
  step()->set_verify_mode(0, static_cast<v1::VerifyMode>(7));
  ExpectError("step.verify_mode: 7 is not a value of VerifyMode");
}

TEST_F(WrongGroups, NameMembers) {
  step()->set_session_id(2, 2);
  ExpectError("step.session_id: entry 2 has 2; its group is of 1");
  step()->set_session_id(2, 1);
  step()->set_position(2, 3);
  ExpectError("step.position: entry 2 has 3; behind its parent is 2");
  step()->set_position(2, 2);
  for (int i = 0; i < 3; ++i) step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  step()->set_mode(1, v1::ENTRY_MODE_PEEK);
  ExpectError("step.mode: entry 1 has 3; in a group it must be SAMPLE");
  step()->clear_mode();
  step()->mutable_draft_token()->Truncate(2);
  ExpectError("step.draft_token: 2 elements for 3 entries");
}

TEST_F(WrongGroups, NameParents) {
  for (const uint32_t parent : {0u, 0u, 2u}) step()->add_parents(parent);
  ExpectError(
      "step.parents: entry 2 has 2, outside [0, 2): a parent stands before it "
      "in its group");
  step()->set_parents(2, 0);
  step()->set_position(2, 1);
  step()->set_draft_token(2, 6);
  ExpectError("step.draft_token: entry 0 leads to two others by 6");
}

TEST_F(WrongGroups, AreNoGroupsWithoutSizes) {
  step()->clear_group_size();
  ExpectError("step.draft_token: set without group_size");
  step()->clear_draft_token();
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  ExpectError("step.verify_mode: set without group_size");
  step()->clear_verify_mode();
  for (const uint32_t parent : {0u, 0u, 1u}) step()->add_parents(parent);
  ExpectError("step.parents: set without group_size");
  step()->clear_parents();
  step()->mutable_draft_probabilities()->set_inline_("1234");
  ExpectError("step.draft_probabilities: set without group_size");
}

TEST_F(Groups, AreCountedByTheMetrics) {
  const auto count = [](const char* verdict) {
    return server_->Metric(
        absl::StrCat("logitd_drafts_total{verdict=\"", verdict, "\"}"));
  };
  const double accepted = count("accepted"), rejected = count("rejected");
  const std::vector<Token> truth = Truth(3);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(
      0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id + 1}, {2, 7}}, false);
  stream_.Call(builder.request());
  EXPECT_EQ(count("accepted"), accepted + 1);
  EXPECT_EQ(count("rejected"), rejected + 1);
}

}  // namespace
}  // namespace logitd
