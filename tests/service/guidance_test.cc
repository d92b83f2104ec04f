// Guidance by the second row of an entry, on the stream and in one call.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::FloatBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

constexpr uint32_t kNoRow = 0xFFFFFFFF;

// What a session of seed 42 draws at its start, by the sampler itself.
uint32_t Drawn(double scale, const std::vector<float>& row,
               const std::vector<float>& guidance) {
  Params params;
  params.guidance_scale = scale;
  Session session = testing::OpenOrDie(testing::StartOf(params));
  Row both = testing::RowOf(row);
  if (scale != 1) both.guidance = guidance.data();
  EntryResult result;
  Workspace workspace;
  session.Step({}, both, Sampler(*kernels::Find("auto")), &workspace, &result);
  EXPECT_TRUE(result.error.ok()) << result.error;
  return result.outcome.token;
}

class Guidance : public StreamTest {
 protected:
  // Sessions 1 and 2, the second with guidance, at their first step; rows 0, 1.
  Guidance() {
    AddOpen(1, kVocab, &request_);
    AddOpen(2, kVocab, &request_)->mutable_params()->set_guidance_scale(3);
    AddEntry(1, 0, RowAt(0), &request_);
    AddEntry(2, 0, RowAt(1), &request_);
  }

  v1::Step* step() { return request_.mutable_step(); }
  absl::Status ErrorOf(const v1::StepResult& result, int entry) {
    EXPECT_EQ(result.status(entry), v1::ENTRY_STATUS_ERROR);
    if (result.status(entry) != v1::ENTRY_STATUS_ERROR) return {};
    return StatusOf(result.errors(static_cast<int>(result.error_index(entry))));
  }

  v1::SampleRequest request_;
};

TEST_F(Guidance, TakesTheSecondRowOfEachEntry) {
  step()->add_guidance_row(kNoRow);
  step()->add_guidance_row(0);
  const v1::StepResult result = stream_.Call(request_).step();
  ASSERT_EQ(result.token_size(), 2);
  EXPECT_EQ(result.token(0), Drawn(1, RowAt(0), {}));
  EXPECT_EQ(result.token(1), Drawn(3, RowAt(1), RowAt(0)));
}

TEST_F(Guidance, ARowThatGuidesItselfGivesTheDistributionItHas) {
  step()->add_guidance_row(kNoRow);
  step()->add_guidance_row(1);
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_EQ(result.token(1), Drawn(1, RowAt(1), {}));
}

TEST_F(Guidance, WithoutItsRowTheEntryAloneFailsAndCanBeSentAgain) {
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
  EXPECT_THAT(ErrorOf(result, 1),
              StatusIs(Code::kInvalidArgument,
                       "guidance_row: required, guidance_scale is on"));
  v1::SampleRequest again;
  AddEntry(2, 0, RowAt(1), &again);
  AddEntry(1, 1, RowAt(0), &again);
  again.mutable_step()->add_guidance_row(1);
  again.mutable_step()->add_guidance_row(kNoRow);
  const v1::StepResult second = stream_.Call(again).step();
  EXPECT_EQ(second.token(0), Drawn(3, RowAt(1), RowAt(0)));
}

TEST_F(Guidance, ARowForASessionWithoutItIsRefused) {
  step()->add_guidance_row(1);
  step()->add_guidance_row(0);
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_THAT(ErrorOf(result, 0),
              StatusIs(Code::kInvalidArgument,
                       "guidance_row: given, but guidance_scale is off"));
  EXPECT_EQ(result.status(1), v1::ENTRY_STATUS_OK);
}

TEST_F(Guidance, NamesRowAndIndexOfWhatIsNotFinite) {
  std::vector<float> bad = RowAt(1);
  bad[31] = std::numeric_limits<float>::infinity();
  request_.clear_step();
  AddEntry(1, 0, bad, &request_);
  AddEntry(2, 0, RowAt(1), &request_);
  step()->add_guidance_row(kNoRow);
  step()->add_guidance_row(0);
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_THAT(ErrorOf(result, 0), StatusIs(Code::kInvalidArgument,
                                           "logits: NaN or +inf at index 31"));
  EXPECT_THAT(ErrorOf(result, 1),
              StatusIs(Code::kInvalidArgument,
                       "guidance_row: NaN or +inf at index 31"));
}

