// A ProfileService that does what a test tells it, and remembers what it was
// asked.
// Threads: calls run on gRPC's threads; a test looks when its client is done.

#ifndef LOGITD_TESTS_CLIENT_FAKE_PROFILES_H_
#define LOGITD_TESTS_CLIENT_FAKE_PROFILES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "logitd/v1/profiles.grpc.pb.h"

namespace logitd::client {

class FakeProfiles final : public v1::ProfileService::Service {
 public:
  // By name. Writes change nothing.
  std::map<std::string, v1::Profile> stored;
  // By name: gone, but a revision of each is still there.
  std::map<std::string, v1::Profile> deleted;
  bool can_list = true;
  // What a write of this profile is answered with; unset: the profile.
  std::function<grpc::Status(const v1::Profile&)> on_write;
  // Warnings of all answers to writes.
  std::vector<v1::LintFinding> warnings;
  std::vector<v1::CreateProfileRequest> creates;
  std::vector<v1::UpdateProfileRequest> updates;
  std::vector<v1::RollbackProfileRequest> rollbacks;

  void Store(const std::string& id, const std::string& etag) {
    v1::Profile& profile = stored["profiles/" + id];
    profile.set_name("profiles/" + id);
    profile.set_etag(etag);
    profile.set_revision("1");
  }

  void Delete(const std::string& id, const std::string& revision,
              const std::string& source) {
    v1::Profile& profile = deleted["profiles/" + id];
    profile.set_name("profiles/" + id);
    profile.set_revision(revision);
    profile.set_source(source);
  }

  grpc::Status GetProfile(grpc::ServerContext* /*call*/,
                          const v1::GetProfileRequest* request,
                          v1::Profile* response) override {
    return Find(request->name(), response);
  }
  grpc::Status ListProfiles(grpc::ServerContext* call,
                            const v1::ListProfilesRequest* request,
                            v1::ListProfilesResponse* response) override {
    if (!can_list) {
      return v1::ProfileService::Service::ListProfiles(call, request, response);
    }
    for (const auto& [name, profile] : stored) {
      *response->add_profiles() = profile;
    }
    return grpc::Status::OK;
  }
  grpc::Status ListProfileRevisions(
      grpc::ServerContext* /*call*/,
      const v1::ListProfileRevisionsRequest* request,
      v1::ListProfileRevisionsResponse* response) override {
    const auto gone = deleted.find(request->name());
    if (gone != deleted.end()) {
      *response->add_profiles() = gone->second;
      return grpc::Status::OK;
    }
    return Find(request->name(), response->add_profiles());
  }
  grpc::Status CreateProfile(grpc::ServerContext* /*call*/,
                             const v1::CreateProfileRequest* request,
                             v1::Profile* response) override {
    creates.push_back(*request);
    return Write(request->profile(), response);
  }
  grpc::Status UpdateProfile(grpc::ServerContext* /*call*/,
                             const v1::UpdateProfileRequest* request,
                             v1::Profile* response) override {
    updates.push_back(*request);
    const grpc::Status found = Find(request->profile().name(), response);
    return found.ok() ? Write(request->profile(), response) : found;
  }
  grpc::Status RollbackProfile(grpc::ServerContext* /*call*/,
                               const v1::RollbackProfileRequest* request,
                               v1::Profile* response) override {
    rollbacks.push_back(*request);
    const grpc::Status found = Find(request->name(), response);
    return found.ok() ? Write(*response, response) : found;
  }
  grpc::Status DeleteProfile(grpc::ServerContext* /*call*/,
                             const v1::DeleteProfileRequest* request,
                             google::protobuf::Empty* /*response*/) override {
    v1::Profile found;
    return Find(request->name(), &found);
  }

 private:
  grpc::Status Find(const std::string& name, v1::Profile* profile) {
    for (const auto& [plain, revision] : deleted) {
      if (name == absl::StrCat(plain, "@", revision.revision())) {
        *profile = revision;
        return grpc::Status::OK;
      }
    }
    const auto found = stored.find(name);
    if (found == stored.end()) {
      return grpc::Status(grpc::StatusCode::NOT_FOUND,
                          absl::StrCat("name: there is no ", name));
    }
    *profile = found->second;
    return grpc::Status::OK;
  }

  grpc::Status Write(const v1::Profile& profile, v1::Profile* response) {
    *response = profile;
    response->set_revision("2");
    response->set_etag("\"2-b\"");
    for (const v1::LintFinding& warning : warnings) {
      *response->add_warnings() = warning;
    }
    return on_write ? on_write(profile) : grpc::Status::OK;
  }
};

}  // namespace logitd::client

#endif  // LOGITD_TESTS_CLIENT_FAKE_PROFILES_H_
