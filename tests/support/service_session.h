// What tests of sessions share: a session over a small vocabulary, and a way to
// step it.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_SESSION_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_SESSION_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "service/limits.h"
#include "service/session/session.h"
#include "tests/support/service_rows.h"

namespace logitd::testing {

inline constexpr uint32_t kVocab = 300;

inline SessionStart StartOf(Params params, uint64_t seed = 42) {
  SessionStart start;
  start.vocab_size = kVocab;
  start.params = std::move(params);
  start.seed = seed;
  return start;
}

inline Session OpenOrDie(SessionStart start) {
  return *Session::Open(std::move(start), Limits());
}

// The logits that a model would give at a position.
inline std::vector<float> RowAt(uint32_t position) {
  return MakeRow(position, kVocab);
}

// Steps sessions with one workspace.
class Stepper {
 public:
  EntryResult Step(const Entry& entry, const std::vector<float>& logits,
                   Session* session) {
    EntryResult result;
    session->Step(entry, RowOf(logits), sampler_, &workspace_, &result);
    return result;
  }

  // The next token of the session, on the row of its position.
  uint32_t Next(Session* session) {
    Entry entry;
    entry.position = session->position();
    return Step(entry, RowAt(entry.position), session).outcome.token;
  }

  std::vector<uint32_t> Generate(uint32_t count, Session* session) {
    std::vector<uint32_t> tokens;
    for (uint32_t i = 0; i < count; ++i) tokens.push_back(Next(session));
    return tokens;
  }

 private:
  Sampler sampler_{*kernels::Find("auto")};
  Workspace workspace_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_SESSION_H_
