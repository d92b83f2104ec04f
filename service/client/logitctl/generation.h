// Text from the demo model through the service: the loop of a model worker, a
// batch of sessions on one stream, one request for each step. Sessions whose
// contexts are equal share a row. Prints nothing.
// Threads: confined to one thread. Ownership: model and stream are borrowed for
// the call; the results are values. Cost: blocks until every session finished.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATION_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "logitd/v1/sampling.pb.h"
#include "service/client/logitctl/demo_model.h"
#include "service/client/stream.h"

namespace logitd::logitctl {

// What to generate.
struct Order {
  // Opened together, with session ids of their own. Every one must have
  // max_tokens, so that the loop ends.
  std::vector<v1::OpenSession> sessions;
  // Copies, made as soon as the sessions are open.
  std::vector<v1::ForkSession> forks;
  // The prompt of all sessions, as ids; it must be in each open too.
  std::vector<std::uint32_t> prompt;
  // How rows travel.
  v1::Dtype dtype = v1::DTYPE_FLOAT32;
  bool keep_rows = false;  // In Generated::rows.
};

// One generated token and what the server said about it.
struct Token {
  std::uint32_t id;
  double final_logprob;
  std::uint32_t kept;
  std::uint32_t phase;  // Text::phases[phase] is its name.
  double entropy;       // Of its draw, nats; NaN unless the session reports it.
};

// One session's text.
struct Text {
  std::uint64_t session_id = 0;
  std::uint64_t seed = 0;
  std::string fingerprint;
  std::string profile;              // profiles/id@revision; empty: none
  std::vector<std::string> phases;  // Names; the first is "base".
  v1::SessionOpened opened;         // All that the server said of it.
  std::vector<Token> tokens;
  v1::FinishReason finish_reason = v1::FINISH_REASON_UNSPECIFIED;
  v1::SessionClosed closed;  // With a receipt if its session asked for one.

  std::vector<std::uint32_t> Ids() const;
};

struct Generated {
  std::vector<Text> texts;  // Sessions in order, then forks in order.
  absl::Duration model_time;
  absl::Duration service_time;
  std::uint64_t row_bytes = 0;  // Sent to the service.
  std::string rows;             // All that were sent, if they are to be kept.
};

// Called for each token as it comes, the last one of `text`; `index` is the
// text's.
using OnToken = std::function<void(std::size_t index, const Text& text)>;

// What the demo model looks at of a text.
absl::Span<const std::uint32_t> ContextOf(
    absl::Span<const std::uint32_t> tokens);

// Runs the order to its end. A refused open, fork, entry or request ends it
// with the server's own message.
absl::StatusOr<Generated> Generate(const Order& order, DemoModel* model,
                                   client::Stream* stream,
                                   const OnToken& on_token);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATION_H_