TEST_F(Guidance, AWrongIndexIsTheEntrysAndAWrongLengthTheSteps) {
  step()->add_guidance_row(kNoRow);
  step()->add_guidance_row(2);
  EXPECT_THAT(ErrorOf(stream_.Call(request_).step(), 1),
              StatusIs(Code::kInvalidArgument,
                       "step.guidance_row: 2 is outside [0, 2)"));
  v1::SampleRequest shorter;
  AddEntry(1, 1, RowAt(0), &shorter);
  AddEntry(2, 0, RowAt(0), &shorter);
  shorter.mutable_step()->add_guidance_row(0);
  EXPECT_THAT(StatusOf(stream_.Call(shorter).error()),
              StatusIs(Code::kInvalidArgument,
                       "step.guidance_row: 1 elements for 2 entries"));
}

// An engine sends both rows whatever phase the next token is drawn in.
TEST_F(Guidance, IsThatOfThePhaseInForce) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(3, kVocab, &request);
  v1::Phase* phase = open->add_phases();
  phase->set_name("guided");
  phase->add_enter()->set_tokens(testing::IdBytes({7}));
  phase->mutable_default_params()->set_guidance_scale(3);
  AddEntry(3, 0, RowAt(0), &request);
  v1::Step* both = request.mutable_step();
  both->add_guidance_row(0);
  both->add_mode(v1::ENTRY_MODE_GIVEN);
  both->add_given_token(7);
  const v1::StepResult base = stream_.Call(request).step();
  ASSERT_EQ(base.status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(base.drawn_token(0), Drawn(1, RowAt(0), {}));
  v1::SampleRequest lacking;
  AddEntry(3, 1, RowAt(1), &lacking);
  EXPECT_THAT(ErrorOf(stream_.Call(lacking).step(), 0),
              StatusIs(Code::kInvalidArgument, "guidance_row: required"));
  lacking.mutable_step()->add_guidance_row(0);
  EXPECT_EQ(stream_.Call(lacking).step().status(0), v1::ENTRY_STATUS_OK);
}

class GuidanceOnce : public ::testing::Test {
 protected:
  GuidanceOnce() {
    request_.mutable_open()->set_vocab_size(kVocab);
    request_.mutable_open()->set_seed(42);
    request_.mutable_open()->mutable_params()->set_guidance_scale(3);
    request_.mutable_logits()->set_inline_(FloatBytes(RowAt(1)));
    request_.mutable_guidance_row()->set_inline_(FloatBytes(RowAt(0)));
    request_.set_dtype(v1::DTYPE_FLOAT32);
  }

  absl::Status Call() {
    grpc::ClientContext context;
    return StatusOf(
        server_.NewStub()->SampleOnce(&context, request_, &response_));
  }

  testing::TestServer server_;
  v1::SampleOnceRequest request_;
  v1::SampleOnceResponse response_;
};

TEST_F(GuidanceOnce, TakesASecondRowOfItsOwn) {
  ASSERT_THAT(Call(), testing::IsOk());
  EXPECT_EQ(response_.result().token(0), Drawn(3, RowAt(1), RowAt(0)));
}

TEST_F(GuidanceOnce, RefusesAnotherLengthAndTheLackOfEither) {
  request_.mutable_guidance_row()->set_inline_(std::string(8, '\0'));
  EXPECT_THAT(Call(), StatusIs(Code::kInvalidArgument,
                               "guidance_row: 8 bytes are not the row's 1200"));
  request_.clear_guidance_row();
  EXPECT_THAT(Call(), StatusIs(Code::kInvalidArgument,
                               "guidance_row: required, guidance_scale is on"));
  request_.mutable_open()->mutable_params()->clear_guidance_scale();
  request_.mutable_guidance_row()->set_inline_(FloatBytes(RowAt(0)));
  EXPECT_THAT(Call(),
              StatusIs(Code::kInvalidArgument,
                       "guidance_row: given, but guidance_scale is off"));
  request_.mutable_guidance_row()->mutable_region();
  EXPECT_THAT(Call(), StatusIs(Code::kUnimplemented, "guidance_row.region"));
}

}  // namespace
}  // namespace logitd
