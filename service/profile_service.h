// ProfileService: not built yet; every RPC answers UNIMPLEMENTED and says so.
//
// Requests come as raw bytes and are not looked at. Thread-safe.
#ifndef LOGITD_SERVICE_PROFILE_SERVICE_H_
#define LOGITD_SERVICE_PROFILE_SERVICE_H_

#include "logitd/v1/profiles.grpc.pb.h"

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
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILE_SERVICE_H_
