#include "service/client/demo/model_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/client/demo/model_file.h"
#include "service/client/messages.h"

namespace logitd::demo {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

std::string Bytes(const std::vector<float>& row,
                  const v1::LogitsRequest& request) {
  if (request.bfloat16()) {
    return client::PackBfloat16(row);
  }
  if (request.float16()) {
    return client::PackFloat16(row);
  }
  return std::string(reinterpret_cast<const char*>(row.data()),
                     row.size() * sizeof(float));
}

}  // namespace

ModelService::ModelService(std::unique_ptr<TrigramModel> model,
                           std::size_t cached_rows)
    : model_(std::move(model)), cache_(cached_rows) {}

absl::StatusOr<SharedRow> ModelService::RowOf(const v1::Context& context) {
  const auto tokens = client::UnpackIds(context.tokens());
  if (!tokens.ok()) {
    return tokens.status();
  }
  const auto history = model_->HistoryOf(*tokens);
  if (!history.ok()) {
    return history.status();
  }
  const std::lock_guard lock(mu_);
  SharedRow row = cache_.Get(*history);
  if (row == nullptr) {
    row = std::make_shared<const std::vector<float>>(model_->Row(*history));
    cache_.Put(*history, row);
  }
  return row;
}

absl::Status ModelService::Answer(const v1::LogitsRequest& request,
                                  v1::LogitsResponse* response) {
  if (request.contexts_size() > kContextsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "contexts: ", request.contexts_size(), " is more than ", kContextsMax));
  }
  if (request.bfloat16() && request.float16()) {
    return absl::InvalidArgumentError("float16: not with bfloat16");
  }
  response->Clear();
  response->set_vocab_size(static_cast<std::uint32_t>(model_->words().size()));
  for (const v1::Context& context : request.contexts()) {
    const absl::StatusOr<SharedRow> row = RowOf(context);
    if (!row.ok()) {
      return row.status();
    }
    response->mutable_rows()->append(Bytes(**row, request));
  }
  return absl::OkStatus();
}

grpc::Status ModelService::Logits(
    grpc::ServerContext* /*call*/,
    grpc::ServerReaderWriter<v1::LogitsResponse, v1::LogitsRequest>* wire) {
  v1::LogitsRequest request;
  v1::LogitsResponse response;
  while (wire->Read(&request)) {
    const absl::Status status = Answer(request, &response);
    if (!status.ok()) {
      return ToGrpc(status);
    }
    if (!wire->Write(response)) {
      break;  // The client is gone.
    }
  }
  return grpc::Status::OK;
}

grpc::Status ModelService::Tokenize(grpc::ServerContext* /*call*/,
                                    const v1::TokenizeRequest* request,
                                    v1::TokenizeResponse* response) {
  const std::lock_guard lock(mu_);
  const auto ids = model_->Tokenize(request->text());
  if (!ids.ok()) {
    return ToGrpc(ids.status());
  }
  response->set_tokens(client::PackIds(*ids));
  return grpc::Status::OK;
}

grpc::Status ModelService::GetVocabulary(
    grpc::ServerContext* /*call*/, const v1::GetVocabularyRequest* /*request*/,
    v1::GetVocabularyResponse* response) {
  for (const std::string& word : model_->words()) {
    response->add_words(word);
  }
  response->set_begin_id(model_->begin_id());
  response->set_end_id(model_->end_id());
  response->set_model(kModelPackage);
  return grpc::Status::OK;
}

}  // namespace logitd::demo
