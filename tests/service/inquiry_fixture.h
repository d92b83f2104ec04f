// Explain and Verify alone, each in a word.
#ifndef LOGITD_TESTS_SERVICE_INQUIRY_FIXTURE_H_
#define LOGITD_TESTS_SERVICE_INQUIRY_FIXTURE_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_rows.h"
#include "tests/support/service_session.h"

namespace logitd {

class Alone : public ::testing::Test {
 protected:
  static void Fill(v1::OpenSession* open) {
    open->set_vocab_size(testing::kVocab);
    open->set_seed(42);
  }

  absl::Status Call(const v1::ExplainRequest& request,
                    v1::ExplainResponse* answer) {
    grpc::ClientContext context;
    return testing::StatusOf(stub_->Explain(&context, request, answer));
  }
  absl::Status Call(const v1::VerifyRequest& request,
                    v1::VerifyResponse* answer) {
    grpc::ClientContext context;
    return testing::StatusOf(stub_->Verify(&context, request, answer));
  }

  // What a step would draw of the row with these parameters.
  uint32_t Token(const v1::OpenSession& open, const std::vector<float>& row) {
    v1::SampleOnceRequest request;
    *request.mutable_open() = open;
    request.mutable_logits()->set_inline_(testing::FloatBytes(row));
    request.set_dtype(v1::DTYPE_FLOAT32);
    v1::SampleOnceResponse answer;
    grpc::ClientContext context;
    const absl::Status status =
        testing::StatusOf(stub_->SampleOnce(&context, request, &answer));
    EXPECT_TRUE(status.ok()) << status;
    return status.ok() ? answer.result().token(0) : 0xFFFFFFFF;
  }

  testing::TestServer server_;
  std::unique_ptr<v1::SamplingService::Stub> stub_ = server_.NewStub();
};

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_INQUIRY_FIXTURE_H_
