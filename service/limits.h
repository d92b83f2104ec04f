// Limits: every bound that a client can meet, each with a flag of its name.
//
// A plain value, set once at start by config.cc. Who refuses something over a
// limit names the flag and allocates nothing for it before.
#ifndef LOGITD_SERVICE_LIMITS_H_
#define LOGITD_SERVICE_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace logitd {

struct Limits {
  uint64_t max_step_bytes = uint64_t{80} << 20;  // one request on the wire
  uint32_t max_rows = 256;                       // rows, and entries, of a step
  uint32_t max_vocab_size = 1u << 20;
  uint32_t max_sessions = 4096;     // open on one stream
  uint32_t max_history = 1u << 20;  // tokens of one session, prompt and output
  uint32_t max_top_n = 128;
  uint32_t max_kept_ids = 4096;  // told of one token; more are left out
  uint32_t max_ids = 65536;      // of one list of token ids in the parameters
  uint32_t max_bias = 4096;      // biased tokens
  uint32_t max_stop_sequences = 64;
  uint32_t max_inflight = 4;   // unanswered requests of one stream
  uint32_t max_streams = 256;  // on the server
  // Of the unanswered requests of all streams and calls together.
  uint64_t max_unanswered_bytes = uint64_t{512} << 20;
  // How long a step may have to wait for others. 0: any time.
  absl::Duration max_queue_delay = absl::Milliseconds(100);
  uint32_t max_watchers = 256;  // WatchProfiles calls at once
  uint32_t max_profiles = 1000;
  uint32_t max_profile_bytes = 16 << 10;  // of one profile, serialized
  uint32_t max_profile_names = 100'000;   // ever made, deleted ones too
  uint32_t max_revisions = 1000;          // kept of one profile; the oldest go
  uint32_t max_profile_calls = 4096;      // of ProfileService, that wait
};

// Draws of one SampleOnce. Fixed by the contract.
inline constexpr uint32_t kDrawsMax = 1024;
// Phases of one list. Fixed by the contract.
inline constexpr uint32_t kPhasesMax = 32;

}  // namespace logitd

#endif  // LOGITD_SERVICE_LIMITS_H_
