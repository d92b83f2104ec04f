// What a store holds that this server would not take: of a newer server, or
// beyond its limits.
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/profile_host.h"
#include "service/profiles/sqlite_store.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

class StoredProfiles : public Profiles {
 protected:
  // Into the store, past all checks.
  void Put(const std::string& id, const v1::Profile& content) {
    Change change;
    change.name = "profiles/" + id;
    change.content = content;
    change.time = absl::Now();
    auto store = SqliteStore::Open(folder_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Commit(change).ok());
  }
  void StartOverIt() {
    Start([this](Config* config) { config->data_dir = folder_.path(); });
  }
  absl::Status Check() {
    Config config;
    config.data_dir = folder_.path();
    return ProfileHost::Check(config);
  }
  void ExpectToldBy(const std::string& why) {
    EXPECT_THAT(Check(),
                StatusIs(Code::kInvalidArgument, "--data_dir: store: " + why));
    StartOverIt();
    EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr(why));
    EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("200 OK"));
  }
};

// A downgrade: the knob must not be dropped without a word.
TEST_F(StoredProfiles, WithAKnobOfANewerServerAreRefusedToSessions) {
  v1::Profile profile = Warm(0.5);
  v1::SamplingParams* params = profile.mutable_default_params();
  params->GetReflection()->MutableUnknownFields(params)->AddVarint(900, 1);
  Put("newer", profile);
  Put("usual", Warm(0.5));
  ExpectToldBy("profiles/newer@1: default_params.900: ");
  EXPECT_THAT(StatusOf(Open(1, "newer").error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/newer@1, "
                       "default_params.900: "));
  EXPECT_FALSE(Open(2, "usual").has_error());
  // An update of it makes all well.
  v1::UpdateProfileRequest request;
  *request.mutable_profile() = Warm(0.6);
  request.mutable_profile()->set_name("profiles/newer");
  request.mutable_update_mask()->add_paths("*");
  grpc::ClientContext context;
  ASSERT_TRUE(admin_->UpdateProfile(&context, request, &last_).ok());
  EXPECT_FALSE(Open(3, "newer").has_error());
  EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("store: ok"));
}

TEST_F(StoredProfiles, OutOfRangeAreToldAtTheStartAndAtTheOpen) {
  Put("hot", Warm(500));
  ExpectToldBy("profiles/hot@1: default_params.temperature: 500 is outside");
  EXPECT_THAT(StatusOf(Open(1, "hot").error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/hot@1, "
                       "default_params.temperature: 500 is outside [0, 100]"));
}

// Valid for a server that did not judge defaults by the profile's own clamps.
TEST_F(StoredProfiles, WithADefaultOutsideItsOwnClampAreTold) {
  v1::Profile profile = Warm(0.9);
  v1::Clamp* clamp = profile.add_clamps();
  clamp->set_knob("temperature");
  clamp->set_max(0.4);
  clamp->set_mode(v1::CLAMP_MODE_REJECT);
  Put("tight", profile);
  ExpectToldBy("profiles/tight@1: default_params.temperature: ");
  const absl::Status status = StatusOf(Open(1, "tight").error());
  EXPECT_THAT(status, StatusIs(Code::kInvalidArgument,
                               "open[0].profile: profiles/tight@1, "));
  EXPECT_FALSE(Open(2, "tight", [](v1::OpenSession* open) {
                 open->mutable_params()->set_temperature(0.3);
               }).has_error());
}

TEST_F(StoredProfiles, AreNotWrittenToAFileThatLostItsName) {
  StartOverIt();
  ASSERT_TRUE(Create("chat", Warm(0.5), admin_.get()).ok());
  ASSERT_EQ(::rename(folder_.File("profiles.db").c_str(),
                     folder_.File("aside.db").c_str()),
            0);
  const absl::Status status = SetTemperature("chat", 0.6);
  EXPECT_THAT(status, StatusIs(Code::kUnavailable, "removed or replaced"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr(folder_.path())));
  EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("removed or replaced"));
  EXPECT_FALSE(Open(1, "chat").has_error());
  ASSERT_EQ(::rename(folder_.File("aside.db").c_str(),
                     folder_.File("profiles.db").c_str()),
            0);
  EXPECT_TRUE(SetTemperature("chat", 0.6).ok());
  EXPECT_THAT(server_->HttpGet("/readyz"), HasSubstr("store: ok"));
}

}  // namespace
}  // namespace logitd
