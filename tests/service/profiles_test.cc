// Profiles through the service: who may change them, what sessions get of them,
// and what stays as it was.
#include <fstream>
#include <map>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "service/profile_host.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::kVocab;
using testing::StatusIs;
using testing::StatusOf;
using testing::TempFolder;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

TEST_F(Profiles, AreChangedThroughTheAdminSocketOnlyAndReadEverywhere) {
  Start();
  EXPECT_THAT(Create("chat", Warm(0.8), reader_.get()),
              StatusIs(Code::kPermissionDenied, "--admin_socket"));
  ASSERT_TRUE(Create("chat", Warm(0.8), admin_.get()).ok());
  EXPECT_EQ(last_.name(), "profiles/chat");
  EXPECT_EQ(last_.revision(), "1");
  EXPECT_EQ(last_.source(), "memory");
  EXPECT_THAT(Create("chat", Warm(0.8), admin_.get()),
              StatusIs(Code::kAlreadyExists, "profile_id"));
  v1::GetProfileRequest get;
  get.set_name("profiles/chat");
  grpc::ClientContext context;
  v1::Profile read;
  ASSERT_TRUE(reader_->GetProfile(&context, get, &read).ok());
  EXPECT_EQ(read.default_params().temperature(), 0.8);
  EXPECT_EQ(read.etag(), last_.etag());
}

TEST_F(Profiles, ABadOneIsRefusedWithAllThatIsWrong) {
  Start();
  v1::Profile bad = Warm(101);
  bad.mutable_force_params()->set_top_p(2);
  const absl::Status status = Create("chat", bad, admin_.get());
  EXPECT_THAT(status, StatusIs(Code::kInvalidArgument,
                               "default_params.temperature: 101 is outside"));
  v1::CreateProfileRequest request;
  request.set_profile_id("chat");
  *request.mutable_profile() = bad;
  grpc::ClientContext context;
  const grpc::Status refused = admin_->CreateProfile(&context, request, &last_);
  EXPECT_NE(refused.error_details().find("force_params.top_p"),
            std::string::npos);
}

// A mask names known fields only, and must not hide the others.
TEST_F(Profiles, UnknownFieldsAreRefusedWhateverTheMask) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.8), admin_.get()).ok());
  const auto update = [this](const std::vector<std::string>& mask,
                             const std::function<void(v1::Profile*)>& adjust) {
    v1::UpdateProfileRequest request;
    request.mutable_profile()->set_name("profiles/chat");
    request.mutable_profile()->mutable_default_params()->set_top_p(0.7);
    adjust(request.mutable_profile());
    for (const auto& path : mask)
      request.mutable_update_mask()->add_paths(path);
    grpc::ClientContext context;
    return StatusOf(admin_->UpdateProfile(&context, request, &last_));
  };
  const auto in_params = [](v1::Profile* profile) {
    v1::SamplingParams* params = profile->mutable_default_params();
    params->GetReflection()->MutableUnknownFields(params)->AddVarint(9999, 1);
  };
  const auto in_profile = [](v1::Profile* profile) {
    profile->GetReflection()->MutableUnknownFields(profile)->AddVarint(9999, 1);
  };
  using Mask = std::vector<std::string>;
  for (const Mask& mask : {Mask{"default_params.top_p"}, Mask{"default_params"},
                           Mask{"description"}, Mask{"*"}, Mask{}}) {
    EXPECT_THAT(update(mask, in_params),
                StatusIs(Code::kInvalidArgument, "default_params.9999: "));
    EXPECT_THAT(update(mask, in_profile),
                StatusIs(Code::kInvalidArgument, "9999: "));
  }
  EXPECT_TRUE(update({"default_params.top_p"}, [](v1::Profile*) {}).ok());
  EXPECT_EQ(last_.revision(), "2");
}

TEST_F(Profiles, ALimitIsTheSameErrorInAProfileAsAtAnOpen) {
  Start();
  v1::Profile profile;
  for (int i = 0; i < 65; ++i) {
    profile.mutable_default_params()->add_stop_sequences()->set_tokens(
        testing::IdBytes({1}));
  }
  const absl::Status refused = Create("chat", profile, admin_.get());
  EXPECT_THAT(refused,
              StatusIs(Code::kResourceExhausted, "--max_stop_sequences"));
  const auto opened = Open(1, "", [&](v1::OpenSession* open) {
    *open->mutable_params() = profile.default_params();
  });
  EXPECT_EQ(StatusOf(opened.error()).code(), refused.code());
}

