// Phases multiply what the base holds: together they have a limit.
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/service/profiles_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::IdBytes;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

constexpr uint32_t kVocabSize = 100'000;

class PhaseLimits : public Profiles {
 protected:
  void SetUp() override { Start(); }

  v1::SampleResponse OpenWith(uint32_t id_count, uint32_t phases) {
    v1::SampleRequest request;
    v1::OpenSession* open = AddOpen(++id_, kVocabSize, &request);
    std::vector<uint32_t> ids(id_count);
    std::iota(ids.begin(), ids.end(), 100);
    open->mutable_params()->set_banned_ids(IdBytes(ids));
    for (uint32_t i = 0; i < phases; ++i) {
      v1::Phase* phase = open->add_phases();
      phase->set_name(absl::StrCat("p", i));
      phase->add_enter()->set_tokens(IdBytes({i}));
    }
    return stream_->Call(request);
  }

  uint64_t id_ = 0;
};

TEST_F(PhaseLimits, ALongListAndManyPhasesAreRefused) {
  EXPECT_THAT(StatusOf(OpenWith(60'000, 32).opened(0).error()),
              StatusIs(Code::kResourceExhausted,
                       "open[0].phases: the base and 32 phases hold "));
  EXPECT_THAT(StatusOf(OpenWith(60'000, 2).opened(0).error()),
              StatusIs(Code::kResourceExhausted, "twice --max_ids 65536"));
}

TEST_F(PhaseLimits, EachAloneIsTaken) {
  EXPECT_FALSE(OpenWith(65'536, 0).opened(0).has_error());
  EXPECT_FALSE(OpenWith(60'000, 1).opened(0).has_error());
  EXPECT_FALSE(OpenWith(3'000, 32).opened(0).has_error());
}

// What a client takes by default, with room.
TEST_F(PhaseLimits, TheReplyFitsIntoAMessage) {
  const v1::SampleResponse reply = OpenWith(3'900, 32);
  ASSERT_FALSE(reply.opened(0).has_error());
  EXPECT_LT(reply.ByteSizeLong(), size_t{2} << 20);
}

TEST_F(PhaseLimits, HoldForTheListsOfAProfileToo) {
  v1::Profile profile;
  for (int i = 0; i < 32; ++i) {
    v1::Phase* phase = profile.add_phases();
    phase->set_name(absl::StrCat("p", i));
    phase->add_enter()->set_tokens(IdBytes({static_cast<uint32_t>(i)}));
  }
  ASSERT_TRUE(Create("phased", profile, admin_.get()).ok());
  std::vector<uint32_t> ids(60'000);
  std::iota(ids.begin(), ids.end(), 100);
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocabSize, &request);
  open->set_profile("phased");
  open->mutable_params()->set_banned_ids(IdBytes(ids));
  EXPECT_THAT(StatusOf(stream_->Call(request).opened(0).error()),
              StatusIs(Code::kResourceExhausted, "32 phases hold"));
}

}  // namespace
}  // namespace logitd
