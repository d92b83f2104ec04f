#include "service/once.h"

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IdBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

class OnceTest : public ::testing::Test {
 protected:
  OnceTest() {
    request_.mutable_open()->set_vocab_size(kVocab);
    request_.mutable_open()->set_seed(42);
    request_.mutable_logits()->set_inline_(testing::FloatBytes(RowAt(0)));
    request_.set_dtype(v1::DTYPE_FLOAT32);
  }

  absl::Status Call(v1::SampleOnceResponse* response) {
    grpc::ClientContext context;
    const grpc::Status status =
        server_.NewStub()->SampleOnce(&context, request_, response);
    details_ = status.error_details();
    return StatusOf(status);
  }
  absl::Status Call() {
    v1::SampleOnceResponse ignored;
    return Call(&ignored);
  }

  TestServer server_;
  v1::SampleOnceRequest request_;
  std::string details_;
};

TEST_F(OnceTest, DrawsAsASessionDoes) {
  Session session = testing::OpenOrDie(testing::StartOf({}));
  v1::SampleOnceResponse response;
  ASSERT_TRUE(Call(&response).ok());
  EXPECT_EQ(response.opened().seed(), 42u);
  ASSERT_EQ(response.result().token_size(), 1);
  EXPECT_EQ(response.result().token(0), testing::Stepper().Next(&session));
  EXPECT_EQ(response.result().status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(OnceTest, DrawKIsTheTokenOfForkK) {
  constexpr int kDraws = 50;
  request_.set_draw_count(kDraws);
  v1::SampleOnceResponse response;
  ASSERT_TRUE(Call(&response).ok());
  ASSERT_EQ(response.result().token_size(), kDraws);
  const Session session = testing::OpenOrDie(testing::StartOf({}));
  for (int k = 0; k < kDraws; ++k) {
    Session fork = session.Fork(static_cast<uint32_t>(k));
    EXPECT_EQ(response.result().token(k), testing::Stepper().Next(&fork));
  }
}

TEST_F(OnceTest, TakesAMaskAnAttemptAndAGivenToken) {
  request_.set_mask(IdBytes({1u << 7}));
  request_.set_attempt(3);
  v1::SampleOnceResponse response;
  ASSERT_TRUE(Call(&response).ok());
  EXPECT_EQ(response.result().token(0), 7u);
  request_.clear_mask();
  request_.set_given_token(9);
  ASSERT_TRUE(Call(&response).ok());
  EXPECT_EQ(response.result().token(0), 9u);
  EXPECT_EQ(response.result().drawn_token_size(), 1);
}

TEST_F(OnceTest, ContinuesAHistoryAndTellsTheEnd) {
  request_.mutable_open()->set_prompt(IdBytes({1, 2}));
  request_.mutable_open()->set_generated(IdBytes({3}));
  request_.mutable_open()->mutable_params()->set_max_tokens(2);
  v1::SampleOnceResponse response;
  ASSERT_TRUE(Call(&response).ok());
  EXPECT_EQ(response.opened().position(), 3u);
  EXPECT_EQ(response.result().finish_reason(0), v1::FINISH_REASON_MAX_TOKENS);
}

TEST_F(OnceTest, AnErrorOfTheRowIsTheStatusOfTheCall) {
  std::vector<float> row = RowAt(0);
  row[31] = std::numeric_limits<float>::quiet_NaN();
  request_.mutable_logits()->set_inline_(testing::FloatBytes(row));
  request_.set_draw_count(3);
  EXPECT_THAT(Call(), StatusIs(Code::kInvalidArgument,
                               "logits: NaN or +inf at index 31"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(details_));
  EXPECT_EQ(details.details_size(), 1);
}

TEST_F(OnceTest, NamesTheFieldThatIsWrong) {
  const v1::SampleOnceRequest good = request_;
  const auto refuse = [&](auto change, Code code, const std::string& piece) {
    request_ = good;
    change();
    EXPECT_THAT(Call(), StatusIs(code, piece));
  };
  refuse([&] { request_.clear_open(); }, Code::kInvalidArgument,
         "open: required");
  refuse([&] { request_.mutable_open()->set_more(true); },
         Code::kInvalidArgument, "open.more");
  refuse([&] { request_.mutable_open()->mutable_params()->set_top_p(2); },
         Code::kInvalidArgument, "open.params.top_p: 2 is outside (0, 1]");
  refuse([&] { request_.mutable_open()->set_receipt(true); },
         Code::kInvalidArgument, "open.receipt: must not be set here");
  refuse([&] { request_.set_draw_count(1025); }, Code::kInvalidArgument,
         "draw_count: 1025 is outside [1, 1024]");
  refuse([&] { request_.set_attempt(1u << 24); }, Code::kInvalidArgument,
         "attempt: 16777216");
  refuse([&] { request_.set_mask("123"); }, Code::kInvalidArgument,
         "mask: 3 bytes");
  refuse([&] { request_.set_mask(std::string(44, '\xff')); },
         Code::kInvalidArgument, "mask: 44 bytes");
  refuse([&] { request_.clear_logits(); }, Code::kInvalidArgument,
         "logits: required");
  refuse([&] { request_.mutable_logits()->mutable_region(); },
         Code::kUnimplemented, "logits.region: not built yet");
  refuse([&] { request_.mutable_logits()->mutable_inline_()->resize(399); },
         Code::kInvalidArgument, "logits: 399 bytes");
  refuse([&] { request_.set_dtype(v1::DTYPE_UNSPECIFIED); },
         Code::kInvalidArgument, "dtype: required");
}

}  // namespace
}  // namespace logitd