TEST_F(Profiles, OldRevisionsGoBeyondMaxRevisions) {
  Start([](Config* config) { config->limits.max_revisions = 2; });
  ASSERT_TRUE(Create("chat", Warm(0.1), admin_.get()).ok());
  for (int i = 2; i <= 7; ++i) {
    ASSERT_TRUE(SetTemperature("chat", 0.1 * i).ok());
  }
  v1::ListProfileRevisionsRequest request;
  request.set_name("profiles/chat");
  v1::ListProfileRevisionsResponse listed;
  grpc::ClientContext context;
  ASSERT_TRUE(reader_->ListProfileRevisions(&context, request, &listed).ok());
  ASSERT_EQ(listed.profiles_size(), 2);
  EXPECT_EQ(listed.profiles(1).revision(), "6");
  EXPECT_THAT(StatusOf(Open(1, "chat@1").error()),
              StatusIs(Code::kFailedPrecondition, "there are 7, 6"));
}

TEST_F(Profiles, NamesBeyondMaxProfileNamesAreRefusedAndNameTheFlag) {
  Start([](Config* config) { config->limits.max_profile_names = 1; });
  ASSERT_TRUE(Create("a", Warm(0.1), admin_.get()).ok());
  ASSERT_TRUE(Delete("a").ok());
  EXPECT_THAT(Create("b", Warm(0.1), admin_.get()),
              StatusIs(Code::kResourceExhausted, "--max_profile_names"));
  EXPECT_TRUE(Create("a", Warm(0.1), admin_.get()).ok());
}

TEST_F(Profiles, NamesInSettingsAreCheckedAtTheStart) {
  Config config;
  config.allowed_profiles = {"ok", "Not An Id"};
  const auto bad = [&] { return ProfileHost::Open(config).status(); };
  EXPECT_THAT(bad(), StatusIs(Code::kInvalidArgument, "--allowed_profiles: "));
  EXPECT_THAT(ProfileHost::Check(config),
              StatusIs(Code::kInvalidArgument, "--allowed_profiles: "));
  config.allowed_profiles = {"later"};
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(bad().ok());
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("later"),
            std::string::npos);
  config.default_profile = "No Name";
  EXPECT_THAT(ProfileHost::Check(config),
              StatusIs(Code::kInvalidArgument, "--default_profile: "));
}

TEST_F(Profiles, AStaleEtagIsAborted) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.8), admin_.get()).ok());
  const std::string etag = last_.etag();
  ASSERT_TRUE(SetTemperature("chat", 0.7, etag).ok());
  EXPECT_EQ(last_.revision(), "2");
  EXPECT_THAT(SetTemperature("chat", 0.6, etag),
              StatusIs(Code::kAborted, "etag"));
}

TEST_F(Profiles, SessionsSeeTheirDefaultsForcesAndClamps) {
  Start();
  v1::Profile profile = Warm(0.8);
  profile.mutable_default_params()->set_top_p(0.9);
  profile.mutable_force_params()->set_top_k(40);
  v1::Clamp* clamp = profile.add_clamps();
  clamp->set_knob("temperature");
  clamp->set_max(1.2);
  clamp->set_mode(v1::CLAMP_MODE_CLAMP);
  ASSERT_TRUE(Create("chat", profile, admin_.get()).ok());
  const v1::SessionOpened opened = Open(1, "chat", [](v1::OpenSession* open) {
    open->mutable_params()->set_temperature(1.9);
    open->mutable_params()->set_top_k(7);
  });
  ASSERT_FALSE(opened.has_error()) << opened.error().message();
  EXPECT_EQ(opened.profile_revision(), "profiles/chat@1");
  EXPECT_EQ(opened.resolved().temperature(), 1.2);
  EXPECT_EQ(opened.resolved().top_k(), 40u);
  EXPECT_EQ(opened.resolved().top_p(), 0.9);
  ASSERT_EQ(opened.clamped_size(), 1);
  EXPECT_EQ(opened.clamped(0).asked(), 1.9);
  EXPECT_EQ(opened.clamped(0).used(), 1.2);
  std::map<std::string, v1::ParamLevel> levels;
  for (const v1::Provenance& from : opened.provenance()) {
    levels[from.knob()] = from.level();
  }
  EXPECT_EQ(levels["temperature"], v1::PARAM_LEVEL_CLAMP);
  EXPECT_EQ(levels["top_k"], v1::PARAM_LEVEL_PROFILE_FORCE);
  EXPECT_EQ(levels["top_p"], v1::PARAM_LEVEL_PROFILE_DEFAULT);
}

