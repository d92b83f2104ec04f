// What generate and sweep have in common: the flags of both, and a connection
// to the server and the demo model, ready to run an order. Threads: confined to
// one thread. Ownership: a Worker owns its connections. Cost: Connect blocks;
// prints nothing.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_WORKER_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_WORKER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/client/logitctl/demo_model.h"
#include "service/client/logitctl/flags.h"
#include "service/client/logitctl/generation.h"

namespace logitd::logitctl {

// Tokens of a text when --max-tokens does not say.
inline constexpr std::uint32_t kDefaultMaxTokens = 60;

struct WorkerFlags {
  ServerFlags server;
  ModelFlags model;
  KnobFlags knobs;
  std::string prompt;
  std::string profile;
  std::string dtype = "float32";

  void AddTo(CLI::App* app);
};

class Worker {
 public:
  // What is wrong with the knobs is told before anybody is asked.
  static absl::StatusOr<Worker> Connect(const WorkerFlags& flags);

  const Vocabulary& vocabulary() const { return model_->vocabulary(); }
  // An order without sessions: prompt and dtype as the flags say.
  const Order& blank_order() const { return blank_order_; }
  // A session as the flags say, with the vocabulary's end token as EOS. Its id
  // is a session's place in the order, from 1 on.
  const v1::OpenSession& blank_session() const { return blank_session_; }
  // The knobs that the flags set, without what Worker adds to them.
  const v1::SamplingParams& asked() const { return asked_; }
  absl::StatusOr<Generated> Run(const Order& order, const OnToken& on_token);
  // For calls beside the stream.
  const client::Client& client() const { return *client_; }
  // The model's row behind the prompt, in the dtype of the blank order.
  absl::StatusOr<std::string> PromptRow();

 private:
  Worker() = default;
  // Makes the blanks of what only the model knows: words, and the end token.
  absl::Status FillBlanks(const WorkerFlags& flags, const Knobs& knobs);

  std::unique_ptr<DemoModel> model_;
  std::optional<client::Client> client_;
  absl::Duration timeout_;
  Order blank_order_;
  v1::OpenSession blank_session_;
  v1::SamplingParams asked_;
};

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_WORKER_H_
