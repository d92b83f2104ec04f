#include "service/profile_service.h"

#include "absl/strings/str_cat.h"
#include "service/status.h"

namespace logitd {
namespace {

using Service = ProfileServiceImpl;

grpc::Status NotBuilt(const char* method) {
  return ToGrpcStatus(absl::UnimplementedError(
      absl::StrCat("ProfileService.", method, ": not built yet")));
}

Service::Reactor* Refuse(Service::Context* context, const char* method) {
  Service::Reactor* reactor = context->DefaultReactor();
  reactor->Finish(NotBuilt(method));
  return reactor;
}

class RefusedWatch final : public grpc::ServerWriteReactor<Service::Bytes> {
 public:
  RefusedWatch() { Finish(NotBuilt("WatchProfiles")); }
  void OnDone() override { delete this; }
};

}  // namespace

Service::Reactor* Service::CreateProfile(Context* context, const Bytes*,
                                         Bytes*) {
  return Refuse(context, "CreateProfile");
}

Service::Reactor* Service::GetProfile(Context* context, const Bytes*, Bytes*) {
  return Refuse(context, "GetProfile");
}

Service::Reactor* Service::ListProfiles(Context* context, const Bytes*,
                                        Bytes*) {
  return Refuse(context, "ListProfiles");
}

Service::Reactor* Service::UpdateProfile(Context* context, const Bytes*,
                                         Bytes*) {
  return Refuse(context, "UpdateProfile");
}

Service::Reactor* Service::DeleteProfile(Context* context, const Bytes*,
                                         Bytes*) {
  return Refuse(context, "DeleteProfile");
}

Service::Reactor* Service::ListProfileRevisions(Context* context, const Bytes*,
                                                Bytes*) {
  return Refuse(context, "ListProfileRevisions");
}

Service::Reactor* Service::RollbackProfile(Context* context, const Bytes*,
                                           Bytes*) {
  return Refuse(context, "RollbackProfile");
}

grpc::ServerWriteReactor<Service::Bytes>* Service::WatchProfiles(Context*,
                                                                 const Bytes*) {
  return new RefusedWatch();
}

Service::Reactor* Service::LintProfile(Context* context, const Bytes*, Bytes*) {
  return Refuse(context, "LintProfile");
}

Service::Reactor* Service::ImportProfile(Context* context, const Bytes*,
                                         Bytes*) {
  return Refuse(context, "ImportProfile");
}

}  // namespace logitd
