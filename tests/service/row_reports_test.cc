// What a step tells of its rows on request: their digest, and the kept ids.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sampler/row_digest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using ::testing::ElementsAre;
using testing::kVocab;
using testing::RowAt;

std::string Bytes(const std::vector<uint16_t>& halves) {
  return std::string(reinterpret_cast<const char*>(halves.data()),
                     2 * halves.size());
}

TEST_F(StreamTest, TellsTheDigestOfTheRowsOfThoseThatAsk) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_report()->set_row_digest(true);
  AddOpen(2, kVocab, &request);
  v1::OpenSession* open = AddOpen(3, kVocab - 1, &request);
  open->mutable_report()->set_row_digest(true);
  open->mutable_params()->set_top_k(2);
  for (uint64_t id = 1; id <= 3; ++id) AddEntry(id, 0, RowAt(5), &request);
  const v1::StepResult result = stream_.Call(request).step();
  const std::vector<float> row = RowAt(5);
  EXPECT_THAT(result.row_digest(),
              ElementsAre(RowDigest(row.data(), kVocab), 0,
                          RowDigest(row.data(), kVocab - 1)));
  EXPECT_EQ(testing::Step(2, 1, &stream_).row_digest_size(), 0);
}

// RowAt's values are multiples of 1/64 below 8: a float16 holds them.
TEST_F(StreamTest, TakesFloat16RowsAsTheirWidenedValues) {
  const std::vector<float> row = RowAt(0);
  v1::SampleRequest wide;
  for (uint64_t id = 1; id <= 2; ++id) {
    v1::Report* report = AddOpen(id, kVocab, &wide)->mutable_report();
    report->set_row_digest(true);
    report->set_raw_logprob(true);
  }
  AddEntry(1, 0, row, &wide);
  v1::SampleRequest narrow;
  AddEntry(2, 0, row, &narrow);
  narrow.mutable_step()->set_dtype(v1::DTYPE_FLOAT16);
  narrow.mutable_step()->mutable_logits()->set_inline_(
      Bytes(tests::ToFloat16(row)));
  v1::StepResult a = stream_.Call(wide).step();
  v1::StepResult b = stream_.Call(narrow).step();
  a.clear_compute_us();
  b.clear_compute_us();
  EXPECT_EQ(a.status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
}

// The list of entry `i`.
TokenIds KeptIdsOf(const v1::StepResult& result, int i) {
  const TokenIds all = testing::IdsOf(result.kept_ids().inline_());
  const auto at = [&](int k) {
    return all.begin() + static_cast<ptrdiff_t>(result.kept_offset(k));
  };
  return TokenIds(at(i), at(i + 1));
}

TEST_F(StreamTest, ListsTheKeptIdsOfThoseThatAsk) {
  v1::SampleRequest request;
  const auto open = [&](uint64_t id, uint32_t top_k, bool asks) {
    v1::OpenSession* wire = AddOpen(id, kVocab, &request);
    wire->mutable_params()->set_top_k(top_k);
    wire->mutable_report()->set_kept_ids(asks);
    AddEntry(id, 0, RowAt(0), &request);
    return wire;
  };
  open(1, 5, true);
  open(2, 5, false);
  open(3, 1, true);
  open(4, 20, true)->mutable_params()->set_temperature(0);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.kept_offset_size(), 5);
  EXPECT_THAT(result.kept_offset(), ElementsAre(0, 5, 5, 6, 7));
  const TokenIds kept = KeptIdsOf(result, 0);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_THAT(kept, ::testing::Contains(result.token(0)));
  EXPECT_THAT(KeptIdsOf(result, 2), ElementsAre(result.token(2)));
  EXPECT_THAT(KeptIdsOf(result, 3), ElementsAre(result.token(3)));
  const v1::StepResult none = testing::Step(2, 1, &stream_);
  EXPECT_EQ(none.kept_offset_size(), 0);
  EXPECT_FALSE(none.has_kept_ids());
}

TEST_F(StreamTest, TellsKeptIdsAndDigestOfAReplayAgain) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocab, &request);
  open->mutable_report()->set_kept_ids(true);
  open->mutable_report()->set_row_digest(true);
  open->mutable_params()->set_top_k(3);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::StepResult first = stream_.Call(request).step();
  request.clear_open();
  request.clear_step();
  AddEntry(1, 0, RowAt(9), &request);  // not read
  const v1::StepResult again = stream_.Call(request).step();
  EXPECT_EQ(again.status(0), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(again.kept_ids().inline_(), first.kept_ids().inline_());
  EXPECT_EQ(again.row_digest(0), first.row_digest(0));
}

TEST(KeptIds, OfMoreThanTheLimitAreLeftOut) {
  const testing::TestServer server(
      [](Config* config) { config->limits.max_kept_ids = 10; });
  testing::TestStream stream(server);
  v1::SampleRequest request;
  for (const uint32_t top_k : {10u, 11u, 9u}) {
    v1::OpenSession* open = AddOpen(top_k, kVocab, &request);
    open->mutable_params()->set_top_k(top_k);
    open->mutable_report()->set_kept_ids(true);
    AddEntry(top_k, 0, RowAt(0), &request);
  }
  const v1::StepResult result = stream.Call(request).step();
  EXPECT_THAT(result.kept(), ElementsAre(10, 11, 9));
  EXPECT_THAT(result.kept_offset(), ElementsAre(0, 10, 10, 19));
  EXPECT_EQ(result.kept_ids().inline_().size(), 19 * 4);
}

}  // namespace
}  // namespace logitd
