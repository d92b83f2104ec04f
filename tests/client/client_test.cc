#include "service/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "google/rpc/error_details.pb.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/client/fake_server.h"

namespace logitd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Client, SaysWhyItCannotConnect) {
  const absl::Time start = absl::Now();
  const auto client = Client::Connect("unix:/nowhere/logitd.sock");
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(client.status().message(), HasSubstr("/nowhere/logitd.sock"));
  EXPECT_THAT(client.status().message(), HasSubstr("No such file"));
  // A refusal is an answer: nobody waits for the timeout.
  EXPECT_LT(absl::Now() - start, absl::Seconds(4));
}

TEST(Client, GivesUpAtTheTimeoutWhenItWaits) {
  ConnectOptions options;
  options.wait_for_server = true;
  options.timeout = absl::Milliseconds(300);
  const auto client = Client::Connect("unix:/nowhere/logitd.sock", options);
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
}

TEST(Client, WaitsForAServerThatStartsLater) {
  FakeSampling service;
  std::string target;
  {
    const InProcessServer gone({&service});
    target = gone.target();
  }
  const std::string folder =
      std::filesystem::path(target.substr(5)).parent_path();
  std::filesystem::create_directory(folder);
  std::unique_ptr<grpc::Server> server;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target, grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
  });
  ConnectOptions options;
  options.wait_for_server = true;
  options.timeout = absl::Seconds(10);
  EXPECT_TRUE(Client::Connect(target, options).ok());
  later.join();
  server->Shutdown();
  std::filesystem::remove_all(folder);
}

TEST(Client, ReadsServerInfo) {
  FakeSampling service;
  service.server_info.set_version("0.1.0");
  const InProcessServer server({&service});
  const auto client = Client::Connect(server.target());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(client->GetServerInfo()->version(), "0.1.0");
}

TEST(Client, ReadsHealth) {
  FakeSampling service;
  InProcessServer server({&service});
  const auto client = Client::Connect(server.target());
  server.server().GetHealthCheckService()->SetServingStatus(
      "logitd.v1.SamplingService", true);
  EXPECT_EQ(*client->CheckHealth(), "SERVING");
  EXPECT_EQ(*client->CheckHealth("logitd.v1.SamplingService"), "SERVING");
  EXPECT_EQ(client->CheckHealth("unheard.of").status().code(),
            absl::StatusCode::kNotFound);
  server.server().GetHealthCheckService()->SetServingStatus(false);
  EXPECT_EQ(*client->CheckHealth(), "NOT_SERVING");
}

TEST(Client, SendsARowAndReadsItsTokens) {
  FakeSampling service;
  service.on_sample_once = [](const v1::SampleOnceRequest& request,
                              v1::SampleOnceResponse* response) {
    EXPECT_EQ(request.open().vocab_size(), 3);
    EXPECT_EQ(request.logits().inline_().size(), 12);
    response->mutable_result()->add_token(2);
    return grpc::Status::OK;
  };
  const InProcessServer server({&service});
  const auto client = Client::Connect(server.target());
  v1::SampleOnceRequest request;
  *request.mutable_open() = MakeOpen(1, 3, {}, 42);
  v1::Step step;
  ASSERT_TRUE(SetRows({0.5F, 1.0F, 2.0F}, 3, &step).ok());
  *request.mutable_logits() = step.logits();
  request.set_dtype(step.dtype());
  const auto response = client->SampleOnce(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->result().token(), ElementsAre(2));
}

TEST(Client, MakesFieldViolationsReadable) {
  FakeSampling service;
  service.on_sample_once = [](const v1::SampleOnceRequest&,
                              v1::SampleOnceResponse*) {
    google::rpc::BadRequest bad_request;
    google::rpc::BadRequest::FieldViolation* violation =
        bad_request.add_field_violations();
    violation->set_field("open.params.top_p");
    violation->set_description("1.5 is outside (0, 1]");
    google::rpc::Status status;
    status.set_code(3);
    status.set_message("the open is not valid");
    status.add_details()->PackFrom(bad_request);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, status.message(),
                        status.SerializeAsString());
  };
  const InProcessServer server({&service});
  const absl::Status status =
      Client::Connect(server.target())->SampleOnce({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "the open is not valid\n"
            "  open.params.top_p: 1.5 is outside (0, 1]");
  EXPECT_TRUE(status.GetPayload(kDetailsUrl).has_value());
}

TEST(Client, EndsACallAtItsTimeout) {
  FakeSampling service;
  service.on_sample_once = [](const v1::SampleOnceRequest&,
                              v1::SampleOnceResponse*) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return grpc::Status::OK;
  };
  const InProcessServer server({&service});
  const auto client = Client::Connect(server.target());
  EXPECT_EQ(client->SampleOnce({}, absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(Client, PassesUnimplementedOn) {
  FakeSampling service;
  const InProcessServer server({&service});
  const auto client = Client::Connect(server.target());
  EXPECT_EQ(client->SampleOnce({}).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(Client, IsAValueWhoseStreamsOutliveIt) {
  FakeSampling service;
  service.on_sample = AnswerGreedily;
  const InProcessServer server({&service});
  std::unique_ptr<Stream> stream;
  {
    const auto client = Client::Connect(server.target());
    const Client copy = *client;
    stream = copy.Sample();
  }
  v1::SampleRequest request;
  v1::SampleResponse reply;
  EXPECT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace logitd::client
