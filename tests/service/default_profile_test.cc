// A server whose --default_profile is not there: not ready, and soon is.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "service/profile_host.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

class DefaultProfile : public Profiles {
 protected:
  HealthCheckResponse::ServingStatus Health(const std::string& service) {
    const auto stub = grpc::health::v1::Health::NewStub(server_->NewChannel());
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = stub->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }
  void ExpectHealth(HealthCheckResponse::ServingStatus status) {
    EXPECT_EQ(Health(""), status);
    EXPECT_EQ(Health("logitd.v1.SamplingService"), status);
  }
};

TEST_F(DefaultProfile, ThatIsNotThereIsMadeOnAServerThatIsNotReady) {
  Start([](Config* config) { config->default_profile = "chat"; });
  EXPECT_FALSE(server_->server().BecomesReady());
  ExpectHealth(HealthCheckResponse::NOT_SERVING);
  EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("503"));
  EXPECT_THAT(server_->HttpGet("/readyz"),
              HasSubstr("--default_profile: name: there is no profiles/chat"));
  EXPECT_THAT(StatusOf(Open(1, "").error()),
              StatusIs(Code::kNotFound,
                       "open[0].profile: there is no profiles/chat (this "
                       "server's --default_profile)"));
  ASSERT_TRUE(Create("chat", Warm(0.7), admin_.get()).ok());
  EXPECT_TRUE(server_->server().BecomesReady());
  ExpectHealth(HealthCheckResponse::SERVING);
  EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("200 OK"));
  EXPECT_EQ(Open(2, "").profile_revision(), "profiles/chat@1");
}

TEST_F(DefaultProfile, ThatIsNotThereDoesNotStopADrain) {
  Start([](Config* config) { config->default_profile = "chat"; });
  server_->server().BeginDrain();
  ASSERT_TRUE(Create("chat", Warm(0.7), admin_.get()).ok());
  EXPECT_FALSE(server_->server().BecomesReady());
  ExpectHealth(HealthCheckResponse::NOT_SERVING);
}

TEST_F(DefaultProfile, ThatIsARevisionMustBeThere) {
  Config config;
  config.default_profile = "chat@1";
  EXPECT_THAT(ProfileHost::Open(config).status(),
              StatusIs(Code::kNotFound,
                       "--default_profile: name: there is no profiles/chat"));
}

// ---- --check_config ---------------------------------------------------------

TEST_F(DefaultProfile, IsLookedForByCheckConfig) {
  const std::string data = folder_.path();
  Config config;
  config.data_dir = data;
  EXPECT_TRUE(ProfileHost::Check(config).ok());
  config.default_profile = "chat";
  EXPECT_THAT(ProfileHost::Check(config),
              StatusIs(Code::kNotFound, "--default_profile: name: there is"));
  EXPECT_TRUE(std::filesystem::is_empty(data));
  Start([&](Config* started) { started->data_dir = data; });
  ASSERT_TRUE(Create("chat", Warm(0.7), admin_.get()).ok());
  EXPECT_TRUE(ProfileHost::Check(config).ok());  // beside the server
  stream_.reset();
  server_.reset();
  EXPECT_TRUE(ProfileHost::Check(config).ok());
}

TEST_F(DefaultProfile, CheckConfigRefusesAFolderThatCannotBeUsed) {
  Config config;
  config.data_dir = folder_.File("none");
  EXPECT_THAT(
      ProfileHost::Check(config),
      StatusIs(Code::kFailedPrecondition,
               "--data_dir: " + config.data_dir + ": there is no such folder"));
  config.data_dir = folder_.path();
  std::ofstream(folder_.File("profiles.db")) << "no database at all, this";
  EXPECT_THAT(ProfileHost::Check(config),
              StatusIs(Code::kFailedPrecondition, "file is not a database"));
  config.audit_log = folder_.File("none/audit");
  EXPECT_THAT(ProfileHost::Check(config),
              StatusIs(Code::kUnavailable, "--audit_log: cannot append to"));
  std::ifstream file(folder_.File("profiles.db"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, "no database at all, this");
}

}  // namespace
}  // namespace logitd
