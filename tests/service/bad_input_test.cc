// What a client may get wrong, a test each. After each the session that was hit
// takes a good row, and the sessions beside it go on as if nothing had been.
// One that cancels in the middle of a step: load_test.cc.
#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::kMinusInfinity;
using testing::kVocab;
using testing::OpenSession;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

constexpr uint64_t kHit = 1;
constexpr uint64_t kBeside = 2;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class BadInput : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new TestServer(
        [](Config* config) { config->limits.max_step_bytes = 1 << 20; });
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  void SetUp() override {
    OpenSession(kHit, &stream_);
    OpenSession(kBeside, &stream_);
  }

  // Both sessions take a good row each and answer as a session that nothing
  // happened to.
  void ExpectBothGoOn() {
    for (const uint64_t id : {kHit, kBeside}) {
      const v1::StepResult result = testing::Step(id, 0, &stream_);
      ASSERT_EQ(result.status_size(), 1);
      EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
      EXPECT_EQ(result.token(0), FirstToken());
    }
  }

  static uint32_t FirstToken() {
    Session session = testing::OpenOrDie(testing::StartOf({}));
    return testing::Stepper().Next(&session);
  }

  // A step of both sessions, the first with a row that is bad.
  v1::SampleRequest StepWith(const std::vector<float>& bad) {
    v1::SampleRequest request;
    AddEntry(kHit, 0, bad, &request);
    return request;
  }

  // The row of kHit fails alone with this error; a good row in the same step is
  // answered.
  void ExpectRowFails(v1::SampleRequest request, Code code,
                      const std::string& piece) {
    const auto bad_entries = request.step().session_id_size();
    const v1::SampleResponse reply = stream_.Call(std::move(request));
    ASSERT_FALSE(reply.has_error()) << reply.error().message();
    const v1::StepResult& result = reply.step();
    ASSERT_EQ(result.status_size(), bad_entries);
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_ERROR);
    EXPECT_EQ(result.token(0), kNoToken);
    EXPECT_TRUE(std::isnan(result.final_logprob(0)));
    ASSERT_EQ(result.error_index(0), 0u);
    EXPECT_THAT(StatusOf(result.errors(0)), StatusIs(code, piece));
    EXPECT_EQ(result.errors(0).details_size(), 1);
  }

  void ExpectStepFails(v1::SampleRequest request, Code code,
                       const std::string& piece) {
    const v1::SampleResponse reply = stream_.Call(std::move(request));
    EXPECT_FALSE(reply.has_step());
    EXPECT_THAT(StatusOf(reply.error()), StatusIs(code, piece));
  }

  static TestServer* server_;
  TestStream stream_{*server_};
};

TestServer* BadInput::server_ = nullptr;

TEST_F(BadInput, NaNIsNamedByItsIndex) {
  std::vector<float> row = RowAt(0);
  row[123] = kNaN;
  ExpectRowFails(StepWith(row), Code::kInvalidArgument,
                 "step.logits: NaN or +inf at index 123");
  ExpectBothGoOn();
}

TEST_F(BadInput, PositiveInfinityIsNamedByItsIndex) {
  std::vector<float> row = RowAt(0);
  row[299] = kInfinity;
  ExpectRowFails(StepWith(row), Code::kInvalidArgument, "index 299");
  ExpectBothGoOn();
}

TEST_F(BadInput, OneBadRowDoesNotDisturbAGoodOneOfTheSameStep) {
  std::vector<float> row = RowAt(0);
  row[5] = kNaN;
  v1::SampleRequest request = StepWith(row);
  AddEntry(kBeside, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.status_size(), 2);
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_ERROR);
  EXPECT_EQ(result.status(1), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(result.token(1), FirstToken());
  EXPECT_EQ(result.error_index(1), kNoToken);
  EXPECT_EQ(testing::Step(kHit, 0, &stream_).token(0), FirstToken());
}

TEST_F(BadInput, ARowOfNothingButMinusInfinity) {
  ExpectRowFails(StepWith(std::vector<float>(kVocab, kMinusInfinity)),
                 Code::kFailedPrecondition,
                 "step.logits: nothing is left to choose from");
  ExpectBothGoOn();
}

TEST_F(BadInput, AnAllZeroBitmask) {
  v1::SampleRequest request = StepWith(RowAt(0));
  v1::Step* step = request.mutable_step();
  step->mutable_mask_table()->set_inline_(std::string(40, '\0'));
  step->set_mask_words(10);
  step->add_mask_index(0);
  ExpectRowFails(request, Code::kFailedPrecondition, "hard bans: mask");
  ExpectBothGoOn();
}

