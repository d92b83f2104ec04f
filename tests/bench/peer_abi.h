// The C door between the bench and the peer's sampler, which lives in a shared
// object that peer.sh builds at run time. Must include nothing of the peer: the
// bench compiles without it. Objects behind it are not thread-safe.

#ifndef LOGITD_TESTS_BENCH_PEER_ABI_H_
#define LOGITD_TESTS_BENCH_PEER_ABI_H_

#include <cstdint>

extern "C" {

// A sampler chain; a stage is left out at its off value.
struct LogitdPeerSpec {
  std::int32_t greedy;          // off 0; else the only stage
  std::int32_t penalty_last_n;  // off 0
  float repetition, frequency, presence;
  std::int32_t top_k;  // off 0
  float top_p;         // off 1
  float min_p;         // off 0
  float temperature;   // off 1
  // Temperature before the truncations, as logitd/1 has it; the peer's own
  // default is after them.
  std::int32_t temperature_first;
};

// One chain, to be closed with logitd_peer_close.
void* logitd_peer_open(const LogitdPeerSpec* spec);
void logitd_peer_close(void* chain);
// Adds a token to what the penalties see.
void logitd_peer_accept(void* chain, std::int32_t token);
// The peer's own sample function: candidate array, chain, accept.
std::int32_t logitd_peer_sample(void* chain, const float* logits,
                                std::int32_t n);
// CLOCK_MONOTONIC when the last sample had its candidate array.
std::int64_t logitd_peer_built_ns();
}

#endif  // LOGITD_TESTS_BENCH_PEER_ABI_H_
