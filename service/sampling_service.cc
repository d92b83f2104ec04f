#include "service/sampling_service.h"

#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "sampler/fingerprint.h"
#include "service/built.h"
#include "service/call_trace.h"
#include "service/inquiry_call.h"
#include "service/once.h"
#include "service/peer.h"
#include "service/status.h"

namespace logitd {
namespace {

void WriteLimits(const Limits& limits, v1::GetServerInfoResponse* response) {
  auto& wire = *response->mutable_limits();
  wire["max_step_bytes"] = limits.max_step_bytes;
  wire["max_rows"] = limits.max_rows;
  wire["max_vocab_size"] = limits.max_vocab_size;
  wire["max_sessions"] = limits.max_sessions;
  wire["max_history"] = limits.max_history;
  wire["max_top_n"] = limits.max_top_n;
  wire["max_kept_ids"] = limits.max_kept_ids;
  wire["max_ids"] = limits.max_ids;
  wire["max_bias"] = limits.max_bias;
  wire["max_stop_sequences"] = limits.max_stop_sequences;
  wire["max_watchers"] = limits.max_watchers;
  wire["max_profiles"] = limits.max_profiles;
  wire["max_profile_bytes"] = limits.max_profile_bytes;
  wire["max_inflight"] = limits.max_inflight;
  wire["max_streams"] = limits.max_streams;
  wire["max_unanswered_bytes"] = limits.max_unanswered_bytes;
  wire["max_queue_delay_us"] =
      static_cast<uint64_t>(absl::ToInt64Microseconds(limits.max_queue_delay));
}

}  // namespace

SamplingServiceImpl::SamplingServiceImpl(const Environment& env,
                                         StreamSet* streams,
                                         std::string version)
    : env_(env),
      streams_(streams),
      version_(std::move(version)),
      started_(std::chrono::steady_clock::now()) {}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
SamplingServiceImpl::Sample(grpc::CallbackServerContext* context) {
  auto stream = std::make_unique<Stream>(
      env_, streams_, env_.admission.NewAccount(ClientOf(*context)),
      TraceOf(*context));
  const absl::Status status = streams_->Add(stream.get(), env_.limits);
  if (!status.ok()) {
    env_.metrics.AddError(status.code());
    return new RefusedStream(ToGrpcStatus(status));
  }
  stream->Start();
  return stream.release();
}

UnaryCall::Caller SamplingServiceImpl::CallerOf(
    grpc::CallbackServerContext* context) {
  // On a Unix socket all calls are one client: each would have a turn else.
  const std::string client = ClientOf(*context);
  const absl::Duration patience =
      absl::FromChrono(context->deadline()) - absl::Now();
  return {env_.admission.NewAccount(client.empty() ? "unix" : client), patience,
          TraceOf(*context)};
}

grpc::ServerUnaryReactor* SamplingServiceImpl::SampleOnce(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return new OnceCall(env_, &calls_, CallerOf(context), *request, response);
}

grpc::ServerUnaryReactor* SamplingServiceImpl::Verify(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return new VerifyCall(kVerifyCall, env_, &calls_, CallerOf(context), *request,
                        response);
}

grpc::ServerUnaryReactor* SamplingServiceImpl::Explain(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return new ExplainCall(kExplainCall, env_, &calls_, CallerOf(context),
                         *request, response);
}

grpc::ServerUnaryReactor* SamplingServiceImpl::GetServerInfo(
    grpc::CallbackServerContext* context, const v1::GetServerInfoRequest*,
    v1::GetServerInfoResponse* response) {
  response->set_version(version_);
  response->add_semantics(kSemantics);
  response->set_core_version(kCoreVersion);
  for (const std::string& stage : StageVersions()) {
    response->add_stage_versions(stage);
  }
  response->set_instruction_set(env_.sampler.kernels().name);
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    response->add_instruction_sets(list.tables[i]->name);
  }
  response->set_worker_threads(
      static_cast<uint32_t>(env_.workers.thread_count()));
  WriteLimits(env_.limits, response);
  for (std::string& name : Capabilities()) {
    response->add_capabilities(std::move(name));
  }
  for (std::string& name : NotBuilt()) response->add_not_built(std::move(name));
  const std::chrono::duration<double> uptime =
      std::chrono::steady_clock::now() - started_;
  response->set_uptime_seconds(uptime.count());
  response->set_draining(env_.draining.load(std::memory_order_relaxed));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace logitd
