// Our side of the peer's shared object: peer.sh compiles it together with the
// fetched llama-sampler.cpp. It stands in for the parts of the peer that a
// sampler chain only asks for a row and its length, so that the peer's own
// llama_sampler_sample runs unchanged, and marks when its first part (the
// candidate array) is done. One chain at a time; not thread-safe.

#include <time.h>

#include <cstdint>

#include "llama-impl.h"
#include "llama.h"
#include "peer_abi.h"

namespace {

const float* current_logits = nullptr;
std::int32_t current_n = 0;
std::int64_t built_ns = 0;

void MarkBuilt(llama_sampler*, llama_token_data_array*) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  built_ns = now.tv_sec * std::int64_t{1000000000} + now.tv_nsec;
}

// A stage that changes nothing; first in every chain.
llama_sampler* MarkStage() {
  static llama_sampler_i interface = {};
  interface.apply = MarkBuilt;
  return llama_sampler_init(&interface, nullptr);
}

void AddTemperature(llama_sampler* chain, float temperature) {
  if (temperature == 1.0f) return;
  llama_sampler_chain_add(chain, llama_sampler_init_temp(temperature));
}

void AddTruncations(llama_sampler* chain, const LogitdPeerSpec& spec) {
  if (spec.top_k > 0) {
    llama_sampler_chain_add(chain, llama_sampler_init_top_k(spec.top_k));
  }
  if (spec.top_p < 1.0f) {
    llama_sampler_chain_add(chain, llama_sampler_init_top_p(spec.top_p, 1));
  }
  if (spec.min_p > 0.0f) {
    llama_sampler_chain_add(chain, llama_sampler_init_min_p(spec.min_p, 1));
  }
}

}  // namespace

extern "C" {

void* logitd_peer_open(const LogitdPeerSpec* spec) {
  llama_sampler_chain_params params = {};
  params.no_perf = true;  // the peer's default: its timers are off
  llama_sampler* chain = llama_sampler_chain_init(params);
  llama_sampler_chain_add(chain, MarkStage());
  if (spec->penalty_last_n > 0) {
    llama_sampler_chain_add(chain, llama_sampler_init_penalties(
                                       spec->penalty_last_n, spec->repetition,
                                       spec->frequency, spec->presence));
  }
  if (spec->greedy != 0) {
    llama_sampler_chain_add(chain, llama_sampler_init_greedy());
    return chain;
  }
  if (spec->temperature_first != 0) AddTemperature(chain, spec->temperature);
  AddTruncations(chain, *spec);
  if (spec->temperature_first == 0) AddTemperature(chain, spec->temperature);
  llama_sampler_chain_add(chain, llama_sampler_init_dist(1));
  return chain;
}

void logitd_peer_close(void* chain) {
  llama_sampler_free(static_cast<llama_sampler*>(chain));
}

void logitd_peer_accept(void* chain, std::int32_t token) {
  llama_sampler_accept(static_cast<llama_sampler*>(chain), token);
}

std::int32_t logitd_peer_sample(void* chain, const float* logits,
                                std::int32_t n) {
  current_logits = logits;
  current_n = n;
  return llama_sampler_sample(static_cast<llama_sampler*>(chain), nullptr, -1);
}

std::int64_t logitd_peer_built_ns() { return built_ns; }

}  // extern "C"

// What the peer asks its context and model, answered for one row. No backend
// sampled anything, so the sampler works on the logits.
float* llama_get_logits_ith(llama_context*, std::int32_t) {
  return const_cast<float*>(current_logits);
}
llama_token llama_get_sampled_token_ith(llama_context*, std::int32_t) {
  return LLAMA_TOKEN_NULL;
}
float* llama_get_sampled_probs_ith(llama_context*, std::int32_t) {
  return nullptr;
}
float* llama_get_sampled_logits_ith(llama_context*, std::int32_t) {
  return nullptr;
}
llama_token* llama_get_sampled_candidates_ith(llama_context*, std::int32_t) {
  return nullptr;
}
const llama_model* llama_get_model(const llama_context*) { return nullptr; }
const llama_vocab* llama_model_get_vocab(const llama_model*) { return nullptr; }
std::int32_t llama_vocab_n_tokens(const llama_vocab*) { return current_n; }

// The peer's own timers and log, off.
time_meas::time_meas(std::int64_t& total, bool)
    : t_start_us(-1), t_acc(total) {}
time_meas::~time_meas() = default;
void llama_log_internal(lm_ggml_log_level, const char*, ...) {}
