// Forks of many sessions: no two of them draw alike.
#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "service/session/session.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::OpenOrDie;
using testing::StartOf;
using testing::Stepper;

// A fork whose key were its parent's and its index would be the next request's,
// or another fork of it. Opened at the same position, so that nothing but the
// key tells the sessions apart.
TEST(SessionForks, OfNeighbouringSeedsAreAllUnlike) {
  Stepper stepper;
  constexpr uint32_t kSeeds = 12, kForks = 12;
  for (const uint64_t first : {uint64_t{0}, uint64_t{42}, ~uint64_t{5}}) {
    std::set<uint64_t> keys;
    std::set<std::vector<uint32_t>> texts;
    for (uint32_t i = 0; i < kSeeds; ++i) {
      const uint64_t seed = first + i;  // the last of them pass 2^64
      const Session parent = OpenOrDie(StartOf({}, seed));
      for (uint32_t index = 0; index < kForks; ++index) {
        Session child = parent.Fork(index);
        keys.insert(child.seed());
        texts.insert(stepper.Generate(6, &child));
      }
    }
    EXPECT_EQ(keys.size(), kSeeds * kForks) << first;
    EXPECT_EQ(texts.size(), kSeeds * kForks) << first;
  }
}

// Forks of forks, and of one parent at other positions.
TEST(SessionForks, OfForksAndOfOtherPositionsAreAllUnlike) {
  Stepper stepper;
  Session session = OpenOrDie(StartOf({}));
  std::set<uint64_t> keys = {session.seed()};
  for (uint32_t position = 0; position < 4; ++position) {
    for (const uint32_t index : {1u, 2u, 3u, 4u}) {
      const Session child = session.Fork(index);
      keys.insert(child.seed());
      for (const uint32_t next : {1u, 2u, 3u, 4u}) {
        keys.insert(child.Fork(next).seed());
      }
    }
    stepper.Next(&session);
  }
  EXPECT_EQ(keys.size(), 1u + 4 * 4 * 5);
}

}  // namespace
}  // namespace logitd