TEST_F(Profiles, ASessionKeepsItsRevisionUntilItAsksToRebind) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.8), admin_.get()).ok());
  const v1::SessionOpened opened = Open(1, "chat");
  ASSERT_TRUE(SetTemperature("chat", 0.3).ok());
  EXPECT_EQ(Open(2, "profiles/chat").resolved().temperature(), 0.3);
  // An update keeps the pin...
  v1::SessionUpdated updated = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->mutable_set()->set_top_p(0.5);
  });
  EXPECT_EQ(updated.resolved().temperature(), 0.8);
  EXPECT_EQ(updated.profile_revision(), "profiles/chat@1");
  // ...and so does a session that is opened again at it.
  const v1::SessionOpened again =
      Open(3, opened.profile_revision(), [&](v1::OpenSession* open) {
        open->set_expected_fingerprint(opened.fingerprint());
      });
  EXPECT_FALSE(again.has_error()) << again.error().message();
  updated = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->set_rebind(true);
  });
  EXPECT_EQ(updated.resolved().temperature(), 0.3);
  EXPECT_EQ(updated.resolved().top_p(), 0.5);  // what was asked for stays
  EXPECT_EQ(updated.profile_revision(), "profiles/chat@2");
}

TEST_F(Profiles, ADeletedOneServesItsSessionsAndItsRevisions) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.8), admin_.get()).ok());
  ASSERT_FALSE(Open(1, "chat").has_error());
  ASSERT_TRUE(Delete("chat").ok());
  EXPECT_EQ(testing::Step(1, 0, stream_.get()).status(0), v1::ENTRY_STATUS_OK);
  EXPECT_THAT(StatusOf(Open(2, "chat").error()),
              StatusIs(Code::kNotFound, "open[0].profile: "));
  EXPECT_FALSE(Open(3, "chat@1").has_error());
  EXPECT_THAT(StatusOf(Open(4, "chat@9").error()),
              StatusIs(Code::kFailedPrecondition, "open[0].profile: "));
  const v1::SessionUpdated updated = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->set_rebind(true);
  });
  EXPECT_THAT(StatusOf(updated.error()),
              StatusIs(Code::kFailedPrecondition, "update[0].rebind: "));
  // Made anew it goes on counting.
  ASSERT_TRUE(Create("chat", Warm(0.9), admin_.get()).ok());
  EXPECT_EQ(last_.revision(), "2");
}

TEST_F(Profiles, SettingsSayWhichOnesSessionsMayHave) {
  std::ofstream(folder_.File("safe.yaml")) << "force_params: {top_p: 0.5}\n";
  std::ofstream(folder_.File("other.yaml")) << "default_params: {top_k: 3}\n";
  Start([&](Config* config) {
    config->profile_dirs = {folder_.path()};
    config->default_profile = "safe";
    config->allowed_profiles = {"safe"};
    config->require_profile = true;
  });
  EXPECT_EQ(Open(1, "").resolved().top_p(), 0.5);
  EXPECT_EQ(Open(2, "profiles/safe").resolved().top_p(), 0.5);
  EXPECT_THAT(StatusOf(Open(3, "other").error()),
              StatusIs(Code::kPermissionDenied, "--allowed_profiles"));
  // A name that a directory owns cannot be written.
  EXPECT_THAT(
      SetTemperature("safe", 1),
      StatusIs(Code::kFailedPrecondition, "belongs to a read-only store"));
}

