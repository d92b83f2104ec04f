// What a model worker does, for tests: rows of the real trigram model, steps
// made of them, and replies taken apart to be compared bit for bit.
// Threads: not thread-safe, one model for the process. Ownership: rows are
// kept as long as the process lives (290 KB each). Cost: a new row takes
// milliseconds.
#ifndef LOGITD_TESTS_E2E_MODEL_WORKER_H_
#define LOGITD_TESTS_E2E_MODEL_WORKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "service/client/client.h"

namespace logitd::testing {

using Ids = std::vector<uint32_t>;

uint32_t RealVocabSize();
// The word that ends a sentence.
uint32_t EndOfSentence();
// Ids of the words in `text`; an unknown word aborts the test program.
Ids Words(const std::string& text);
// The logits after these tokens, as FLOAT32 bytes. Depends on the last two.
const std::string& RealRow(const Ids& tokens);

// All numbers that can be reported.
v1::Report FullReport();

// Adds the row that follows `tokens` to the step and returns its index.
uint32_t AddRealRow(const Ids& tokens, v1::Step* step);

// Entry i of a result alone, as a result of one entry: what the session was
// told, whatever stood beside it. Times are left out.
v1::StepResult EntryOf(const v1::StepResult& all, int i);
// Bit for bit the same.
bool SameBits(const v1::StepResult& a, const v1::StepResult& b);

// Sends the request with a new id and waits for its reply. A request that fails
// as a whole, and an element of a list that does, fail the test.
v1::SampleResponse Exchange(client::Stream* stream, v1::SampleRequest request);

// The texts of several sessions, stepped together on real rows.
class Texts {
 public:
  explicit Texts(client::Stream* stream) : stream_(stream) {}

  // The prompt and tokens of a session that is open, or is being opened.
  void Add(uint64_t session_id, Ids tokens) {
    ids_.push_back(session_id);
    tokens_.push_back(std::move(tokens));
  }
  // Sends `request` with one step of all texts; appends what was drawn.
  // The entries in the order of Add.
  std::vector<v1::StepResult> Step(v1::SampleRequest request = {},
                                   uint32_t attempt = 0);
  // `count` steps; the tokens drawn, a list for each text.
  std::vector<Ids> Generate(int count);

  const Ids& tokens(size_t text) const { return tokens_[text]; }
  // Takes tokens back, as after a rewind, or adds some.
  void Resize(size_t text, size_t size) { tokens_[text].resize(size); }
  void Append(size_t text, const Ids& more) {
    tokens_[text].insert(tokens_[text].end(), more.begin(), more.end());
  }

 private:
  client::Stream* const stream_;
  std::vector<uint64_t> ids_;
  std::vector<Ids> tokens_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_MODEL_WORKER_H_
