// Masks, trials and undoing through RPC.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using testing::StatusIs;
using testing::StatusOf;
using ::testing::UnorderedElementsAre;
using Code = absl::StatusCode;

class ProfileWrites : public Profiles {
 protected:
  absl::Status Set(const std::map<std::string, std::string>& labels,
                   const std::vector<std::string>& paths,
                   bool validate_only = false) {
    v1::UpdateProfileRequest request;
    request.mutable_profile()->set_name("profiles/chat");
    request.mutable_profile()->set_description("new");
    request.mutable_profile()->mutable_labels()->insert(labels.begin(),
                                                        labels.end());
    for (const std::string& path : paths) {
      request.mutable_update_mask()->add_paths(path);
    }
    request.set_validate_only(validate_only);
    grpc::ClientContext context;
    return StatusOf(admin_->UpdateProfile(&context, request, &last_));
  }
  absl::Status Rollback(const std::string& revision, bool validate_only) {
    v1::RollbackProfileRequest request;
    request.set_name("profiles/chat");
    request.set_revision(revision);
    request.set_validate_only(validate_only);
    grpc::ClientContext context;
    return StatusOf(admin_->RollbackProfile(&context, request, &last_));
  }
  absl::Status TryToDelete() {
    v1::DeleteProfileRequest request;
    request.set_name("profiles/chat");
    request.set_validate_only(true);
    google::protobuf::Empty nothing;
    grpc::ClientContext context;
    return StatusOf(admin_->DeleteProfile(&context, request, &nothing));
  }
};

TEST_F(ProfileWrites, AMaskMayNameOneLabel) {
  Start();
  v1::Profile profile = Warm(0.5);
  profile.set_description("old");
  (*profile.mutable_labels())["team"] = "search";
  (*profile.mutable_labels())["a.b-c"] = "1";
  ASSERT_TRUE(Create("chat", profile, admin_.get()).ok());
  ASSERT_TRUE(Set({{"team", "chat"}, {"tier", "x"}}, {"labels.team"}).ok());
  EXPECT_THAT(last_.labels(),
              UnorderedElementsAre(Pair("team", "chat"), Pair("a.b-c", "1")));
  EXPECT_EQ(last_.description(), "old");
  ASSERT_TRUE(Set({{"a.b-c", "2"}}, {"labels.`a.b-c`", "labels.team"}).ok());
  EXPECT_THAT(last_.labels(), ElementsAre(Pair("a.b-c", "2")));
  ASSERT_TRUE(Set({{"tier", "x"}}, {"labels.tier", "description"}).ok());
  EXPECT_THAT(last_.labels(),
              UnorderedElementsAre(Pair("a.b-c", "2"), Pair("tier", "x")));
  EXPECT_EQ(last_.description(), "new");
  EXPECT_EQ(last_.default_params().temperature(), 0.5);
  for (const char* path : {"labels.", "labels.a.b", "labels.`a", "labels.``",
                           "description.x", "labels.a b"}) {
    EXPECT_THAT(Set({{"a", "1"}}, {path}),
                StatusIs(Code::kInvalidArgument, "update_mask.paths[0]"))
        << path;
  }
}

TEST_F(ProfileWrites, TrialsTellAndChangeNothing) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.1), admin_.get()).ok());
  ASSERT_TRUE(SetTemperature("chat", 0.2).ok());
  const std::string etag = last_.etag();
  ASSERT_TRUE(Set({{"a", "b"}}, {"labels"}, true).ok());
  EXPECT_EQ(last_.etag(), "");
  ASSERT_TRUE(Rollback("1", true).ok());
  EXPECT_EQ(last_.default_params().temperature(), 0.1);
  ASSERT_TRUE(TryToDelete().ok());
  ASSERT_TRUE(SetTemperature("chat", 0.2).ok());  // changes nothing either
  EXPECT_EQ(last_.etag(), etag);
}

// A mask that names a field below makes the fields above it, and they are
// empty.
TEST_F(ProfileWrites, AnEmptyPartIsNoChange) {
  Start();
  v1::Profile profile;
  profile.set_description("x");
  ASSERT_TRUE(Create("chat", profile, admin_.get()).ok());
  const std::string etag = last_.etag();
  ASSERT_TRUE(Set({}, {"default_params.temperature"}).ok());
  EXPECT_EQ(last_.etag(), etag);
  EXPECT_FALSE(last_.has_default_params());
}

