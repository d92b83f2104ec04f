// One status of many violations.
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "service/profiles/validate.h"
#include "service/profiles/validate_violation.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

const Violation kOther = {"a", "over --max_a",
                          absl::StatusCode::kResourceExhausted};
const Violation kLimit = {"b", "over --max_b",
                          absl::StatusCode::kResourceExhausted};
const Violation kWrong = {"c", "wrong"};

std::string Told(const Violations& violations) {
  const absl::Status status = ToStatus(violations);
  return absl::StrCat(Code(status), " ", std::string(status.message()));
}

TEST(ViolationsAsOneStatus, HaveTheCodeThatNobodyCanHelp) {
  EXPECT_EQ(Told({kLimit}), "RESOURCE_EXHAUSTED b: over --max_b");
  EXPECT_EQ(Told({kOther, kLimit}), "RESOURCE_EXHAUSTED a: over --max_a");
  EXPECT_EQ(Told({kOther, kLimit, kWrong}), "INVALID_ARGUMENT c: wrong");
  EXPECT_EQ(Told({kWrong, {"d", "wrong too"}}), "INVALID_ARGUMENT c: wrong");
}

TEST(ViolationsAsOneStatus, TellAllInTheirOrder) {
  const absl::Status status = ToStatus({kOther, kLimit, kWrong});
  google::rpc::BadRequest all;
  ASSERT_TRUE(
      all.ParseFromString(std::string(*status.GetPayload(kBadRequestUrl))));
  ASSERT_EQ(all.field_violations_size(), 3);
  EXPECT_EQ(all.field_violations(0).field(), "a");
  EXPECT_EQ(all.field_violations(2).field(), "c");
}

TEST(ViolationsAsOneStatus, OfALimitNameTheLimitAsAnOpenDoes) {
  v1::Profile profile;
  profile.set_name("profiles/a");
  for (int i = 0; i < 65; ++i) {
    profile.mutable_default_params()->add_stop_sequences()->set_tokens(
        std::string("\1\0\0\0", 4));
  }
  const absl::Status status = ToStatus(Validate(profile, Limits()));
  EXPECT_EQ(Code(status), "RESOURCE_EXHAUSTED") << status;
}

}  // namespace
}  // namespace logitd
