#include "service/preflight.h"

#include "gtest/gtest.h"
#include "logitd/v1/sampling.pb.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::StatusIs;
using Code = absl::StatusCode;

// In slices of `piece` bytes, as gRPC receives them.
grpc::ByteBuffer Bytes(const std::string& text, size_t piece = 1 << 20) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < text.size(); at += piece) {
    slices.emplace_back(text.substr(at, piece));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

Preflight Look(const std::string& text, const Limits& limits = Limits(),
               size_t piece = 1 << 20) {
  return Inspect(Bytes(text, piece), v1::SampleRequest::descriptor(), limits);
}

v1::SampleRequest SomeRequest() {
  v1::SampleRequest request;
  request.set_request_id(0x0102030405060708u);
  for (uint64_t id = 0; id < 3; ++id) {
    request.add_open()->mutable_params()->set_top_p(0.5);
  }
  v1::Step* step = request.mutable_step();
  step->mutable_logits()->set_inline_(std::string(5000, 'x'));
  step->add_session_id(1);
  step->add_mode(v1::ENTRY_MODE_PEEK);
  return request;
}

TEST(Preflight, FindsTheIdAndTheFieldsAcrossAnySlices) {
  const std::string text = SomeRequest().SerializeAsString();
  for (const size_t piece : {1u, 2u, 3u, 7u, 64u, 100000u}) {
    const Preflight seen = Look(text, Limits(), piece);
    EXPECT_TRUE(seen.well_formed);
    EXPECT_THAT(seen.status, IsOk());
    EXPECT_EQ(seen.request_id, 0x0102030405060708u);
    EXPECT_TRUE(seen.has_field(v1::SampleRequest::kStepFieldNumber));
    EXPECT_TRUE(seen.has_field(v1::SampleRequest::kOpenFieldNumber));
    EXPECT_FALSE(seen.has_field(v1::SampleRequest::kCloseFieldNumber));
  }
}

TEST(Preflight, TellsTheNumbersAskedForAcrossAnySlices) {
  v1::SampleRequest request = SomeRequest();
  v1::Step* step = request.mutable_step();
  step->add_session_id(2);
  step->set_row_count(7);
  step->set_timeout_us(1ull << 40);
  // Numbers elsewhere are not meant.
  request.add_close()->set_session_id(99);
  const AskedField asked[] = {{8, v1::Step::kTimeoutUsFieldNumber},
                              {8, v1::Step::kSessionIdFieldNumber, true},
                              {8, v1::Step::kRowCountFieldNumber}};
  const std::string text = request.SerializeAsString();
  for (const size_t piece : {1u, 3u, 100000u}) {
    const Preflight seen = Inspect(
        Bytes(text, piece), v1::SampleRequest::descriptor(), Limits(), asked);
    EXPECT_TRUE(seen.well_formed);
    EXPECT_THAT(seen.asked, ::testing::ElementsAre(1ull << 40, 16, 7));
  }
  // A list may come unpacked, and in pieces.
  v1::SampleRequest more;
  more.mutable_step()->add_session_id(3);
  std::string unpacked = text + more.SerializeAsString();
  const std::string element = {5 << 3 | 1, 1, 0, 0, 0, 0, 0, 0, 0};
  unpacked += std::string({8 << 3 | 2, 9}) + element;
  EXPECT_THAT(
      Inspect(Bytes(unpacked), v1::SampleRequest::descriptor(), Limits(), asked)
          .asked,
      ::testing::ElementsAre(1ull << 40, 32, 7));
  v1::SampleOnceRequest once;
  once.set_draw_count(300);
  once.mutable_open()->mutable_params()->set_top_k(5);
  const AskedField draws[] = {
      {0, v1::SampleOnceRequest::kDrawCountFieldNumber}};
  EXPECT_THAT(Inspect(Bytes(once.SerializeAsString()),
                      v1::SampleOnceRequest::descriptor(), Limits(), draws)
                  .asked,
              ::testing::ElementsAre(300, 0, 0));
}

TEST(Preflight, FindsTheIdOfARequestThatIsTooLong) {
  v1::SampleRequest request = SomeRequest();
  const uint64_t id = request.request_id();
  request.clear_request_id();
  std::string text = request.SerializeAsString();
  v1::SampleRequest only_id;
  only_id.set_request_id(id);
  text += only_id.SerializeAsString();  // at the end, as any client may
  Limits limits;
  limits.max_step_bytes = 1000;
  const Preflight seen = Look(text, limits);
  EXPECT_TRUE(seen.well_formed);
  EXPECT_EQ(seen.request_id, id);
  EXPECT_THAT(seen.status,
              StatusIs(Code::kResourceExhausted, "--max_step_bytes 1000"));
}

TEST(Preflight, RefusesEveryTruncationThatTheParserRefuses) {
  const std::string text = SomeRequest().SerializeAsString();
  for (size_t length = 0; length < text.size(); ++length) {
    const std::string cut = text.substr(0, length);
    v1::SampleRequest parsed;
    EXPECT_EQ(Look(cut).well_formed, parsed.ParseFromString(cut)) << length;
  }
}

TEST(Preflight, CountsPackedVarintsUnknownFieldsAndEmptyMessages) {
  const size_t count = FieldsMax(Limits()) + 1;
  v1::SampleRequest packed;
  packed.mutable_step()->mutable_mode()->Resize(static_cast<int>(count), 1);
  EXPECT_THAT(Look(packed.SerializeAsString()).status,
              StatusIs(Code::kResourceExhausted, "request: more than 131072"));
  std::string unknown;
  for (size_t i = 0; i < count; ++i) unknown += std::string("\xf8\x01\x00", 3);
  EXPECT_THAT(Look(unknown).status,
              StatusIs(Code::kResourceExhausted, "--max_sessions 4096"));
  v1::SampleRequest empty;
  for (size_t i = 0; i < count; ++i) empty.add_close();
  EXPECT_THAT(Look(empty.SerializeAsString()).status,
              StatusIs(Code::kResourceExhausted, "fields"));
}

TEST(Preflight, DoesNotCountWhatTakesNoMoreMemoryThanBytes) {
  v1::SampleRequest request;
  request.mutable_step()->mutable_position()->Resize(1 << 18, 1);
  request.add_append()->mutable_tokens()->resize(1 << 20);
  EXPECT_THAT(Look(request.SerializeAsString()).status, IsOk());
}

TEST(Preflight, StopsAtDeepNesting) {
  std::string nested;
  for (int i = 0; i < 200; ++i) nested += '\x0b';  // a group in a group
  EXPECT_FALSE(Look(nested).well_formed);
}

TEST(Preflight, ParsesIntoAMessage) {
  const v1::SampleRequest request = SomeRequest();
  v1::SampleRequest parsed;
  ASSERT_TRUE(ParseInto(Bytes(request.SerializeAsString(), 100), &parsed));
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
  EXPECT_FALSE(ParseInto(Bytes("\x0f"), &parsed));
}

}  // namespace
}  // namespace logitd
