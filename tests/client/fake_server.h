// A logitd that does what a test tells it, and any gRPC service of a test, on a
// Unix socket in a folder of its own.
// Threads: scripts run on gRPC's threads. Ownership: the server owns its folder
// and removes it; services must outlive the server.

#ifndef LOGITD_TESTS_CLIENT_FAKE_SERVER_H_
#define LOGITD_TESTS_CLIENT_FAKE_SERVER_H_

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "logitd/v1/sampling.grpc.pb.h"
#include "tests/client/greedy_sampler.h"

namespace logitd::client {

using ServerStream =
    grpc::ServerReaderWriter<v1::SampleResponse, v1::SampleRequest>;

class FakeSampling final : public v1::SamplingService::Service {
 public:
  // What the methods do; unset: UNIMPLEMENTED.
  std::function<grpc::Status(ServerStream*)> on_sample;
  std::function<grpc::Status(const v1::SampleOnceRequest&,
                             v1::SampleOnceResponse*)>
      on_sample_once;
  v1::GetServerInfoResponse server_info;

  grpc::Status Sample(grpc::ServerContext* call, ServerStream* wire) override {
    return on_sample ? on_sample(wire)
                     : v1::SamplingService::Service::Sample(call, wire);
  }
  grpc::Status SampleOnce(grpc::ServerContext* call,
                          const v1::SampleOnceRequest* request,
                          v1::SampleOnceResponse* response) override {
    return on_sample_once ? on_sample_once(*request, response)
                          : v1::SamplingService::Service::SampleOnce(
                                call, request, response);
  }
  grpc::Status GetServerInfo(grpc::ServerContext* /*call*/,
                             const v1::GetServerInfoRequest* /*request*/,
                             v1::GetServerInfoResponse* response) override {
    *response = server_info;
    return grpc::Status::OK;
  }
};

// Answers every request at once, in order.
inline grpc::Status AnswerEach(
    ServerStream* wire,
    const std::function<v1::SampleResponse(const v1::SampleRequest&)>& answer) {
  v1::SampleRequest request;
  while (wire->Read(&request)) {
    wire->Write(answer(request));
  }
  return grpc::Status::OK;
}

// For FakeSampling::on_sample.
inline grpc::Status AnswerGreedily(ServerStream* wire) {
  GreedySampler sampler;
  return AnswerEach(wire, [&](const v1::SampleRequest& request) {
    return sampler.Answer(request);
  });
}

class InProcessServer {
 public:
  explicit InProcessServer(const std::vector<grpc::Service*>& services) {
    char folder[] = "/tmp/logitd_client_XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target(), grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(-1);
    // Else its threads look up from their wait for calls only every 10 s, also
    // when it ends.
    builder.SetSyncServerOption(grpc::ServerBuilder::CQ_TIMEOUT_MSEC, 100);
    for (grpc::Service* service : services) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  ~InProcessServer() {
    Stop();
    std::filesystem::remove_all(folder_);
  }
  InProcessServer(const InProcessServer&) = delete;
  InProcessServer& operator=(const InProcessServer&) = delete;

  std::string target() const { return "unix:" + folder_ + "/server.sock"; }
  grpc::Server& server() { return *server_; }
  // Cancels what runs and waits for it.
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

 private:
  std::string folder_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace logitd::client

#endif  // LOGITD_TESTS_CLIENT_FAKE_SERVER_H_
