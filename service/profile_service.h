// ProfileService: what answers each RPC of the service of that name.
//
// Requests come as raw bytes: preflight.h looks at them before they are parsed.
// All but watches run on the executor, never on gRPC's threads; what is
// answered from memory does not wait behind what waits for a disk. A watch
// writes one event at a time, on the thread that has it. A call that was
// cancelled, or whose deadline has passed, before its turn is not done. One
// object for each listener, which knows who is at its other end. Thread-safe.
#ifndef LOGITD_SERVICE_PROFILE_SERVICE_H_
#define LOGITD_SERVICE_PROFILE_SERVICE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "service/executor.h"
#include "service/log_call.h"
#include "service/metrics.h"
#include "service/profiles/calls.h"

namespace logitd {

// Raw bytes for each method, one layer a method.
using RawProfiles1 = v1::ProfileService::WithRawCallbackMethod_CreateProfile<
    v1::ProfileService::Service>;
using RawProfiles2 =
    v1::ProfileService::WithRawCallbackMethod_GetProfile<RawProfiles1>;
using RawProfiles3 =
    v1::ProfileService::WithRawCallbackMethod_ListProfiles<RawProfiles2>;
using RawProfiles4 =
    v1::ProfileService::WithRawCallbackMethod_UpdateProfile<RawProfiles3>;
using RawProfiles5 =
    v1::ProfileService::WithRawCallbackMethod_DeleteProfile<RawProfiles4>;
using RawProfiles6 =
    v1::ProfileService::WithRawCallbackMethod_ListProfileRevisions<
        RawProfiles5>;
using RawProfiles7 =
    v1::ProfileService::WithRawCallbackMethod_RollbackProfile<RawProfiles6>;
using RawProfiles8 =
    v1::ProfileService::WithRawCallbackMethod_WatchProfiles<RawProfiles7>;
using RawProfiles9 =
    v1::ProfileService::WithRawCallbackMethod_LintProfile<RawProfiles8>;
using RawProfiles =
    v1::ProfileService::WithRawCallbackMethod_ImportProfile<RawProfiles9>;

class ProfileServiceImpl final : public RawProfiles {
 public:
  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  // All must outlive the service. `admin_peer`: who is at the other end, when
  // the listener knows him; else empty.
  ProfileServiceImpl(const Limits& limits, ProfileCalls* calls,
                     Executor* executor, Metrics* metrics,
                     std::string admin_peer)
      : limits_(limits),
        metrics_(*metrics),
        calls_(*calls),
        executor_(*executor),
        admin_peer_(std::move(admin_peer)) {}

  Reactor* CreateProfile(Context*, const Bytes*, Bytes*) override;
  Reactor* GetProfile(Context*, const Bytes*, Bytes*) override;
  Reactor* ListProfiles(Context*, const Bytes*, Bytes*) override;
  Reactor* UpdateProfile(Context*, const Bytes*, Bytes*) override;
  Reactor* DeleteProfile(Context*, const Bytes*, Bytes*) override;
  Reactor* ListProfileRevisions(Context*, const Bytes*, Bytes*) override;
  Reactor* RollbackProfile(Context*, const Bytes*, Bytes*) override;
  grpc::ServerWriteReactor<Bytes>* WatchProfiles(Context*,
                                                 const Bytes*) override;
  Reactor* LintProfile(Context*, const Bytes*, Bytes*) override;
  Reactor* ImportProfile(Context*, const Bytes*, Bytes*) override;

 private:
  template <class Request, class Response>
  struct Work;
  template <class Request, class Response>
  Reactor* Call(Context* context, const Bytes* bytes, Bytes* reply,
                absl::StatusOr<Response> (ProfileCalls::*method)(const Request&,
                                                                 const Caller&),
                Lane lane);
  template <class Request, class Response>
  void Queue(const Work<Request, Response>& work, Lane lane);
  template <class Request, class Response>
  void Do(const Work<Request, Response>& work, Lane lane);
  Caller CallerOf(const Context& context) const;
  // A call's end, counted and logged if it is an error.
  grpc::Status Ended(const absl::Status& status, const CallLog& log);

  const Limits& limits_;
  Metrics& metrics_;
  ProfileCalls& calls_;
  Executor& executor_;
  const std::string admin_peer_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILE_SERVICE_H_
