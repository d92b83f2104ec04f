// Sessions as a model worker runs them while profiles change: many on one
// stream, stepped together. Notes all that the server says of them.
// Threads: one at a time. Does not judge tokens or fingerprints: churn_test
// does; any other failure is an error.
#ifndef LOGITD_TESTS_E2E_CHURN_CLIENT_H_
#define LOGITD_TESTS_E2E_CHURN_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/client/client.h"

namespace logitd::testing {

inline constexpr uint32_t kChurnVocab = 512;

// One session, and what it does beside its steps.
struct ChurnPlan {
  v1::OpenSession open;      // session_id: its index
  uint32_t first_step = 0;   // the step that it is opened at
  bool asks = false;         // an empty update each step
  bool rebinds = false;      // that update asks to rebind
  uint32_t moves_every = 0;  // tokens after which it is closed and opened again
};

// What the server told of one session.
struct ChurnTold {
  std::string opened_at;  // profile_revision of the first open
  // Changes that had been made before the open was sent, when it was answered,
  // and when the last token came.
  size_t before_open = 0;
  size_t after_open = 0;
  size_t at_end = 0;
  // profile_revision and fingerprint of each reply that has them; a receipt
  // has no revision.
  std::vector<std::pair<std::string, std::string>> bindings;
  std::vector<uint32_t> tokens;
};

class ChurnSessions {
 public:
  // `progress`: how many changes were made so far.
  ChurnSessions(std::vector<ChurnPlan> plans, uint32_t token_count,
                std::function<size_t()> progress);

  // Opens, steps and closes all of them. `pace` is called before each request
  // with its number. An error: of the stream, of a request, of a part of it,
  // but for an open by name while there is no such profile, which is tried
  // again, and a rebind then.
  absl::Status Run(client::Stream* stream,
                   const std::function<absl::Status(uint32_t)>& pace);
  const std::vector<ChurnTold>& told() const { return told_; }

 private:
  enum class State { kWaiting, kOpen, kDone };

  v1::SampleRequest Compose(uint32_t step) const;
  void ComposeOpen(size_t i, v1::SampleRequest* request) const;
  absl::Status Take(const v1::SampleRequest& request,
                    const v1::SampleResponse& reply, size_t before);
  absl::Status TakeClosed(const v1::SessionClosed& closed);
  absl::Status TakeOpened(const v1::SessionOpened& opened, size_t before);
  absl::Status TakeUpdated(const v1::SessionUpdated& updated);
  absl::Status TakeStep(const v1::Step& asked, const v1::StepResult& result);

  const std::vector<ChurnPlan> plans_;
  const uint32_t token_count_;
  const std::function<size_t()> progress_;
  std::vector<State> states_;
  std::vector<ChurnTold> told_;
};

// What a client process does. As text, for its environment.
struct ChurnTask {
  std::string target;
  std::string progress_file;  // how many changes were made
  std::string result_file;    // where what it was told goes
  uint64_t first_seed = 0;
  uint32_t session_count = 0;
  uint32_t token_count = 0;
  bool rebinds = false;

  std::string ToText() const;
  static ChurnTask FromText(const std::string& text);
};

// The plans of a task: the profiles in turn, half of the sessions by name and
// half at a first revision; some ask, some move, all begin one after the other.
// If it rebinds: all by name, and all rebind.
std::vector<ChurnPlan> PlansOf(const ChurnTask& task);

// The process: no step before the writer made another change.
absl::Status RunChurnClient(const ChurnTask& task);
absl::StatusOr<std::vector<ChurnTold>> ReadResult(const ChurnTask& task);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_CHURN_CLIENT_H_
