// The client's side of the demo language model: vocabulary, words to tokens,
// and rows of logits over one stream. Knows nothing of sampling. Threads:
// confined to one thread. Ownership: rows are moved out to the caller. Cost:
// every call blocks for an answer of the model.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_DEMO_MODEL_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_DEMO_MODEL_H_

#include <grpcpp/client_context.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "logitd/demo/v1/model.grpc.pb.h"
#include "logitd/v1/place.pb.h"
#include "service/client/logitctl/vocabulary.h"

namespace logitd::logitctl {

class DemoModel {
 public:
  // Not there: an unreachable error with the command that starts or installs
  // the model. `timeout` holds for all that follows, together.
  static absl::StatusOr<std::unique_ptr<DemoModel>> Connect(
      const std::string& target, absl::Duration timeout);
  ~DemoModel();
  DemoModel(const DemoModel&) = delete;
  DemoModel& operator=(const DemoModel&) = delete;

  const Vocabulary& vocabulary() const { return *vocabulary_; }

  // Ids of the words in `text`.
  absl::StatusOr<std::vector<std::uint32_t>> Tokenize(
      absl::string_view text) const;

  // One row for each context (packed ids), row after row, in the dtype asked
  // for.
  absl::StatusOr<std::string> Rows(absl::Span<const std::string> contexts,
                                   logitd::v1::Dtype dtype);

 private:
  DemoModel() = default;
  absl::Status ReadVocabulary();

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<demo::v1::DemoModelService::Stub> stub_;
  absl::Time deadline_;
  std::unique_ptr<Vocabulary> vocabulary_;
  grpc::ClientContext call_;
  std::unique_ptr<grpc::ClientReaderWriter<demo::v1::LogitsRequest,
                                           demo::v1::LogitsResponse>>
      wire_;
};

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_DEMO_MODEL_H_
