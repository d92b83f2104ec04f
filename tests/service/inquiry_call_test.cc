#include "service/inquiry_call.h"

#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/service/inquiry_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::FloatBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using Code = absl::StatusCode;

class Inquired : public Alone {
 protected:
  Inquired() {
    Fill(request_.mutable_open());
    request_.mutable_logits()->set_inline_(FloatBytes(RowAt(0)));
    request_.set_dtype(v1::DTYPE_FLOAT32);
  }

  v1::ExplainRequest request_;
};

TEST_F(Inquired, ExplainsWhatSampleOnceDraws) {
  request_.mutable_open()->mutable_params()->set_top_k(20);
  v1::ExplainResponse answer;
  const absl::Status status = Call(request_, &answer);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(answer.outcome().token(0), Token(request_.open(), RowAt(0)));
  EXPECT_EQ(answer.opened().seed(), 42u);
  EXPECT_EQ(answer.opened().fingerprint().size(), 16u);
  EXPECT_EQ(answer.stages().rbegin()->stage(), "top_k");
  EXPECT_EQ(answer.stages().rbegin()->kept_count(), 20u);
}

TEST_F(Inquired, ErrorsAreTheStatusOfTheCallAndCounted) {
  v1::ExplainResponse answer;
  EXPECT_THAT(Call(v1::ExplainRequest(), &answer),
              StatusIs(Code::kInvalidArgument, "open: required"));
  request_.set_top_n(1000);
  EXPECT_THAT(Call(request_, &answer),
              StatusIs(Code::kResourceExhausted,
                       "top_n: 1000 tokens are more than --max_top_n 128"));
  request_.clear_top_n();
  request_.mutable_open()->mutable_params()->set_top_p(7);
  EXPECT_THAT(Call(request_, &answer),
              StatusIs(Code::kInvalidArgument, "open.params.top_p: 7"));
  EXPECT_EQ(server_.Metric("logitd_errors_total{code=\"INVALID_ARGUMENT\"}"),
            2);
  EXPECT_EQ(server_.Metric("logitd_errors_total{code=\"RESOURCE_EXHAUSTED\"}"),
            1);
}

// A sweep is thousands of rows: it ends with its call, and meanwhile others
// have their turns.
TEST_F(Inquired, ASweepEndsWithItsCallAndKeepsNobodyWaiting) {
  request_.mutable_open()->set_vocab_size(1 << 17);
  request_.mutable_logits()->set_inline_(
      FloatBytes(testing::MakeRow(1, 1 << 17)));
  request_.mutable_sweep()->set_knob("temperature");
  request_.mutable_sweep()->set_to(2);
  grpc::ClientContext context;
  absl::Status status;
  std::thread caller([&] {
    v1::ExplainResponse answer;
    status = testing::StatusOf(
        server_.NewStub()->Explain(&context, request_, &answer));
  });
  // The call is there when its bytes are.
  while (server_.Metric("logitd_received_bytes_total") < (1 << 19)) {
    std::this_thread::yield();
  }
  v1::OpenSession open;
  Fill(&open);
  for (int i = 0; i < 20; ++i) Token(open, RowAt(0));
  context.TryCancel();
  caller.join();
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_TRUE(
      server_.WaitForMetric("logitd_errors_total{code=\"CANCELLED\"}", 1));
}

}  // namespace
}  // namespace logitd
