// What is wrong with a profile is told as the profile's, not as the caller's.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IdBytes;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

class ProfileBlame : public Profiles {
 protected:
  void SetUp() override { Start(); }

  void CreateOrDie(const std::string& id, const v1::Profile& profile) {
    const absl::Status status = Create(id, profile, admin_.get());
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status OpenStatus(
      const std::string& profile,
      const std::function<void(v1::OpenSession*)>& adjust = {}) {
    return StatusOf(Open(++id_, profile, adjust).error());
  }
  static v1::Profile Banning(uint32_t id) {
    v1::Profile profile;
    profile.mutable_default_params()->set_banned_ids(IdBytes({1, id}));
    return profile;
  }

  uint64_t id_ = 0;
};

TEST_F(ProfileBlame, OfADefaultBeyondTheVocabulary) {
  CreateOrDie("wide", Banning(5000));
  EXPECT_THAT(OpenStatus("wide"),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/wide@1, "
                       "default_params.banned_ids: id 5000 at index 1"));
  // The caller's own is the caller's.
  EXPECT_THAT(
      OpenStatus("",
                 [](v1::OpenSession* open) {
                   open->mutable_params()->set_banned_ids(IdBytes({5000}));
                 }),
      StatusIs(Code::kInvalidArgument,
               "open[0].params.banned_ids: id 5000 at index 0"));
}

TEST_F(ProfileBlame, OfAForce) {
  v1::Profile profile;
  profile.mutable_force_params()->set_allowed_ids(IdBytes({7000}));
  CreateOrDie("forced", profile);
  EXPECT_THAT(OpenStatus("forced"),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/forced@1, "
                       "force_params.allowed_ids: id 7000"));
}

TEST_F(ProfileBlame, OfAPhase) {
  v1::Profile profile;
  v1::Phase* phase = profile.add_phases();
  phase->set_name("tool");
  phase->add_enter()->set_tokens(IdBytes({7}));
  phase->mutable_default_params()->set_banned_ids(IdBytes({9000}));
  CreateOrDie("phased", profile);
  EXPECT_THAT(OpenStatus("phased"),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/phased@1, "
                       "phases[0].default_params.banned_ids: id 9000"));
  // The phases of a request are the caller's.
  EXPECT_THAT(
      OpenStatus("",
                 [&](v1::OpenSession* open) { *open->add_phases() = *phase; }),
      StatusIs(Code::kInvalidArgument,
               "open[0].phases[0].default_params.banned_ids: id 9000"));
}

// Lists unite: a wrong id is told of the level that has it, at its index there.
TEST_F(ProfileBlame, OfAPartOfAUnitedList) {
  v1::Profile profile;
  profile.mutable_default_params()->set_stop_ids(IdBytes({9, 7, 4000}));
  CreateOrDie("stops", profile);
  EXPECT_THAT(OpenStatus("stops",
                         [](v1::OpenSession* open) {
                           open->mutable_params()->set_stop_ids(IdBytes({5}));
                         }),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/stops@1, "
                       "default_params.stop_ids: id 4000 at index 2"));
  EXPECT_THAT(
      OpenStatus("stops",
                 [](v1::OpenSession* open) {
                   open->mutable_params()->set_stop_ids(IdBytes({5, 6000}));
                 }),
      StatusIs(Code::kInvalidArgument,
               "open[0].params.stop_ids: id 6000 at index 1"));
}

TEST_F(ProfileBlame, OfATrigger) {
  v1::Profile profile;
  v1::Phase* phase = profile.add_phases();
  phase->set_name("tool");
  phase->add_enter()->set_tokens(IdBytes({4000}));
  CreateOrDie("triggered", profile);
  EXPECT_THAT(OpenStatus("triggered"),
              StatusIs(Code::kInvalidArgument,
                       "open[0].profile: profiles/triggered@1, "
                       "phases[0].enter[0]"));
  EXPECT_THAT(
      OpenStatus("",
                 [&](v1::OpenSession* open) { *open->add_phases() = *phase; }),
      StatusIs(Code::kInvalidArgument, "open[0].phases[0].enter[0]"));
}

TEST_F(ProfileBlame, OfWhatCannotBeFoundNamesItOnce) {
  EXPECT_THAT(OpenStatus("nobody"),
              StatusIs(Code::kNotFound,
                       "open[0].profile: there is no profiles/nobody"));
}

TEST_F(ProfileBlame, OfARebindIsTheRebinds) {
  CreateOrDie("chat", Banning(7));
  ASSERT_FALSE(Open(1, "chat").has_error());
  v1::UpdateProfileRequest request;
  *request.mutable_profile() = Banning(8000);
  request.mutable_profile()->set_name("profiles/chat");
  grpc::ClientContext context;
  ASSERT_TRUE(admin_->UpdateProfile(&context, request, &last_).ok());
  const v1::SessionUpdated updated = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->set_rebind(true);
  });
  EXPECT_THAT(StatusOf(updated.error()),
              StatusIs(Code::kInvalidArgument,
                       "update[0].rebind: profiles/chat@2, "
                       "default_params.banned_ids: id 8000"));
  const v1::SessionUpdated set = Update([](v1::UpdateSession* update) {
    update->set_session_id(1);
    update->mutable_set()->set_banned_ids(IdBytes({6000}));
  });
  EXPECT_THAT(
      StatusOf(set.error()),
      StatusIs(Code::kInvalidArgument, "update[0].set.banned_ids: id 6000"));
}

}  // namespace
}  // namespace logitd
