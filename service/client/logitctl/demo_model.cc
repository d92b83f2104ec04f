#include "service/client/logitctl/demo_model.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/client/channel.h"
#include "service/client/demo/model_file.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the demo model refused";

std::string Advice(const std::string& target) {
  std::string advice;
  if (access(demo::kModelFile, R_OK) != 0) {
    absl::StrAppend(&advice, "install its language model:  apt-get install ",
                    demo::kModelPackage, "\n");
  }
  absl::StrAppend(&advice, "start it:  logitd-demo-model --listen ", target,
                  "\nor name another with --model-target or "
                  "LOGITD_DEMO_MODEL");
  return advice;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DemoModel>> DemoModel::Connect(
    const std::string& target, absl::Duration timeout) {
  auto channel = client::ConnectChannel(target, client::ConnectOptions());
  if (!channel.ok()) {
    return UnreachableError(
        absl::UnavailableError(
            absl::StrCat("the demo model: ", channel.status().message())),
        Advice(target));
  }
  std::unique_ptr<DemoModel> model(new DemoModel);
  model->channel_ = *std::move(channel);
  model->stub_ = demo::v1::DemoModelService::NewStub(model->channel_);
  model->deadline_ = absl::Now() + timeout;
  if (absl::Status status = model->ReadVocabulary(); !status.ok()) {
    return status;
  }
  model->call_.set_deadline(absl::ToChronoTime(model->deadline_));
  model->wire_ = model->stub_->Logits(&model->call_);
  return model;
}

DemoModel::~DemoModel() {
  if (wire_ != nullptr) {
    call_.TryCancel();
    wire_->Finish();
  }
}

absl::Status DemoModel::ReadVocabulary() {
  grpc::ClientContext call;
  call.set_deadline(absl::ToChronoTime(deadline_));
  demo::v1::GetVocabularyResponse response;
  const grpc::Status status = stub_->GetVocabulary(&call, {}, &response);
  if (!status.ok()) {
    return RefusedBy(kWho, client::ToStatus(status));
  }
  vocabulary_ = std::make_unique<Vocabulary>(
      std::vector<std::string>(response.words().begin(),
                               response.words().end()),
      response.end_id());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::uint32_t>> DemoModel::Tokenize(
    absl::string_view text) const {
  grpc::ClientContext call;
  call.set_deadline(absl::ToChronoTime(deadline_));
  demo::v1::TokenizeRequest request;
  request.set_text(std::string(text));
  demo::v1::TokenizeResponse response;
  const grpc::Status status = stub_->Tokenize(&call, request, &response);
  if (!status.ok()) {
    return RefusedBy(kWho, client::ToStatus(status));
  }
  return client::UnpackIds(response.tokens());
}

absl::StatusOr<std::string> DemoModel::Rows(
    absl::Span<const std::string> contexts, logitd::v1::Dtype dtype) {
  demo::v1::LogitsRequest request;
  request.set_bfloat16(dtype == logitd::v1::DTYPE_BFLOAT16);
  request.set_float16(dtype == logitd::v1::DTYPE_FLOAT16);
  for (const std::string& context : contexts) {
    request.add_contexts()->set_tokens(context);
  }
  demo::v1::LogitsResponse response;
  if (wire_ == nullptr) {
    return absl::FailedPreconditionError("the demo model's stream has ended");
  }
  if (!wire_->Write(request) || !wire_->Read(&response)) {
    const absl::Status end = client::ToStatus(wire_->Finish());
    wire_ = nullptr;
    return end.ok() ? absl::UnavailableError("the demo model has stopped")
                    : RefusedBy(kWho, end);
  }
  if (response.vocab_size() != vocabulary_->size()) {
    return absl::InternalError(
        absl::StrCat("the demo model sent rows of ", response.vocab_size(),
                     " logits for ", vocabulary_->size(), " words"));
  }
  return std::move(*response.mutable_rows());
}

}  // namespace logitd::logitctl
