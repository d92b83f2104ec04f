// The C door to an arbitrary sampler chain of the peer: peer.sh builds what is
// behind it into the same shared object as peer_abi.h. Must include nothing of
// the peer. A chain belongs to one thread; the caller owns all it passes.

#ifndef LOGITD_TESTS_BENCH_PEER_CHAIN_ABI_H_
#define LOGITD_TESTS_BENCH_PEER_CHAIN_ABI_H_

#include <cstdint>

extern "C" {

// What a stage's numbers mean: integers, then reals, in the order that the
// peer's own constructors take them.
enum LogitdChainKind : std::int32_t {
  kChainLogitBias,    // tokens and values, count of them
  kChainPenalties,    // last_n; repetition, frequency, presence
  kChainDry,          // context, allowed, last_n; multiplier, base; breakers
  kChainTopNSigma,    // n
  kChainTopK,         // k
  kChainTypical,      // p
  kChainTopP,         // p
  kChainMinP,         // p
  kChainXtc,          // seed; probability, threshold
  kChainTemperature,  // temperature, range, exponent
  kChainMirostat1,    // vocabulary, seed, m; tau, eta
  kChainMirostat2,    // seed; tau, eta
  kChainAdaptiveP,    // seed; target, decay
  kChainDist,         // seed
};

struct LogitdChainStage {
  std::int32_t kind;
  std::int32_t integers[3];
  float reals[3];
  const std::int32_t* tokens;   // of logit bias, or of all breakers in a row
  const float* values;          // of logit bias
  const std::int32_t* lengths;  // of the breakers
  std::int32_t count;           // of biases, or of breakers
};

struct LogitdCandidate {
  std::int32_t id;
  float logit;
  float p;
};

// To be closed with logitd_chain_close.
void* logitd_chain_open(const LogitdChainStage* stages, std::int32_t count);
void logitd_chain_close(void* chain);
void logitd_chain_accept(void* chain, std::int32_t token);
// Runs the chain on a row of n logits and copies what is left of the candidate
// array to `out`, which has room for n. Returns how many there are; *selected
// is the index of the token that the chain chose, or -1.
std::int32_t logitd_chain_apply(void* chain, const float* logits,
                                std::int32_t n, LogitdCandidate* out,
                                std::int32_t* selected);
}

#endif  // LOGITD_TESTS_BENCH_PEER_CHAIN_ABI_H_
