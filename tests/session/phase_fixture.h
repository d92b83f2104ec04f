// Sessions with phases for tests: profiles of phases inside each other, and
// steps that may be compared.
#ifndef LOGITD_TESTS_SESSION_PHASE_FIXTURE_H_
#define LOGITD_TESTS_SESSION_PHASE_FIXTURE_H_

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "service/session/session.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {

using Phases = std::vector<PhaseParams>;

inline PhaseParams Phase(std::string name, std::vector<TokenIds> enter,
                         std::vector<TokenIds> leave = {}, Params params = {},
                         std::string within = "") {
  return {std::move(name), std::move(enter), std::move(leave),
          std::move(within), std::move(params)};
}

inline Params Greedy() {
  Params params;
  params.temperature = 0;
  return params;
}

// Few tokens, so that the sequences below come up often.
inline Params Narrow() {
  Params params;
  params.temperature = 4;
  params.allowed_ids = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  return params;
}

// Three phases inside each other, each with windows of its own.
inline Phases Nested() {
  Params think = Narrow();
  think.temperature = 6;
  think.repetition_penalty = 1.4;
  think.repetition_window = 9;
  think.presence_penalty = 0.7;
  think.presence_window = 30;
  Params plan = Narrow();
  plan.repetition_penalty = 1.1;
  plan.frequency_penalty = 0.3;
  plan.presence_penalty = 0.2;
  Params tool = Narrow();
  tool.temperature = 3;
  tool.frequency_penalty = -0.4;
  tool.frequency_window = 5;
  return {Phase("tool", {{3}, {5, 3}}, {{4}, {8}}, tool, "plan"),
          Phase("think", {{1}, {6, 2}}, {{9, 9}, {0, 7}}, think),
          Phase("plan", {{2}, {2, 5}}, {{5, 6}}, plan, "think")};
}

inline SessionStart NestedStart() {
  Params base = Narrow();
  base.frequency_penalty = 0.5;
  base.frequency_window = 12;
  SessionStart start = testing::StartOf(base);
  start.phases = Nested();
  return start;
}

// A step that may be compared with another.
struct Seen {
  uint32_t token, phase, kept;
  double final_logprob;
  FinishReason finish;
  bool operator==(const Seen&) const = default;
};

inline void PrintTo(const Seen& seen, std::ostream* out) {
  *out << "token " << seen.token << " phase " << seen.phase << " kept "
       << seen.kept << " logprob " << seen.final_logprob;
}

inline Seen SeenIn(const EntryResult& result) {
  return {result.outcome.token, result.phase, result.outcome.kept,
          result.outcome.final_logprob, result.finish};
}

inline Entry At(const Session& session, uint32_t attempt = 0) {
  Entry entry;
  entry.position = session.position();
  entry.attempt = attempt;
  return entry;
}

class PhasesTest : public ::testing::Test {
 protected:
  EntryResult Step(Session* session, uint32_t attempt = 0) {
    return stepper_.Step(At(*session, attempt),
                         testing::RowAt(session->position()), session);
  }
  std::vector<Seen> Run(size_t count, Session* session) {
    std::vector<Seen> seen;
    for (size_t i = 0; i < count; ++i) seen.push_back(SeenIn(Step(session)));
    return seen;
  }
  testing::Stepper stepper_;
};

inline TokenIds TokensOf(const std::vector<Seen>& seen, size_t count) {
  TokenIds tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(seen[i].token);
  return tokens;
}

inline void Append(const TokenIds& tokens, Session* session) {
  ASSERT_THAT(session->Append({}, tokens), testing::IsOk());
}

}  // namespace logitd

#endif  // LOGITD_TESTS_SESSION_PHASE_FIXTURE_H_
