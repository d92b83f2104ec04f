#include "service/client/logitctl/profile_assign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "service/client/logitctl/exit_code.h"
#include "tests/client/parse_profile.h"

namespace logitd::logitctl {
namespace {

using ::testing::HasSubstr;

TEST(ProfileFields, AreSet) {
  v1::Profile profile;
  for (const char* assignment :
       {"default_params.temperature=0.3", "force_params.top-k=1",
        "labels.team=search=it", "description=for, tests"}) {
    EXPECT_TRUE(SetProfileField(assignment, &profile).ok()) << assignment;
  }
  EXPECT_EQ(profile.default_params().temperature(), 0.3);
  EXPECT_EQ(profile.force_params().top_k(), 1);
  EXPECT_EQ(profile.labels().at("team"), "search=it");
  EXPECT_EQ(profile.description(), "for, tests");
}

TEST(ProfileFields, AreUnset) {
  v1::Profile profile = Parse(
      "description: a\n"
      "labels: {team: search, task: code}\n"
      "default_params: {temperature: 0, top_p: 0.9}\n"
      "force_params: {logit_bias_ids: [1], logit_bias_values: [2]}");
  for (const char* field :
       {"default_params.temperature", "force_params.logit_bias_ids",
        "labels.team", "description", "labels.nobody"}) {
    EXPECT_TRUE(UnsetProfileField(field, &profile).ok()) << field;
  }
  const v1::Profile left =
      Parse("labels: {task: code}\ndefault_params: {top_p: 0.9}");
  EXPECT_EQ(profile.SerializeAsString(), left.SerializeAsString());
}

// Parameters without a knob would be a change.
TEST(ProfileFields, ThatAreNotThereLeaveNothingBehind) {
  v1::Profile profile = Parse("description: a");
  EXPECT_TRUE(UnsetProfileField("default_params.top_p", &profile).ok());
  EXPECT_TRUE(UnsetProfileField("force_params.logit_bias", &profile).ok());
  EXPECT_EQ(profile.SerializeAsString(),
            Parse("description: a").SerializeAsString());
}

TEST(ProfileFields, ThatCannotBeNamedSoAreWrongUsage) {
  v1::Profile profile;
  for (const char* assignment :
       {"top_p=1", "labels.team", "description", "name=x", "clamps=1", "=1",
        "default_params.bogus=1", "default_params.top_p"}) {
    EXPECT_EQ(ExitCodeOf(SetProfileField(assignment, &profile)), kUsage)
        << assignment;
  }
  for (const char* field : {"top_p", "labels", "name", "default_params",
                            "default_params.bogus", ""}) {
    EXPECT_EQ(ExitCodeOf(UnsetProfileField(field, &profile)), kUsage) << field;
  }
  EXPECT_THAT(
      std::string(
          UnsetProfileField("force_params.temprature", &profile).message()),
      HasSubstr("the nearest is temperature"));
}

TEST(ProfileFields, ThatAreListsHaveAnotherWay) {
  v1::Profile profile;
  for (const absl::Status& status :
       {SetProfileField("clamps[0].max=0.9", &profile),
        UnsetProfileField("clamps[0].max", &profile)}) {
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("; clamps, phases and models are changed with "
                          "`profiles edit` or --file"));
  }
}

}  // namespace
}  // namespace logitd::logitctl