TEST_F(BadInput, AnOverlongBitmask) {
  v1::SampleRequest request = StepWith(RowAt(0));
  v1::Step* step = request.mutable_step();
  step->mutable_mask_table()->set_inline_(std::string(44, '\xff'));
  step->set_mask_words(11);
  step->add_mask_index(0);
  ExpectStepFails(request, Code::kInvalidArgument,
                  "step.mask_words: 11 is outside [1, 10]");
  ExpectBothGoOn();
}

TEST_F(BadInput, AMaskTableThatIsNotWholeMasks) {
  v1::SampleRequest request = StepWith(RowAt(0));
  v1::Step* step = request.mutable_step();
  step->mutable_mask_table()->set_inline_(std::string(41, '\xff'));
  step->set_mask_words(10);
  step->add_mask_index(0);
  ExpectStepFails(request, Code::kInvalidArgument,
                  "step.mask_table: 41 bytes are not a multiple of the 40");
  ExpectBothGoOn();
}

TEST_F(BadInput, AMaskTableThatNoEntryUses) {
  v1::SampleRequest request = StepWith(RowAt(0));
  v1::Step* step = request.mutable_step();
  step->mutable_mask_table()->set_inline_(std::string(40, '\xff'));
  step->set_mask_words(10);
  ExpectStepFails(request, Code::kInvalidArgument,
                  "step.mask_index: required with mask_table");
  step->clear_mask_table();
  ExpectStepFails(request, Code::kInvalidArgument,
                  "step.mask_words: set without mask_table");
  ExpectBothGoOn();
}

TEST_F(BadInput, AGivenTokenThatNoEntryTakes) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->add_given_token(3);
  ExpectStepFails(request, Code::kInvalidArgument,
                  "step.given_token: must be empty");
  ExpectBothGoOn();
}

TEST_F(BadInput, AMaskIndexOutsideTheTable) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->add_mask_index(0);
  ExpectRowFails(request, Code::kInvalidArgument,
                 "step.mask_index: 0 is outside [0, 0)");
  ExpectBothGoOn();
}

TEST_F(BadInput, ATensorOfTheWrongLength) {
  for (const int bytes : {-4, -1, 1, 4, 400}) {
    v1::SampleRequest request = StepWith(RowAt(0));
    std::string* logits =
        request.mutable_step()->mutable_logits()->mutable_inline_();
    logits->resize(logits->size() + static_cast<size_t>(bytes));
    ExpectStepFails(request, Code::kInvalidArgument, "are 1200");
  }
  ExpectBothGoOn();
}

TEST_F(BadInput, ARowShorterThanTheVocabulary) {
  ExpectRowFails(StepWith(std::vector<float>(kVocab - 1, 0.0f)),
                 Code::kInvalidArgument,
                 "a row of 299 is shorter than vocab_size 300");
  ExpectBothGoOn();
}

