#include "service/sampling_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "sampler/fingerprint.h"
#include "service/convert.h"
#include "service/once.h"
#include "service/status.h"

namespace logitd {
namespace {

grpc::ServerUnaryReactor* NotBuilt(grpc::CallbackServerContext* context,
                                   const char* method) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(absl::UnimplementedError(
      absl::StrCat("SamplingService.", method, ": not built yet"))));
  return reactor;
}

void WriteLimits(const Limits& limits, v1::GetServerInfoResponse* response) {
  auto& wire = *response->mutable_limits();
  wire["max_step_bytes"] = limits.max_step_bytes;
  wire["max_rows"] = limits.max_rows;
  wire["max_vocab_size"] = limits.max_vocab_size;
  wire["max_sessions"] = limits.max_sessions;
  wire["max_history"] = limits.max_history;
  wire["max_top_n"] = limits.max_top_n;
  wire["max_inflight"] = limits.max_inflight;
  wire["max_streams"] = limits.max_streams;
}

void WriteCapabilities(v1::GetServerInfoResponse* response) {
  for (const char* path :
       {"SamplingService.Sample", "SamplingService.SampleOnce",
        "SamplingService.GetServerInfo", "Place.inline", "Dtype.DTYPE_FLOAT32",
        "Dtype.DTYPE_BFLOAT16", "Step.mask_table", "Step.attempt",
        "Step.given_token", "Step.timeout_us"}) {
    response->add_capabilities(path);
  }
  const auto* knobs = v1::SamplingParams::descriptor();
  for (int i = 0; i < knobs->field_count(); ++i) {
    if (!IsBuilt(*knobs->field(i))) continue;
    response->add_capabilities(
        absl::StrCat("SamplingParams.", knobs->field(i)->name()));
  }
  for (const std::string& path : NotBuiltFields()) {
    response->add_not_built(path);
  }
  for (const char* path : {"SamplingService.Verify", "SamplingService.Explain",
                           "ProfileService"}) {
    response->add_not_built(path);
  }
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
SamplingServiceImpl::Sample(grpc::CallbackServerContext*) {
  auto stream = std::make_unique<Stream>(env_, streams_);
  const absl::Status status = streams_->Add(stream.get(), env_.limits);
  if (!status.ok()) {
    env_.metrics.AddError(status.code());
    return new RefusedStream(ToGrpcStatus(status));
  }
  stream->Start();
  return stream.release();
}

grpc::ServerUnaryReactor* SamplingServiceImpl::SampleOnce(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return new OnceCall(env_, &once_calls_, *request, response);
}

grpc::ServerUnaryReactor* SamplingServiceImpl::Verify(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
    grpc::ByteBuffer*) {
  return NotBuilt(context, "Verify");
}

grpc::ServerUnaryReactor* SamplingServiceImpl::Explain(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
    grpc::ByteBuffer*) {
  return NotBuilt(context, "Explain");
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
  WriteCapabilities(response);
  const std::chrono::duration<double> uptime =
      std::chrono::steady_clock::now() - started_;
  response->set_uptime_seconds(uptime.count());
  response->set_draining(env_.draining.load(std::memory_order_relaxed));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace logitd
