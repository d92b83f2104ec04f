// SamplingService: what answers each RPC of the service of that name.
//
// Hands calls over and decides nothing. Requests come as raw bytes, so that
// preflight.h looks at them before they are parsed. Thread-safe.
#ifndef LOGITD_SERVICE_SAMPLING_SERVICE_H_
#define LOGITD_SERVICE_SAMPLING_SERVICE_H_

#include <atomic>
#include <chrono>
#include <string>

#include "logitd/v1/sampling.grpc.pb.h"
#include "service/environment.h"
#include "service/stream.h"
#include "service/unary_call.h"

namespace logitd {

class SamplingServiceImpl final
    : public v1::SamplingService::WithRawCallbackMethod_Sample<
          v1::SamplingService::WithRawCallbackMethod_SampleOnce<
              v1::SamplingService::WithRawCallbackMethod_Verify<
                  v1::SamplingService::WithRawCallbackMethod_Explain<
                      v1::SamplingService::WithCallbackMethod_GetServerInfo<
                          v1::SamplingService::Service>>>>> {
 public:
  // All must outlive the service.
  SamplingServiceImpl(const Environment& env, StreamSet* streams,
                      std::string version);

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Sample(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* SampleOnce(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* context,
      const v1::GetServerInfoRequest* request,
      v1::GetServerInfoResponse* response) override;

 private:
  UnaryCall::Caller CallerOf(grpc::CallbackServerContext* context);

  const Environment env_;
  StreamSet* const streams_;
  const std::string version_;
  const std::chrono::steady_clock::time_point started_;
  std::atomic<uint32_t> calls_{0};  // in flight, but for GetServerInfo
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SAMPLING_SERVICE_H_
