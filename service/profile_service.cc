#include "service/profile_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "service/call_trace.h"
#include "service/preflight.h"
#include "service/profile_watch.h"
#include "service/status.h"

namespace logitd {
namespace {

using Service = ProfileServiceImpl;

template <class Request>
absl::Status Parse(const grpc::ByteBuffer& bytes, const Limits& limits,
                   Request* request) {
  // A profile, its name, mask and tokens; whoever sends more sends no profile.
  const size_t most = size_t{limits.max_profile_bytes} * 2 + 4096;
  if (bytes.Length() > most) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "request: ", bytes.Length(), " bytes are more than ", most,
        ", which --max_profile_bytes ", limits.max_profile_bytes, " allows"));
  }
  const Preflight seen = Inspect(bytes, Request::descriptor(), limits);
  if (!seen.status.ok()) return seen.status;
  if (seen.well_formed && ParseInto(bytes, request)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "request: the bytes are not a ", Request::descriptor()->name()));
}

// "CreateProfile", of a CreateProfileRequest.
template <class Request>
std::string MethodOf() {
  return std::string(
      absl::StripSuffix(Request::descriptor()->name(), "Request"));
}

}  // namespace

Caller Service::CallerOf(const Context& context) const {
  Caller caller;
  caller.peer = context.peer();
  caller.admin_peer = admin_peer_;
  const auto auth = context.auth_context();
  caller.has_certificate = auth != nullptr && auth->IsPeerAuthenticated();
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  if (header != metadata.end()) {
    caller.authorization.assign(header->second.data(), header->second.size());
  }
  return caller;
}

grpc::Status Service::Ended(const absl::Status& status, const CallLog& log) {
  metrics_.AddError(status.code());
  log.Refused(0, status.code());
  return ToGrpcStatus(status);
}

template <class Request, class Response>
Service::Reactor* Service::Call(
    Context* context, const Bytes* bytes, Bytes* reply,
    absl::StatusOr<Response> (ProfileCalls::*method)(const Request&,
                                                     const Caller&)) {
  Reactor* reactor = context->DefaultReactor();
  const CallLog log(MethodOf<Request>(), TraceOf(*context));
  const bool taken = executor_.Run([this, reactor, bytes, reply, method, log,
                                    caller = CallerOf(*context)] {
    Request request;
    const absl::Status status = Parse(*bytes, limits_, &request);
    if (!status.ok()) return reactor->Finish(Ended(status, log));
    const absl::StatusOr<Response> answer = (calls_.*method)(request, caller);
    if (!answer.ok()) return reactor->Finish(Ended(answer.status(), log));
    bool own = false;
    reactor->Finish(
        grpc::SerializationTraits<Response>::Serialize(*answer, reply, &own));
  });
  if (!taken) {
    reactor->Finish(Ended(absl::ResourceExhaustedError(absl::StrCat(
                              "server: more than ", executor_.waiting_max(),
                              " calls of ProfileService wait")),
                          log));
  }
  return reactor;
}

Service::Reactor* Service::CreateProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Create);
}

Service::Reactor* Service::GetProfile(Context* context, const Bytes* request,
                                      Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Get);
}

Service::Reactor* Service::ListProfiles(Context* context, const Bytes* request,
                                        Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::List);
}

Service::Reactor* Service::UpdateProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Update);
}

Service::Reactor* Service::DeleteProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Delete);
}

Service::Reactor* Service::ListProfileRevisions(Context* context,
                                                const Bytes* request,
                                                Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::ListRevisions);
}

Service::Reactor* Service::RollbackProfile(Context* context,
                                           const Bytes* request, Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Rollback);
}

grpc::ServerWriteReactor<Service::Bytes>* Service::WatchProfiles(
    Context*, const Bytes* bytes) {
  v1::WatchProfilesRequest request;
  const absl::Status status = Parse(*bytes, limits_, &request);
  metrics_.AddError(status.code());
  return StartProfileWatch(status, request, &calls_.catalog());
}

Service::Reactor* Service::LintProfile(Context* context, const Bytes* request,
                                       Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Lint);
}

Service::Reactor* Service::ImportProfile(Context* context, const Bytes*,
                                         Bytes*) {
  Reactor* reactor = context->DefaultReactor();
  reactor->Finish(Ended(
      absl::UnimplementedError("ProfileService.ImportProfile: not built yet"),
      CallLog("ImportProfile", TraceOf(*context))));
  return reactor;
}

}  // namespace logitd
