#include "service/profile_service.h"

#include <type_traits>
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

template <class Request>
inline constexpr bool kIsWrite =
    std::is_same_v<Request, v1::CreateProfileRequest> ||
    std::is_same_v<Request, v1::UpdateProfileRequest> ||
    std::is_same_v<Request, v1::DeleteProfileRequest> ||
    std::is_same_v<Request, v1::RollbackProfileRequest>;

// Of a read that is tried in memory first.
template <class Request>
bool NeedsDisk(const Request& request, const Catalog& catalog) {
  if constexpr (std::is_same_v<Request, v1::GetProfileRequest>) {
    return !catalog.IsInMemory(request.name());
  }
  return false;
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

// One call; lives as long as it.
template <class Request, class Response>
struct Service::Work {
  Context* context;
  Reactor* reactor;
  const Bytes* bytes;
  Bytes* reply;
  absl::StatusOr<Response> (ProfileCalls::*method)(const Request&,
                                                   const Caller&);
  CallLog log;
  Caller caller;
};

template <class Request, class Response>
Service::Reactor* Service::Call(
    Context* context, const Bytes* bytes, Bytes* reply,
    absl::StatusOr<Response> (ProfileCalls::*method)(const Request&,
                                                     const Caller&),
    Lane lane) {
  Reactor* reactor = context->DefaultReactor();
  const Work<Request, Response> work = {
      context,
      reactor,
      bytes,
      reply,
      method,
      CallLog(MethodOf<Request>(), TraceOf(*context)),
      CallerOf(*context)};
  // Whoever may not write takes no turn from those who may.
  const absl::Status may =
      kIsWrite<Request> ? calls_.CheckMayWrite(work.caller) : absl::OkStatus();
  if (may.ok()) {
    Queue(work, lane);
  } else {
    reactor->Finish(Ended(may, work.log));
  }
  return reactor;
}

template <class Request, class Response>
void Service::Queue(const Work<Request, Response>& work, Lane lane) {
  if (executor_.Run([this, work, lane] { Do(work, lane); }, lane)) return;
  const absl::Status status = absl::ResourceExhaustedError(
      absl::StrCat("server: ", executor_.waiting_max(),
                   " calls of ProfileService wait (--max_profile_calls)"));
  work.reactor->Finish(Ended(status, work.log));
}

template <class Request, class Response>
void Service::Do(const Work<Request, Response>& work, Lane lane) {
  if (work.context->IsCancelled()) {
    return work.reactor->Finish(
        Ended(absl::CancelledError("request: nobody waits for it any more"),
              work.log));
  }
  Request request;
  const absl::Status status = Parse(*work.bytes, limits_, &request);
  if (!status.ok()) {
    if (kIsWrite<Request>) {
      calls_.AuditUnread(MethodOf<Request>(), work.caller, status);
    }
    return work.reactor->Finish(Ended(status, work.log));
  }
  if (lane == Lane::kMemory && NeedsDisk(request, calls_.catalog())) {
    return Queue(work, Lane::kRead);
  }
  const absl::StatusOr<Response> answer =
      (calls_.*work.method)(request, work.caller);
  if (!answer.ok()) {
    return work.reactor->Finish(Ended(answer.status(), work.log));
  }
  bool own = false;
  work.reactor->Finish(grpc::SerializationTraits<Response>::Serialize(
      *answer, work.reply, &own));
}

Service::Reactor* Service::CreateProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Create, Lane::kWrite);
}

Service::Reactor* Service::GetProfile(Context* context, const Bytes* request,
                                      Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Get, Lane::kMemory);
}

Service::Reactor* Service::ListProfiles(Context* context, const Bytes* request,
                                        Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::List, Lane::kMemory);
}

Service::Reactor* Service::UpdateProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Update, Lane::kWrite);
}

Service::Reactor* Service::DeleteProfile(Context* context, const Bytes* request,
                                         Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Delete, Lane::kWrite);
}

Service::Reactor* Service::ListProfileRevisions(Context* context,
                                                const Bytes* request,
                                                Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::ListRevisions,
              Lane::kRead);
}

Service::Reactor* Service::RollbackProfile(Context* context,
                                           const Bytes* request, Bytes* reply) {
  return Call(context, request, reply, &ProfileCalls::Rollback, Lane::kWrite);
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
  return Call(context, request, reply, &ProfileCalls::Lint, Lane::kMemory);
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
