#include "service/client/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "google/rpc/error_details.pb.h"
#include "service/client/status.h"

namespace logitd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Ids, AreLittleEndian) {
  EXPECT_EQ(PackIds({1, 0x01020304}),
            std::string("\x01\x00\x00\x00\x04\x03\x02\x01", 8));
  EXPECT_THAT(*UnpackIds(PackIds({7, kNone})), ElementsAre(7, kNone));
  EXPECT_THAT(*UnpackIds(""), IsEmpty());
}

TEST(Ids, RefuseHalfAnId) {
  EXPECT_EQ(UnpackIds("12345").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(MakeOpen, LeavesTheSeedToTheServerUnlessGiven) {
  EXPECT_FALSE(MakeOpen(1, 10, {}, std::nullopt).has_seed());
  const v1::OpenSession open = MakeOpen(1, 10, {}, 0);
  EXPECT_TRUE(open.has_seed());
  EXPECT_EQ(open.vocab_size(), 10);
}

TEST(SetRows, FillsTheTensor) {
  v1::Step step;
  ASSERT_TRUE(SetRows({1, 2, 3, 4, 5, 6}, 3, &step).ok());
  EXPECT_EQ(step.row_count(), 2);
  EXPECT_EQ(step.row_width(), 3);
  EXPECT_EQ(step.dtype(), v1::DTYPE_FLOAT32);
  float third = 0;
  std::memcpy(&third, step.logits().inline_().data() + 8, 4);
  EXPECT_EQ(third, 3);
}

TEST(SetRows, RefusesAnIncompleteRow) {
  v1::Step step;
  EXPECT_EQ(SetRows({1, 2, 3, 4}, 3, &step).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SetRows({1, 2}, 0, &step).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(step.has_logits());
}

TEST(SetPackedRows, CountsTheBytesOfTheDtype) {
  v1::Step step;
  ASSERT_TRUE(
      SetPackedRows(std::string(12, 'x'), v1::DTYPE_BFLOAT16, 2, &step).ok());
  EXPECT_EQ(step.row_count(), 3);
}

std::uint16_t Narrowed(float value) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, PackBfloat16({value}).data(), 2);
  return bits;
}

TEST(PackBfloat16, RoundsToNearestTiesToEven) {
  EXPECT_EQ(Narrowed(1.0F), 0x3F80);
  EXPECT_EQ(Narrowed(-2.0F), 0xC000);
  EXPECT_EQ(Narrowed(1.0F + 0x1p-8F), 0x3F80);      // A tie, down to even.
  EXPECT_EQ(Narrowed(1.0F + 3 * 0x1p-8F), 0x3F82);  // A tie, up to even.
  EXPECT_EQ(Narrowed(1.0F + 0x1p-8F + 0x1p-20F), 0x3F81);
  EXPECT_EQ(Narrowed(std::numeric_limits<float>::max()), 0x7F80);
}

TEST(PackBfloat16, KeepsInfinityAndNan) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Narrowed(infinity), 0x7F80);
  EXPECT_EQ(Narrowed(-infinity), 0xFF80);
  EXPECT_EQ(Narrowed(std::nanf("")) & 0x7F80, 0x7F80);
  EXPECT_NE(Narrowed(std::nanf("")) & 0x7F, 0);
}