// A pin of --default_profile is the owner's: a rebind does not shed it.
TEST_F(ProfileWrites, ARebindKeepsAPinnedDefault) {
  const auto keep = [this](Config* c) { c->data_dir = folder_.path(); };
  Start(keep);
  ASSERT_TRUE(Create("chat", Warm(0.1), admin_.get()).ok());
  stream_.reset();
  server_.reset();
  Start([&](Config* config) {
    keep(config);
    config->default_profile = "chat@1";
  });
  ASSERT_TRUE(SetTemperature("chat", 0.2).ok());
  ASSERT_EQ(Open(1, "").profile_revision(), "profiles/chat@1");
  ASSERT_EQ(Open(2, "chat@1").profile_revision(), "profiles/chat@1");
  for (const uint64_t id : {1u, 2u}) {
    const v1::SessionUpdated updated = Update([id](v1::UpdateSession* update) {
      update->set_session_id(id);
      update->set_rebind(true);
    });
    EXPECT_EQ(updated.profile_revision(),
              id == 1 ? "profiles/chat@1" : "profiles/chat@2");
  }
}

// Whoever may not write fills no log that others need, and takes no turn.
TEST_F(ProfileWrites, OfStrangersAreRefusedUnreadAndUnaudited) {
  const std::string path = folder_.File("audit.jsonl");
  Start([&](Config* config) { config->audit_log = path; });
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Create("chat", Warm(0.8), reader_.get()),
                StatusIs(Code::kPermissionDenied, "--admin_socket"));
  }
  v1::Profile large;
  large.set_description(std::string(100'000, 'x'));
  EXPECT_THAT(Create("chat", large, reader_.get()),
              StatusIs(Code::kPermissionDenied, "--admin_socket"));
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
  EXPECT_TRUE(server_->WaitForMetric(
      "logitd_errors_total{code=\"PERMISSION_DENIED\"}", 4));
}

TEST_F(ProfileWrites, ADeletionIsUndone) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.1), admin_.get()).ok());
  ASSERT_TRUE(Delete("chat").ok());
  EXPECT_THAT(StatusOf(Open(1, "chat").error()), StatusIs(Code::kNotFound, ""));
  ASSERT_TRUE(Rollback("1", false).ok());
  EXPECT_EQ(last_.revision(), "2");
  EXPECT_EQ(Open(1, "chat").profile_revision(), "profiles/chat@2");
}

TEST_F(ProfileWrites, TheDefaultProfileStays) {
  const std::string data = folder_.path();
  Start([&](Config* config) { config->data_dir = data; });
  ASSERT_TRUE(Create("chat", Warm(0.1), admin_.get()).ok());
  ASSERT_TRUE(Create("code", Warm(0.1), admin_.get()).ok());
  stream_.reset();
  server_.reset();
  Start([&](Config* config) {
    config->data_dir = data;
    config->default_profile = "chat";
  });
  EXPECT_THAT(Delete("chat"),
              StatusIs(Code::kFailedPrecondition, "--default_profile"));
  EXPECT_FALSE(Open(1, "").has_error());
  EXPECT_TRUE(Delete("code").ok());
  stream_.reset();
  server_.reset();
  Start([&](Config* config) {
    config->data_dir = data;
    config->default_profile = "chat@1";
  });
  EXPECT_TRUE(Delete("chat").ok());
  EXPECT_EQ(Open(1, "").profile_revision(), "profiles/chat@1");
}

TEST_F(ProfileWrites, AnUpdateTellsWhatHistoryIsNeeded) {
  Start();
  EXPECT_EQ(Open(1, "").history_needed(), v1::HISTORY_NEEDED_GENERATED);
  const v1::SessionUpdated more = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->mutable_set()->set_repetition_penalty(1.2);
    update->mutable_set()->set_repetition_window(64);
  });
  EXPECT_FALSE(more.has_error()) << more.error().message();
  EXPECT_EQ(more.history_needed(), v1::HISTORY_NEEDED_PROMPT);
  const v1::SessionUpdated less = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->add_clear("repetition_penalty");
    update->add_clear("repetition_window");
  });
  EXPECT_FALSE(less.has_error()) << less.error().message();
  EXPECT_EQ(less.history_needed(), v1::HISTORY_NEEDED_GENERATED);
}

}  // namespace
}  // namespace logitd
