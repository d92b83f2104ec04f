// PacedSession: a session that steps when it is time to, on a stream of its
// own. What a step takes counts from when it was due, so that a server that
// falls behind shows it.
// Threads: Run() on one thread; StepTogether() gives each session one.
#ifndef LOGITD_TESTS_E2E_PACED_SESSION_H_
#define LOGITD_TESTS_E2E_PACED_SESSION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "service/client/client.h"

namespace logitd::testing {

// What became of steps.
struct PacedResult {
  std::vector<double> times_ms;  // of those answered with a token
  size_t failed = 0;
};

class PacedSession {
 public:
  explicit PacedSession(const client::Client& client);

  // Steps at least once, then every so often, as long as `goes_on`.
  PacedResult Run(std::chrono::nanoseconds every,
                  const std::function<bool()>& goes_on);

 private:
  bool Step();

  const std::unique_ptr<client::Stream> stream_;
  std::vector<float> row_ = std::vector<float>(32'768);
  uint32_t position_ = 0;
};

// All of them, until `meanwhile` returns.
PacedResult StepTogether(
    const std::vector<std::unique_ptr<PacedSession>>& sessions,
    std::chrono::nanoseconds every, const std::function<void()>& meanwhile);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_PACED_SESSION_H_