TEST_F(BadInput, TokenBytesThatAreNotAMultipleOfFour) {
  v1::SampleRequest request;
  AddOpen(7, kVocab, &request)->set_prompt("12345");
  AddOpen(8, kVocab, &request)->mutable_params()->set_banned_ids("123");
  AddOpen(9, kVocab, &request)
      ->mutable_params()
      ->add_stop_sequences()
      ->set_tokens("1");
  v1::AppendTokens* append = request.add_append();
  append->set_session_id(kHit);
  append->set_tokens("1234567");
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].prompt: 5 bytes are not a multiple of 4"));
  EXPECT_THAT(StatusOf(reply.opened(1).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[1].params.banned_ids: 3 bytes are not"));
  EXPECT_THAT(StatusOf(reply.opened(2).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[2].params.stop_sequences[0].tokens: 1 bytes"));
  EXPECT_THAT(StatusOf(reply.appended(0).error()),
              StatusIs(Code::kInvalidArgument, "append[0].tokens: 7 bytes"));
  ExpectBothGoOn();
}

TEST_F(BadInput, AnUnknownDtype) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->set_dtype(v1::DTYPE_UNSPECIFIED);
  ExpectStepFails(request, Code::kInvalidArgument, "step.dtype: required");
  request.mutable_step()->set_dtype(static_cast<v1::Dtype>(9));
  ExpectStepFails(request, Code::kInvalidArgument, "step.dtype: 9 is not");
  ExpectBothGoOn();
}

TEST_F(BadInput, ADtypeThatDoesNotFitTheBytes) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->set_dtype(v1::DTYPE_BFLOAT16);
  ExpectStepFails(request, Code::kInvalidArgument, "1200 bytes; 1 rows of 300");
  request.mutable_step()->set_dtype(v1::DTYPE_FLOAT16);
  ExpectStepFails(request, Code::kInvalidArgument, "1200 bytes; 1 rows of 300");
  ExpectBothGoOn();
}

TEST_F(BadInput, AHistoryIdOutsideTheVocabulary) {
  v1::SampleRequest request;
  AddOpen(7, kVocab, &request)->set_prompt(testing::IdBytes({0, kVocab}));
  AddOpen(8, kVocab, &request)
      ->set_generated(testing::IdBytes({0, 1, 0xFFFFFFFF}));
  v1::AppendTokens* append = request.add_append();
  append->set_session_id(kHit);
  append->set_tokens(testing::IdBytes({kVocab}));
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].prompt: id 300 at index 1 is outside"));
  EXPECT_THAT(StatusOf(reply.opened(1).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[1].generated: id 4294967295 at index 2"));
  EXPECT_THAT(StatusOf(reply.appended(0).error()),
              StatusIs(Code::kInvalidArgument, "append[0].tokens: id 300"));
  ExpectBothGoOn();
}

TEST_F(BadInput, AWrongPosition) {
  v1::SampleRequest request;
  AddEntry(kHit, 3, RowAt(0), &request);
  ExpectRowFails(request, Code::kFailedPrecondition,
                 "step.position: 3 is not the session's; expected 0");
  ExpectBothGoOn();
}

TEST_F(BadInput, AReplayIsAnsweredAgainAndItsRowIsNotRead) {
  ExpectBothGoOn();
  v1::SampleRequest request;
  AddEntry(kHit, 0, std::vector<float>(kVocab, kNaN), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.status_size(), 1);
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(result.token(0), FirstToken());
  EXPECT_EQ(testing::Step(kHit, 1, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(BadInput, AnUnknownSession) {
  v1::SampleRequest request;
  AddEntry(99, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.errors_size(), 1);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kNotFound, "step.session_id: 99 is not open"));
  v1::SampleRequest lists;
  lists.add_close()->set_session_id(99);
  lists.add_update()->set_session_id(99);
  lists.add_rewind()->set_session_id(99);
  lists.add_fork()->set_parent_session_id(99);
  lists.add_append()->set_session_id(99);
  const v1::SampleResponse reply = stream_.Call(lists);
  const auto expect = [](const google::rpc::Status& status,
                         const std::string& piece) {
    EXPECT_THAT(StatusOf(status), StatusIs(Code::kNotFound, piece));
  };
  expect(reply.closed(0).error(), "close[0].session_id: 99 is not open");
  expect(reply.updated(0).error(), "update[0].session_id: 99");
  expect(reply.rewound(0).error(), "rewind[0].session_id: 99");
  expect(reply.forked(0).error(), "fork[0].parent_session_id: 99");
  expect(reply.appended(0).error(), "append[0].session_id: 99");
  ExpectBothGoOn();
}

TEST_F(BadInput, ADoubleOpen) {
  v1::SampleRequest request;
  AddOpen(kHit, kVocab, &request);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kFailedPrecondition,
                       "open[0].session_id: 1 is open on this stream"));
  ExpectBothGoOn();
}

TEST_F(BadInput, AnUnknownFieldInsideParameters) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(7, kVocab, &request)->mutable_params();
  params->GetReflection()->MutableUnknownFields(params)->AddVarint(777, 1);
  v1::TokenSequence* sequence =
      AddOpen(8, kVocab, &request)->mutable_params()->add_stop_sequences();
  sequence->set_tokens(testing::IdBytes({1}));
  sequence->GetReflection()->MutableUnknownFields(sequence)->AddFixed32(9, 1);
  v1::UpdateSession* update = request.add_update();
  update->set_session_id(kHit);
  params = update->mutable_set();
  params->GetReflection()->MutableUnknownFields(params)->AddVarint(500, 1);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kInvalidArgument, "open[0].params.777: "));
  EXPECT_THAT(
      StatusOf(reply.opened(1).error()),
      StatusIs(Code::kInvalidArgument, "open[1].params.stop_sequences[0].9: "));
  EXPECT_THAT(StatusOf(reply.updated(0).error()),
              StatusIs(Code::kInvalidArgument, "update[0].set.500: "));
  ExpectBothGoOn();
}

