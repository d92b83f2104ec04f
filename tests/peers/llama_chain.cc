#include "tests/peers/llama_chain.h"

#include <algorithm>
#include <limits>

#include "tests/bench/peer_library.h"

namespace logitd::dialects {
namespace {

bool Load(const std::string& path, LlamaLibrary* library) {
  void* handle = OpenPeer(path);
  return handle != nullptr &&
         Find(handle, "logitd_chain_open", &library->open) &&
         Find(handle, "logitd_chain_close", &library->close) &&
         Find(handle, "logitd_chain_accept", &library->accept) &&
         Find(handle, "logitd_chain_apply", &library->apply);
}

float F(double x) { return static_cast<float>(x); }
int32_t I(size_t x) { return static_cast<int32_t>(x); }

LlamaStage Bias(const Params& params, uint32_t vocabulary) {
  LlamaStage stage{kChainLogitBias, {I(vocabulary)}, {}, {}, {}, {}};
  for (const auto& [id, bias] : params.bias) {
    stage.tokens.push_back(I(id));
    stage.values.push_back(F(bias));
  }
  for (uint32_t id : params.banned_ids) {
    stage.tokens.push_back(I(id));
    stage.values.push_back(-std::numeric_limits<float>::infinity());
  }
  return stage;
}

LlamaStage Dry(const Params& params, size_t history) {
  const int32_t last = params.dry_window == 0 ? -1 : I(params.dry_window);
  LlamaStage stage{kChainDry,
                   {I(history + 1), I(params.dry_allowed_length), last},
                   {F(params.dry_multiplier), F(params.dry_base)},
                   {},
                   {},
                   {}};
  for (const Ids& breaker : params.dry_breakers) {
    stage.tokens.insert(stage.tokens.end(), breaker.begin(), breaker.end());
    stage.lengths.push_back(I(breaker.size()));
  }
  return stage;
}

// common/sampling.cpp: a chain without mirostat.
void AddPenaltiesAndCuts(const Params& params, size_t history, int32_t seed,
                         std::vector<LlamaStage>* chain) {
  const size_t window =
      params.repetition_window == 0 ? history + 1 : params.repetition_window;
  const auto add = [&](LogitdChainKind kind, std::vector<int32_t> integers,
                       std::vector<float> reals) {
    chain->push_back({kind, std::move(integers), std::move(reals), {}, {}, {}});
  };
  add(kChainPenalties, {I(window)},
      {F(params.repetition), F(params.frequency), F(params.presence)});
  chain->push_back(Dry(params, history));
  add(kChainTopNSigma, {}, {F(params.top_n_sigma)});
  add(kChainTopK, {I(params.top_k)}, {});
  add(kChainTypical, {}, {F(params.typical_p)});
  add(kChainTopP, {}, {F(params.top_p)});
  add(kChainMinP, {}, {F(params.min_p)});
  add(kChainXtc, {seed},
      {params.xtc_applies ? 1.0f : 0.0f, F(params.xtc_threshold)});
}

}  // namespace

LlamaLibrary LoadLlama(const std::string& directory) {
  LlamaLibrary library;
  library.version = FirstLine(directory + "/version");
  for (const char* name : {"peer_gcc.so", "peer_clang.so"}) {
    if (Load(directory + "/" + name, &library)) return library;
  }
  library.missing = FirstLine(directory + "/why");
  library.unreachable = library.missing.rfind("npm", 0) == 0;
  if (library.missing.empty()) {
    library.missing = "not built: run tests/bench/peer.sh " + directory;
  }
  return library;
}

std::vector<LlamaStage> DefaultChain(const Params& params, uint32_t vocabulary,
                                     size_t history, int32_t seed) {
  std::vector<LlamaStage> chain = {Bias(params, vocabulary)};
  if (params.mirostat == 0) {
    AddPenaltiesAndCuts(params, history, seed, &chain);
  }
  const auto add = [&](LogitdChainKind kind, std::vector<int32_t> integers,
                       std::vector<float> reals) {
    chain.push_back({kind, std::move(integers), std::move(reals), {}, {}, {}});
  };
  add(kChainTemperature, {},
      {F(params.temperature), F(params.dynamic_temperature_range),
       F(params.dynamic_temperature_exponent)});
  const float tau = F(params.mirostat_mu / 2);  // it begins at mu = 2 tau
  if (params.mirostat == 1) {
    add(kChainMirostat1, {I(vocabulary), seed, 100}, {tau, 0.1f});
  } else if (params.mirostat == 2) {
    add(kChainMirostat2, {seed}, {tau, 0.1f});
  } else if (params.adaptive_p) {
    // It begins at a weight of 1 / (1 - decay).
    const double decay = 1 - 1 / params.adaptive_p_total_weight;
    add(kChainAdaptiveP, {seed}, {F(params.adaptive_p_target), F(decay)});
  } else {
    add(kChainDist, {seed}, {});
  }
  return chain;
}

LlamaChain::LlamaChain(const LlamaLibrary& library,
                       const std::vector<LlamaStage>& stages)
    : library_(library) {
  std::vector<LogitdChainStage> flat;
  for (const LlamaStage& stage : stages) {
    LogitdChainStage one = {};
    one.kind = stage.kind;
    std::copy(stage.integers.begin(), stage.integers.end(), one.integers);
    std::copy(stage.reals.begin(), stage.reals.end(), one.reals);
    one.tokens = stage.tokens.data();
    one.values = stage.values.data();
    one.lengths = stage.lengths.data();
    const bool biases = stage.kind == kChainLogitBias;
    one.count = I(biases ? stage.tokens.size() : stage.lengths.size());
    flat.push_back(one);
  }
  chain_ = library_.open(flat.data(), I(flat.size()));
}

LlamaChain::~LlamaChain() { library_.close(chain_); }

void LlamaChain::Accept(uint32_t token) { library_.accept(chain_, I(token)); }

std::vector<LogitdCandidate> LlamaChain::Apply(const std::vector<float>& row) {
  std::vector<LogitdCandidate> left(row.size());
  int32_t selected = -1;
  const int32_t count =
      library_.apply(chain_, row.data(), I(row.size()), left.data(), &selected);
  left.resize(static_cast<size_t>(count));
  if (selected >= 0) {
    chosen_ = static_cast<uint32_t>(left[static_cast<size_t>(selected)].id);
  }
  return left;
}

}  // namespace logitd::dialects
