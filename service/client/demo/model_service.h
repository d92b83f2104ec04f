// Serves a TrigramModel as logitd.demo.v1.DemoModelService: contexts in, rows
// of logits out, as a model server would. gRPC lives here, the model elsewhere.
// Threads: thread-safe; one mutex lets one call at a time use the model, so the
// order of requests on a stream is the order of replies.
// Ownership: owns the model and the cache. Cost: milliseconds for each row that
// the cache does not hold.

#ifndef LOGITD_SERVICE_CLIENT_DEMO_MODEL_SERVICE_H_
#define LOGITD_SERVICE_CLIENT_DEMO_MODEL_SERVICE_H_

#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "logitd/demo/v1/model.grpc.pb.h"
#include "service/client/demo/row_cache.h"
#include "service/client/demo/trigram_model.h"

namespace logitd::demo {

// Contexts that one request may bring.
inline constexpr int kContextsMax = 256;

class ModelService final : public v1::DemoModelService::Service {
 public:
  ModelService(std::unique_ptr<TrigramModel> model, std::size_t cached_rows);

  grpc::Status Logits(
      grpc::ServerContext* call,
      grpc::ServerReaderWriter<v1::LogitsResponse, v1::LogitsRequest>* wire)
      override;
  grpc::Status Tokenize(grpc::ServerContext* call,
                        const v1::TokenizeRequest* request,
                        v1::TokenizeResponse* response) override;
  grpc::Status GetVocabulary(grpc::ServerContext* call,
                             const v1::GetVocabularyRequest* request,
                             v1::GetVocabularyResponse* response) override;

 private:
  absl::Status Answer(const v1::LogitsRequest& request,
                      v1::LogitsResponse* response);
  absl::StatusOr<SharedRow> RowOf(const v1::Context& context);

  const std::unique_ptr<TrigramModel> model_;
  std::mutex mu_;  // Guards cache_ and every lookup in model_.
  RowCache cache_;
};

}  // namespace logitd::demo

#endif  // LOGITD_SERVICE_CLIENT_DEMO_MODEL_SERVICE_H_
