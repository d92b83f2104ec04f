// Digests of histories on the wire: told with each token that asks, and checked
// at open.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

v1::OpenSession* AddAsking(uint64_t id, v1::SampleRequest* request) {
  v1::OpenSession* open = AddOpen(id, kVocab, request);
  open->set_seed(42);
  open->set_prompt_length(3);
  open->mutable_report()->set_history_digest(true);
  return open;
}

TEST_F(StreamTest, TellsTheDigestOfTheHistoriesOfThoseThatAsk) {
  v1::SampleRequest request;
  AddAsking(1, &request);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 3, RowAt(3), &request);
  AddEntry(2, 0, RowAt(3), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.history_digest_size(), 2);
  EXPECT_EQ(result.history_digest(0).size(), 8u);
  EXPECT_EQ(result.history_digest(1), "");
  // A retry brings it again, a peek that of the history as it is.
  v1::StepResult again = testing::Step(1, 3, &stream_);
  EXPECT_EQ(again.status(0), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(again.history_digest(0), result.history_digest(0));
  v1::SampleRequest peek;
  AddEntry(1, 4, RowAt(4), &peek);
  peek.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  EXPECT_EQ(stream_.Call(peek).step().history_digest(0),
            result.history_digest(0));
  EXPECT_NE(testing::Step(1, 4, &stream_).history_digest(0),
            result.history_digest(0));
  EXPECT_EQ(testing::Step(2, 1, &stream_).history_digest_size(), 0);
}

TEST_F(StreamTest, ChecksTheDigestOfAHistoryThatIsOpenedAgain) {
  v1::SampleRequest request;
  AddAsking(1, &request);
  AddEntry(1, 3, RowAt(3), &request);
  const v1::StepResult result = stream_.Call(request).step();
  const auto reopen = [&](uint64_t id, const std::string& digest,
                          uint32_t token) {
    v1::SampleRequest again;
    v1::OpenSession* open = AddAsking(id, &again);
    open->set_generated(testing::IdBytes({token}));
    open->set_history_digest(digest);
    return StatusOf(stream_.Call(again).opened(0).error());
  };
  const std::string& digest = result.history_digest(0);
  EXPECT_TRUE(reopen(2, digest, result.token(0)).ok());
  EXPECT_THAT(reopen(3, digest, (result.token(0) + 1) % kVocab),
              StatusIs(Code::kFailedPrecondition, "open[0].history_digest: "));
  EXPECT_THAT(
      reopen(4, digest + "x", result.token(0)),
      StatusIs(Code::kInvalidArgument,
               "open[0].history_digest: 9 bytes are not the 8 of a digest"));
}

}  // namespace
}  // namespace logitd
