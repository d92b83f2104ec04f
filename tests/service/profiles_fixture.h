// A server with its admin socket, and calls that say what they mean in few
// words.
#ifndef LOGITD_TESTS_SERVICE_PROFILES_FIXTURE_H_
#define LOGITD_TESTS_SERVICE_PROFILES_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {

inline std::string AdminAddress(const testing::TestServer& server) {
  std::string address = server.address();
  return address.replace(address.size() - 5, 5, "-admin.sock");
}

class Profiles : public ::testing::Test {
 protected:
  using Stub = v1::ProfileService::Stub;

  void Start(const std::function<void(Config*)>& adjust = {}) {
    server_ = std::make_unique<testing::TestServer>(adjust);
    stream_ = std::make_unique<testing::TestStream>(*server_);
    admin_ = v1::ProfileService::NewStub(grpc::CreateChannel(
        AdminAddress(*server_), grpc::InsecureChannelCredentials()));
    reader_ = v1::ProfileService::NewStub(server_->NewChannel());
  }

  absl::Status Create(const std::string& id, const v1::Profile& content,
                      Stub* stub) {
    v1::CreateProfileRequest request;
    request.set_profile_id(id);
    *request.mutable_profile() = content;
    grpc::ClientContext context;
    return testing::StatusOf(stub->CreateProfile(&context, request, &last_));
  }

  // Changes the default temperature.
  absl::Status SetTemperature(const std::string& id, double value,
                              const std::string& etag = "") {
    v1::UpdateProfileRequest request;
    request.mutable_profile()->set_name("profiles/" + id);
    request.mutable_profile()->set_etag(etag);
    request.mutable_profile()->mutable_default_params()->set_temperature(value);
    request.mutable_update_mask()->add_paths("default_params.temperature");
    grpc::ClientContext context;
    return testing::StatusOf(admin_->UpdateProfile(&context, request, &last_));
  }

  absl::Status Delete(const std::string& id) {
    v1::DeleteProfileRequest request;
    request.set_name("profiles/" + id);
    google::protobuf::Empty nothing;
    grpc::ClientContext context;
    return testing::StatusOf(
        admin_->DeleteProfile(&context, request, &nothing));
  }

  v1::SessionOpened Open(
      uint64_t id, const std::string& profile,
      const std::function<void(v1::OpenSession*)>& adjust = {}) {
    v1::SampleRequest request;
    v1::OpenSession* open = testing::AddOpen(id, testing::kVocab, &request);
    open->set_profile(profile);
    if (adjust) adjust(open);
    return stream_->Call(request).opened(0);
  }

  v1::SessionUpdated Update(
      const std::function<void(v1::UpdateSession*)>& adjust) {
    v1::SampleRequest request;
    adjust(request.add_update());
    return stream_->Call(request).updated(0);
  }

  static v1::Profile Warm(double temperature) {
    v1::Profile profile;
    profile.mutable_default_params()->set_temperature(temperature);
    return profile;
  }

  testing::TempFolder folder_;
  std::unique_ptr<testing::TestServer> server_;
  std::unique_ptr<testing::TestStream> stream_;
  std::unique_ptr<Stub> admin_, reader_;
  v1::Profile last_;
};

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_PROFILES_FIXTURE_H_
