#include "service/client/client.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "grpc/health/v1/health.grpc.pb.h"
#include "service/client/status.h"

namespace logitd::client {
namespace {

// One unary call of the stub.
template <class Request, class Response>
absl::StatusOr<Response> Call(grpc::Status (v1::SamplingService::Stub::*method)(
                                  grpc::ClientContext*, const Request&,
                                  Response*),
                              const Request& request, absl::Duration timeout,
                              v1::SamplingService::Stub* stub) {
  grpc::ClientContext call;
  call.set_deadline(DeadlineAfter(timeout));
  Response response;
  const grpc::Status status = (stub->*method)(&call, request, &response);
  if (!status.ok()) {
    return ToStatus(status);
  }
  return response;
}

}  // namespace

Client::Client(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)),
      stub_(v1::SamplingService::NewStub(channel_)) {}

absl::StatusOr<Client> Client::Connect(const std::string& target,
                                       const ConnectOptions& options) {
  auto channel = ConnectChannel(target, options);
  if (!channel.ok()) {
    return channel.status();
  }
  return Client(*std::move(channel));
}

std::unique_ptr<Stream> Client::Sample(absl::Duration timeout) const {
  return Stream::Open(stub_.get(), timeout);
}

absl::StatusOr<v1::SampleOnceResponse> Client::SampleOnce(
    const v1::SampleOnceRequest& request, absl::Duration timeout) const {
  return Call(&v1::SamplingService::Stub::SampleOnce, request, timeout,
              stub_.get());
}

absl::StatusOr<v1::ExplainResponse> Client::Explain(
    const v1::ExplainRequest& request, absl::Duration timeout) const {
  return Call(&v1::SamplingService::Stub::Explain, request, timeout,
              stub_.get());
}

absl::StatusOr<v1::VerifyResponse> Client::Verify(
    const v1::VerifyRequest& request, absl::Duration timeout) const {
  return Call(&v1::SamplingService::Stub::Verify, request, timeout,
              stub_.get());
}

absl::StatusOr<v1::GetServerInfoResponse> Client::GetServerInfo(
    absl::Duration timeout) const {
  return Call(&v1::SamplingService::Stub::GetServerInfo,
              v1::GetServerInfoRequest(), timeout, stub_.get());
}

absl::StatusOr<std::string> Client::CheckHealth(const std::string& service,
                                                absl::Duration timeout) const {
  grpc::ClientContext call;
  call.set_deadline(DeadlineAfter(timeout));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  const grpc::Status status = stub->Check(&call, request, &response);
  if (!status.ok()) {
    return ToStatus(status);
  }
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(
      response.status());
}

std::unique_ptr<v1::ProfileService::Stub> Client::Profiles() const {
  return v1::ProfileService::NewStub(channel_);
}

}  // namespace logitd::client