// Every float16 comes back, and what lies between two goes to the nearer.
TEST(PackFloat16, RoundsToNearestTiesToEven) {
  const auto narrowed = [](float value) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, PackFloat16({value}).data(), 2);
    return bits;
  };
  const auto widened = [](std::uint32_t bits) {  // Not negative, finite.
    const int exponent = static_cast<int>(bits >> 10);
    const float digits = static_cast<float>(bits & 1023);
    return exponent == 0 ? std::ldexp(digits, -24)
                         : std::ldexp(1024 + digits, exponent - 25);
  };
  for (std::uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    const float here = widened(bits);
    const float next = widened(bits + 1);
    const float middle = here + (next - here) / 2;  // Exact.
    ASSERT_EQ(narrowed(here), bits);
    ASSERT_EQ(narrowed(-here), bits | 0x8000);
    ASSERT_EQ(narrowed(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(narrowed(std::nextafter(middle, next)), bits + 1);
    ASSERT_EQ(narrowed(std::nextafter(middle, here)), bits);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(narrowed(65504.0F), 0x7BFF);
  EXPECT_EQ(narrowed(std::nextafter(65520.0F, 0.0F)), 0x7BFF);
  EXPECT_EQ(narrowed(65520.0F), 0x7C00);
  EXPECT_EQ(narrowed(-infinity), 0xFC00);
  EXPECT_EQ(narrowed(std::nanf("")) & 0x7C00, 0x7C00);
  EXPECT_NE(narrowed(std::nanf("")) & 0x3FF, 0);
}

TEST(AddGuidedEntry, GivesEveryEntryAGuidanceRowOrNone) {
  v1::Step step;
  AddEntry(1, 0, 0, &step);
  EXPECT_EQ(step.guidance_row_size(), 0);
  AddGuidedEntry(2, 5, 1, 2, &step);
  AddEntry(3, 0, 3, &step);
  EXPECT_THAT(step.guidance_row(), ElementsAre(kNone, 2, kNone));
  EXPECT_THAT(step.session_id(), ElementsAre(1, 2, 3));
  EXPECT_THAT(step.row(), ElementsAre(0, 1, 3));
}

TEST(ReadEntry, ReadsDigestsAndKeptIds) {
  v1::StepResult result;
  for (int i = 0; i < 3; ++i) {
    result.add_status(v1::ENTRY_STATUS_OK);
  }
  EXPECT_EQ(ReadEntry(result, 0)->state, "");
  result.add_state("mu");
  EXPECT_EQ(ReadEntry(result, 0)->state, "mu");
  EXPECT_EQ(ReadEntry(result, 1)->state, "");
  EXPECT_FALSE(ReadEntry(result, 0)->row_digest.has_value());
  EXPECT_TRUE(ReadEntry(result, 0)->kept_ids.empty());
  result.add_row_digest(5);
  for (const std::uint64_t offset : {0U, 2U, 2U, 3U}) {
    result.add_kept_offset(offset);
  }
  result.mutable_kept_ids()->set_inline_(PackIds({4, 9, 7}));
  EXPECT_EQ(ReadEntry(result, 0)->row_digest, 5);
  EXPECT_FALSE(ReadEntry(result, 1)->row_digest.has_value());
  EXPECT_THAT(ReadEntry(result, 0)->kept_ids, ElementsAre(4, 9));
  EXPECT_TRUE(ReadEntry(result, 1)->kept_ids.empty());
  EXPECT_THAT(ReadEntry(result, 2)->kept_ids, ElementsAre(7));
  // Offsets of a broken reply reach nothing.
  result.set_kept_offset(3, ~std::uint64_t{0});
  EXPECT_TRUE(ReadEntry(result, 2)->kept_ids.empty());
  result.set_kept_offset(2, 9);
  EXPECT_TRUE(ReadEntry(result, 1)->kept_ids.empty());
}

TEST(ReadEntry, ReadsWhatIsThere) {
  v1::StepResult result;
  result.add_status(v1::ENTRY_STATUS_OK);
  result.add_status(v1::ENTRY_STATUS_OK);
  result.add_token(kNone);
  result.add_token(17);
  result.add_kept(0);
  result.add_kept(3);
  result.add_phase(0);
  result.add_phase(2);
  result.add_final_logprob(0);
  result.add_final_logprob(-1.5);
  result.add_finish_reason(v1::FINISH_REASON_UNSPECIFIED);
  result.add_finish_reason(v1::FINISH_REASON_EOS);
  const Entry entry = *ReadEntry(result, 1);
  EXPECT_EQ(entry.token, 17);
  EXPECT_EQ(entry.kept, 3);
  EXPECT_EQ(entry.phase, 2);
  EXPECT_EQ(entry.final_logprob, -1.5);
  EXPECT_EQ(FinishName(entry.finish_reason), "EOS");
  EXPECT_TRUE(std::isnan(entry.raw_logprob));
  EXPECT_FALSE(entry.drawn_token.has_value());
  EXPECT_FALSE(ReadEntry(result, 0)->token.has_value());
}

TEST(ReadEntry, GivesTheEntrysOwnError) {
  v1::StepResult result;
  for (const std::uint32_t index : {1U, 0U, 9U}) {
    result.add_status(v1::ENTRY_STATUS_ERROR);
    result.add_error_index(index);
  }
  result.add_errors()->set_code(3);
  result.mutable_errors(0)->set_message("NaN at 5");
  result.add_errors()->set_code(9);
  result.mutable_errors(1)->set_message("expected position 4");
  EXPECT_EQ(ReadEntry(result, 0)->error,
            absl::FailedPreconditionError("expected position 4"));
  EXPECT_EQ(ReadEntry(result, 1)->error,
            absl::InvalidArgumentError("NaN at 5"));
  // A server that breaks its own contract is not believed to be fine.
  EXPECT_EQ(ReadEntry(result, 2)->error.code(), absl::StatusCode::kUnknown);
}

TEST(ReadEntry, RefusesAnEntryThatIsNotThere) {
  EXPECT_EQ(ReadEntry({}, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReadEntry({}, -1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(ToStatus, KeepsCodeAndMessage) {
  EXPECT_TRUE(ToStatus(google::rpc::Status()).ok());
  EXPECT_TRUE(ToStatus(grpc::Status::OK).ok());
  google::rpc::Status status;
  status.set_code(5);
  status.set_message("no session 9");
  EXPECT_EQ(ToStatus(status), absl::NotFoundError("no session 9"));
  status.set_code(99);
  EXPECT_EQ(ToStatus(status).code(), absl::StatusCode::kUnknown);
}

TEST(ToStatus, DoesNotSayAViolationTwice) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("top_p");
  violation->set_description("1.5 is outside (0, 1]");
  google::rpc::Status status;
  status.set_code(3);
  status.set_message("top_p: 1.5 is outside (0, 1]");
  status.add_details()->PackFrom(bad_request);
  EXPECT_EQ(ToStatus(status).message(), "top_p: 1.5 is outside (0, 1]");
}

TEST(RetryDelay, IsWhatTheServerSaidIfItDid) {
  google::rpc::Status status;
  status.set_code(8);
  EXPECT_FALSE(RetryDelay(status).has_value());
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  status.add_details();  // one that says nothing
  status.add_details()->PackFrom(retry);
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(1500));
}

TEST(ToStatus, NamesReasonRetryAndTheUnknown) {
  google::rpc::ErrorInfo reason;
  reason.set_reason("DRAINING");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(2);
  google::rpc::Status status;
  status.set_code(14);
  status.set_message("not now");
  status.add_details()->PackFrom(reason);
  status.add_details()->PackFrom(retry);
  status.add_details()->set_type_url("types/of.tomorrow");
  const absl::Status read = ToStatus(status);
  EXPECT_THAT(read.message(), HasSubstr("reason: DRAINING"));
  EXPECT_THAT(read.message(), HasSubstr("retry after: 2s"));
  EXPECT_THAT(read.message(), HasSubstr("types/of.tomorrow"));
}

TEST(ToStatus, BelievesTheCallWhenItsDetailsAreBroken) {
  const absl::Status status = ToStatus(grpc::Status(
      grpc::StatusCode::ABORTED, "etag differs", "\xFF\xFF\xFF not a proto"));
  EXPECT_EQ(status, absl::AbortedError("etag differs"));
}

}  // namespace
}  // namespace logitd::client