TEST_F(BadInput, AnUnknownEnumValue) {
  v1::SampleRequest request = StepWith(RowAt(0));
  AddOpen(7, kVocab, &request)
      ->mutable_params()
      ->set_on_empty(static_cast<v1::OnEmpty>(17));
  request.mutable_step()->add_mode(static_cast<v1::EntryMode>(8));
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].params.on_empty: 17 is not a value"));
  ASSERT_EQ(reply.step().errors_size(), 1);
  EXPECT_THAT(StatusOf(reply.step().errors(0)),
              StatusIs(Code::kInvalidArgument, "step.mode: 8 is not a value"));
  ExpectBothGoOn();
}

TEST_F(BadInput, AStepOverMaxStepBytesIsRefusedAndItsIdEchoed) {
  v1::SampleRequest request;
  request.set_request_id(0xABCDEF0123456789u);
  AddOpen(7, kVocab, &request);
  AddEntry(kHit, 0, std::vector<float>(300'000, 0.0f), &request);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_EQ(reply.request_id(), 0xABCDEF0123456789u);
  EXPECT_THAT(StatusOf(reply.error()),
              StatusIs(Code::kResourceExhausted,
                       "bytes are more than --max_step_bytes 1048576"));
  EXPECT_EQ(reply.opened_size(), 0);  // nothing of it was done
  ExpectBothGoOn();
}

TEST_F(BadInput, ParallelArraysOfOtherLengths) {
  const auto check = [&](auto change, const std::string& piece) {
    v1::SampleRequest request = StepWith(RowAt(0));
    change(request.mutable_step());
    ExpectStepFails(request, Code::kInvalidArgument, piece);
  };
  using Step = v1::Step;
  check([](Step* s) { s->clear_position(); }, "step.position: 0 elements");
  check([](Step* s) { s->add_position(1); }, "step.position: 2 elements");
  check([](Step* s) { s->mutable_row()->Resize(2, 0); }, "step.row: 2");
  check([](Step* s) { s->mutable_attempt()->Resize(3, 0); }, "step.attempt: 3");
  check([](Step* s) { s->mutable_mask_index()->Resize(2, 0); },
        "step.mask_index: 2");
  check([](Step* s) { s->mutable_mode()->Resize(2, 1); }, "step.mode: 2");
  check([](Step* s) { s->add_mode(v1::ENTRY_MODE_GIVEN); },
        "step.given_token: 0 elements for 1 entries");
  check([](Step* s) { s->set_row_width(0); }, "step.row_width: 0 is outside");
  check([](Step* s) { s->set_row_count(0); }, "step.row_count: 0 is outside");
  check([](Step* s) { s->clear_logits(); }, "step.logits: required");
  ExpectBothGoOn();
}

TEST_F(BadInput, ARowOutsideTheTensor) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->add_row(1);
  ExpectRowFails(request, Code::kInvalidArgument,
                 "step.row: 1 is outside [0, 1)");
  ExpectBothGoOn();
}

TEST_F(BadInput, AnAttemptOfMoreThan24Bits) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->add_attempt(1u << 24);
  ExpectRowFails(request, Code::kInvalidArgument,
                 "step.attempt: 16777216 is outside [0, 16777215]");
  ExpectBothGoOn();
}

TEST_F(BadInput, AGivenTokenOutsideTheVocabulary) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
  request.mutable_step()->add_given_token(kVocab);
  ExpectRowFails(request, Code::kInvalidArgument,
                 "step.given_token: 300 is outside [0, 300)");
  ExpectBothGoOn();
}

TEST_F(BadInput, APlaceThatIsNotBuilt) {
  v1::SampleRequest request = StepWith(RowAt(0));
  request.mutable_step()->mutable_logits()->mutable_region();
  ExpectStepFails(request, Code::kUnimplemented, "step.logits.region: not");
  request.mutable_step()->mutable_logits()->mutable_segments();
  ExpectStepFails(request, Code::kUnimplemented, "step.logits.segments: not");
  request.mutable_step()->mutable_logits()->mutable_candidates();
  ExpectStepFails(request, Code::kUnimplemented, "step.logits.candidates:");
  ExpectBothGoOn();
}

TEST_F(BadInput, BytesThatAreNoRequestEndTheStream) {
  TestStream other(*server_);
  v1::SampleRequest request;
  // Inside `open` a tag of wire type 7, which does not exist.
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(
      v1::SampleRequest::kOpenFieldNumber, "\x0f\x0f");
  ASSERT_TRUE(other.Write(request));
  const grpc::Status status = other.Finish();
  EXPECT_THAT(StatusOf(status),
              StatusIs(Code::kInvalidArgument, "request: the bytes are not"));
  ExpectBothGoOn();
}

}  // namespace
}  // namespace logitd
