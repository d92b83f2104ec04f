// Generations that can go on at any server: what a client must keep of each,
// a model whose rows follow from the whole history, and the same generations on
// a quiet server to compare with.
// Threads: Generation is a value; the functions may be called from any thread,
// ExpectAsUndisturbed from the main thread only.
#ifndef LOGITD_TESTS_E2E_GENERATION_H_
#define LOGITD_TESTS_E2E_GENERATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "service/client/client.h"
#include "tests/e2e/model_worker.h"

namespace logitd::testing {

inline constexpr uint32_t kGenerationVocab = 512;

// One generation as its client knows it.
struct Generation {
  v1::OpenSession open;  // as at the very beginning: without tokens
  uint32_t prompt_size = 0;
  Ids tokens;
  // What was told with each token, all numbers of it, as a hash.
  std::vector<size_t> told;
  std::string fingerprint;  // of the first open; "" before
  uint64_t history = 0;     // a hash of prompt and tokens

  uint32_t position() const {
    return prompt_size + static_cast<uint32_t>(tokens.size());
  }
  // Appends what entry i of a result brought.
  void Take(const v1::StepResult& result, int i);
};

// Several kinds of parameters in turn; seeds from `first_seed` on.
std::vector<Generation> MakeGenerations(size_t count, uint64_t first_seed);

// The open that goes on where the generation is now.
v1::OpenSession OpenHere(uint64_t session_id, const Generation& generation);

// Adds the entry of the next token and its row to a step. One other token in
// the history makes all later rows other ones.
void AddNext(uint64_t session_id, const Generation& generation, v1::Step* step);

// Makes all of them again on a server of its own, which nobody disturbs, and
// compares each token and each number.
void ExpectAsUndisturbed(const std::vector<Generation>& generations);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_GENERATION_H_
