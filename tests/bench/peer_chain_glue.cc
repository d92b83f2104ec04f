// Behind peer_chain_abi.h: builds the peer's own stages and runs them on one
// row. Stands in for the vocabulary, which only the peer's text breakers need:
// here breakers come as tokens.

#include <vector>

#include "llama-impl.h"
#include "llama-sampler.h"
#include "llama-vocab.h"
#include "llama.h"
#include "peer_chain_abi.h"

// Never asked for anything.
struct llama_vocab::impl {};
llama_vocab::llama_vocab() = default;
llama_vocab::~llama_vocab() = default;

namespace {

llama_sampler* Bias(const LogitdChainStage& s, std::int32_t vocabulary) {
  std::vector<llama_logit_bias> biases;
  for (std::int32_t i = 0; i < s.count; ++i) {
    biases.push_back({s.tokens[i], s.values[i]});
  }
  return llama_sampler_init_logit_bias(vocabulary, s.count, biases.data());
}

llama_sampler* Dry(const LogitdChainStage& s) {
  // Off is a stage without the state that the testing constructor fills.
  if (s.reals[0] == 0.0f || s.reals[1] < 1.0f || s.integers[2] == 0) {
    return llama_sampler_init_dry(nullptr, s.integers[0], 0, 1, 1, 0, nullptr,
                                  0);
  }
  std::vector<std::vector<llama_token>> breakers;
  const std::int32_t* next = s.tokens;
  for (std::int32_t i = 0; i < s.count; ++i) {
    breakers.emplace_back(next, next + s.lengths[i]);
    next += s.lengths[i];
  }
  return llama_sampler_init_dry_testing(s.integers[0], s.reals[0], s.reals[1],
                                        s.integers[1], s.integers[2], breakers);
}

llama_sampler* Stage(const LogitdChainStage& s) {
  const std::int32_t* n = s.integers;
  const float* x = s.reals;
  const auto seed = [](std::int32_t bits) {
    return static_cast<std::uint32_t>(bits);
  };
  switch (s.kind) {
    case kChainLogitBias:
      return Bias(s, n[0]);
    case kChainPenalties:
      return llama_sampler_init_penalties(n[0], x[0], x[1], x[2]);
    case kChainDry:
      return Dry(s);
    case kChainTopNSigma:
      return llama_sampler_init_top_n_sigma(x[0]);
    case kChainTopK:
      return llama_sampler_init_top_k(n[0]);
    case kChainTypical:
      return llama_sampler_init_typical(x[0], 0);
    case kChainTopP:
      return llama_sampler_init_top_p(x[0], 0);
    case kChainMinP:
      return llama_sampler_init_min_p(x[0], 0);
    case kChainXtc:
      return llama_sampler_init_xtc(x[0], x[1], 0, seed(n[0]));
    case kChainTemperature:
      return llama_sampler_init_temp_ext(x[0], x[1], x[2]);
    case kChainMirostat1:
      return llama_sampler_init_mirostat(n[0], seed(n[1]), x[0], x[1], n[2]);
    case kChainMirostat2:
      return llama_sampler_init_mirostat_v2(seed(n[0]), x[0], x[1]);
    case kChainAdaptiveP:
      return llama_sampler_init_adaptive_p(x[0], x[1], seed(n[0]));
    default:
      return llama_sampler_init_dist(seed(n[0]));
  }
}

}  // namespace

extern "C" {

void* logitd_chain_open(const LogitdChainStage* stages, std::int32_t count) {
  llama_sampler_chain_params params = {};
  params.no_perf = true;
  llama_sampler* chain = llama_sampler_chain_init(params);
  for (std::int32_t i = 0; i < count; ++i) {
    llama_sampler_chain_add(chain, Stage(stages[i]));
  }
  return chain;
}

void logitd_chain_close(void* chain) {
  llama_sampler_free(static_cast<llama_sampler*>(chain));
}

void logitd_chain_accept(void* chain, std::int32_t token) {
  llama_sampler_accept(static_cast<llama_sampler*>(chain), token);
}

std::int32_t logitd_chain_apply(void* chain, const float* logits,
                                std::int32_t n, LogitdCandidate* out,
                                std::int32_t* selected) {
  std::vector<llama_token_data> all;
  all.reserve(static_cast<std::size_t>(n));
  for (std::int32_t id = 0; id < n; ++id) all.push_back({id, logits[id], 0});
  llama_token_data_array array = {all.data(), all.size(), -1, false};
  llama_sampler_apply(static_cast<llama_sampler*>(chain), &array);
  for (std::size_t i = 0; i < array.size; ++i) {
    out[i] = {array.data[i].id, array.data[i].logit, array.data[i].p};
  }
  *selected = static_cast<std::int32_t>(array.selected);
  return static_cast<std::int32_t>(array.size);
}

}  // extern "C"