TEST_F(Profiles, ARequiredOneMustBeNamed) {
  Start([](Config* config) { config->require_profile = true; });
  EXPECT_THAT(StatusOf(Open(1, "").error()),
              StatusIs(Code::kPermissionDenied, "--require_profile"));
}

TEST_F(Profiles, PhasesSwitchWithTheTokensAndAreTold) {
  Start();
  v1::Profile profile = Warm(1);
  v1::Phase* phase = profile.add_phases();
  phase->set_name("strict");
  phase->add_enter()->set_tokens(testing::IdBytes({7}));
  phase->add_leave()->set_tokens(testing::IdBytes({8}));
  phase->mutable_force_params()->set_temperature(0);
  ASSERT_TRUE(Create("agent", profile, admin_.get()).ok());
  const v1::SessionOpened opened = Open(1, "agent");
  ASSERT_FALSE(opened.has_error()) << opened.error().message();
  ASSERT_EQ(opened.phases_size(), 1);
  EXPECT_EQ(opened.phases(0).name(), "strict");
  EXPECT_EQ(opened.phases(0).resolved().temperature(), 0);
  EXPECT_EQ(opened.phase(), 0u);
  const auto append = [&](uint32_t token) {
    v1::SampleRequest request;
    v1::AppendTokens* tokens = request.add_append();
    tokens->set_session_id(1);
    tokens->set_tokens(testing::IdBytes({token}));
    EXPECT_FALSE(stream_->Call(request).appended(0).has_error());
  };
  append(7);
  const v1::StepResult strict = testing::Step(1, 1, stream_.get());
  ASSERT_EQ(strict.phase_size(), 1);
  EXPECT_EQ(strict.phase(0), 1u);
  EXPECT_EQ(strict.flags(0) & v1::ENTRY_FLAG_GREEDY, v1::ENTRY_FLAG_GREEDY);
  append(8);
  const v1::StepResult free = testing::Step(1, 3, stream_.get());
  EXPECT_EQ(free.phase_size(), 0);
  EXPECT_EQ(free.flags_size(), 0);
}

TEST_F(Profiles, WatchTellsTheListAndThenEachRevision) {
  Start();
  ASSERT_TRUE(Create("a", Warm(0.8), admin_.get()).ok());
  grpc::ClientContext context;
  const auto watch = reader_->WatchProfiles(&context, {});
  v1::WatchProfilesResponse event;
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.event(), v1::WATCH_EVENT_PRESENT);
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.event(), v1::WATCH_EVENT_SYNCED);
  ASSERT_TRUE(SetTemperature("a", 0.5).ok());
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.event(), v1::WATCH_EVENT_REVISION);
  EXPECT_EQ(event.profile().revision(), "2");
  ASSERT_TRUE(Delete("a").ok());
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.event(), v1::WATCH_EVENT_DELETED);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(Profiles, EveryWriteIsAudited) {
  const std::string path = folder_.File("audit.jsonl");
  Start([&](Config* config) { config->audit_log = path; });
  ASSERT_TRUE(Create("a", Warm(0.8), admin_.get()).ok());
  ASSERT_TRUE(SetTemperature("a", 0.5).ok());
  EXPECT_FALSE(SetTemperature("a", 500).ok());
  ASSERT_TRUE(Delete("a").ok());
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_NE(lines[1].find("\"who\":\"uid:"), std::string::npos);
  EXPECT_NE(lines[1].find("\"method\":\"UpdateProfile\""), std::string::npos);
  EXPECT_NE(lines[1].find("\\\"temperature\\\": 0.8"), std::string::npos);
  EXPECT_NE(lines[1].find("\\\"temperature\\\": 0.5"), std::string::npos);
  EXPECT_NE(lines[2].find("\"refused\":\"INVALID_ARGUMENT: "),
            std::string::npos);
}

TEST_F(Profiles, AreKeptInTheDataDirectory) {
  const auto keep = [this](Config* c) { c->data_dir = folder_.path(); };
  Start(keep);
  ASSERT_TRUE(Create("a", Warm(0.8), admin_.get()).ok());
  EXPECT_EQ(last_.source(), "sqlite");
  stream_.reset();
  server_.reset();
  Start(keep);
  EXPECT_EQ(Open(1, "a").resolved().temperature(), 0.8);
}

}  // namespace
}  // namespace logitd
