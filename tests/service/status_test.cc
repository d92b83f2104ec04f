// Errors as gRPC carries them to a client, who takes 8 KiB of metadata.
#include "service/status.h"

#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::EndsWith;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

google::rpc::BadRequest DetailsOf(const grpc::Status& status) {
  google::rpc::Status wire;
  google::rpc::BadRequest bad;
  EXPECT_TRUE(wire.ParseFromString(status.error_details()));
  EXPECT_EQ(wire.code(), static_cast<int>(status.error_code()));
  if (wire.details_size() > 0) {
    EXPECT_TRUE(wire.details(0).UnpackTo(&bad));
  }
  return bad;
}

TEST(ToGrpcStatus, LeavesWhatFitsAlone) {
  const grpc::Status status =
      ToGrpcStatus(absl::InvalidArgumentError("top_p: 2 is outside (0, 1]"));
  EXPECT_EQ(status.error_message(), "top_p: 2 is outside (0, 1]");
  const google::rpc::BadRequest bad = DetailsOf(status);
  ASSERT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "top_p");
  EXPECT_EQ(bad.field_violations(0).description(), "2 is outside (0, 1]");
}

TEST(ToGrpcStatus, CutsALongMessageBetweenCharacters) {
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string why(shift, 'x');
    while (why.size() < 5000) why += "\xe2\x82\xac";  // a euro sign
    const grpc::Status status =
        ToGrpcStatus(absl::InvalidArgumentError("name: " + why));
    EXPECT_LE(status.error_message().size(), 1000u);
    EXPECT_GE(status.error_message().size(), 990u);
    EXPECT_THAT(status.error_message(), EndsWith("\xe2\x82\xac..."));
    EXPECT_LE(3 * status.error_message().size() +
                  4 * status.error_details().size() / 3,
              7900u);
  }
}

class LargeErrors : public Profiles {};

TEST_F(LargeErrors, ReachTheClientWithTheirCode) {
  Start();
  v1::Profile profile;
  for (int i = 0; i < 100; ++i) {
    v1::Clamp* clamp = profile.add_clamps();
    clamp->set_knob("no_such_knob");
    clamp->set_mode(v1::CLAMP_MODE_CLAMP);
  }
  v1::CreateProfileRequest request;
  request.set_profile_id("chat");
  *request.mutable_profile() = profile;
  grpc::ClientContext context;
  const grpc::Status status = admin_->CreateProfile(&context, request, &last_);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
      << status.error_message();
  const google::rpc::BadRequest bad = DetailsOf(status);
  const int count = bad.field_violations_size();
  ASSERT_GT(count, 10);
  EXPECT_EQ(bad.field_violations(0).field(), "clamps[0].knob");
  EXPECT_EQ(bad.field_violations(count - 1).description(),
            absl::StrCat("and ", 101 - count, " more"));
}

TEST_F(LargeErrors, OfALongEtagQuoteAPartOfIt) {
  Start();
  ASSERT_TRUE(Create("chat", Warm(0.5), admin_.get()).ok());
  EXPECT_THAT(SetTemperature("chat", 0.6, std::string(100'000, '\n')),
              StatusIs(Code::kResourceExhausted, "--max_profile_bytes"));
  EXPECT_THAT(SetTemperature("chat", 0.6, std::string(9'000, '\n')),
              StatusIs(Code::kAborted, "etag: \"\\n\\n"));
  EXPECT_THAT(SetTemperature("chat", 0.6, "\"1-0\""),
              StatusIs(Code::kAborted, "etag: \"1-0\" is not the stored one"));
}

}  // namespace
}  // namespace logitd
