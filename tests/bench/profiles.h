// The work that is timed: named settings of the core knobs for our sampler and
// for the peer, with the bars they must meet. Values only; thread-safe.

#ifndef LOGITD_TESTS_BENCH_PROFILES_H_
#define LOGITD_TESTS_BENCH_PROFILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sampler/params.h"
#include "tests/bench/peer_abi.h"

namespace logitd::bench {

// What must be reached on one kind of row.
struct Bars {
  std::optional<double> x_r;     // at most so many R
  std::optional<double> faster;  // at least so many times the peer's speed
  std::optional<double> aim_x_r = {};
};

struct Profile {
  std::string name;
  Params params;
  bool final_logprob = true;
  bool bfloat16 = false;
  bool penalties = false;   // the bar is the profile before it plus kPenaltiesR
  bool mask = false;        // a mask comes with each row
  bool second_row = false;  // guidance needs one
  Bars peaked, wide;
  LogitdPeerSpec peer = {};
};

// What penalties over the window may add.
inline constexpr double kPenaltiesR = 0.05;
inline constexpr std::uint32_t kPenaltyWindow = 64;
// Any core profile on any adversarial row.
inline constexpr double kAdversarialR = 24;
inline constexpr double kAdversarialAim = 16;
// xR at 262,144 / xR at 32,000.
inline constexpr double kGrowth = 1.25;
inline constexpr double kGrowthAim = 1.1;

const std::vector<Profile>& CoreProfiles();

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_PROFILES_H_
