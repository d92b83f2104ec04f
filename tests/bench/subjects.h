// The things that are timed, as stopwatch items: our sampler, the peer, the
// yardstick and memcpy. Each item owns its state; rows are borrowed and must
// outlive it. Items are not thread-safe.

#ifndef LOGITD_TESTS_BENCH_SUBJECTS_H_
#define LOGITD_TESTS_BENCH_SUBJECTS_H_

#include <cstdint>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "tests/bench/peer.h"
#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/stopwatch.h"

namespace logitd::bench {

// What a session has generated before the first timed step.
struct Past {
  std::uint32_t count = kPenaltyWindow;
  std::uint32_t distinct = kPenaltyWindow;  // ids, each in turn
  std::uint32_t prompt = 0;                 // tokens before those
};

// One step of a session: sample the row, append the token. Exits with a
// message when the sampler refuses.
Item OurStep(const Profile& profile, const kernels::KernelTable& kernels,
             const Rows& rows, Past past = {});

// The same with the peer's own sample function; its part is the candidate
// array, the rest is the chain.
Item PeerStep(const Profile& profile, const Peer& peer, const Rows& rows);

// The max passes that can run here, each checked against a scalar loop first.
std::vector<Item> YardstickPasses(const Rows& rows);
Item Memcpy(const Rows& rows);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_SUBJECTS_H_
