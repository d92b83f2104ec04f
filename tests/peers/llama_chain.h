// llama.cpp's own sampler chain in this process: loads the shared object that
// tests/bench/peer.sh built and runs any chain on any row.
//
// A library is loaded once and never unloaded; it is thread-safe, a chain is
// confined to one thread.
#ifndef LOGITD_TESTS_PEERS_LLAMA_CHAIN_H_
#define LOGITD_TESTS_PEERS_LLAMA_CHAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/peer_chain_abi.h"
#include "tests/oracle/dialects/dialects.h"

namespace logitd::dialects {

struct LlamaLibrary {
  decltype(&logitd_chain_open) open = nullptr;
  decltype(&logitd_chain_close) close = nullptr;
  decltype(&logitd_chain_accept) accept = nullptr;
  decltype(&logitd_chain_apply) apply = nullptr;
  std::string version;
  std::string missing;       // why it is not there; empty: it is
  bool unreachable = false;  // it could not be fetched: nobody's fault here
};

// Reads what peer.sh left in `directory`.
LlamaLibrary LoadLlama(const std::string& directory);

// One stage of a chain with the lists that it points to.
struct LlamaStage {
  LogitdChainKind kind;
  std::vector<int32_t> integers;
  std::vector<float> reals;
  std::vector<int32_t> tokens;
  std::vector<float> values;
  std::vector<int32_t> lengths;
};

// The chain that llama.cpp's server makes of these parameters for a history of
// so many tokens; `seed` is that of every draw in it. The windows of the three
// penalties must be one. What is banned becomes a bias of -inf, as there.
std::vector<LlamaStage> DefaultChain(const Params& params, uint32_t vocabulary,
                                     size_t history, int32_t seed);

class LlamaChain {
 public:
  LlamaChain(const LlamaLibrary& library,
             const std::vector<LlamaStage>& stages);
  ~LlamaChain();
  LlamaChain(const LlamaChain&) = delete;
  LlamaChain& operator=(const LlamaChain&) = delete;

  void Accept(uint32_t token);
  // What is left of the candidate array.
  std::vector<LogitdCandidate> Apply(const std::vector<float>& row);
  // The token that the last Apply() chose.
  uint32_t chosen() const { return chosen_; }

 private:
  const LlamaLibrary& library_;
  void* chain_;
  uint32_t chosen_ = 0;
};

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_PEERS_LLAMA_CHAIN_H_
