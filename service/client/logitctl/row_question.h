// A row to ask about, and what its session would be: the demo model's row
// behind a prompt, or one of a .npy file, whose tokens have no words. Threads:
// confined to one thread. Ownership: a RowQuestion owns its connections. Cost:
// making and asking block; prints nothing.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_ROW_QUESTION_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_ROW_QUESTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/client/logitctl/explained_text.h"
#include "service/client/logitctl/worker.h"

namespace logitd::logitctl {

struct RowFlags {
  WorkerFlags worker;
  std::string rows;      // a .npy file; empty: the demo model's row
  std::string guidance;  // another, of the unconditional context; empty: none
  std::uint32_t row = 0;

  void AddTo(CLI::App* app);
};

class RowQuestion {
 public:
  static absl::StatusOr<RowQuestion> Make(const RowFlags& flags);

  // To be filled with what is asked; session and row are there.
  v1::ExplainRequest& request() { return request_; }
  // A token by its word or id.
  absl::StatusOr<std::uint32_t> Resolve(const std::string& token) const;
  // What a token is called: its word, or its id.
  WordOf word_of() const;
  // The knobs that the flags set.
  const v1::SamplingParams& asked() const { return asked_; }

  // Refused: the server's own message.
  absl::StatusOr<v1::ExplainResponse> Ask() const;

 private:
  RowQuestion() = default;
  absl::Status TakePrompt(const RowFlags& flags);
  absl::Status TakeFile(const RowFlags& flags);

  std::optional<Worker> worker_;  // of a prompt
  std::optional<client::Client> client_;
  ServerFlags server_;
  std::string profile_;
  v1::ExplainRequest request_;
  v1::SamplingParams asked_;
};

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_ROW_QUESTION_H_
