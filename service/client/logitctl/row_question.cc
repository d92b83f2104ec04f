#include "service/client/logitctl/row_question.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/file_rows.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/usage.h"
#include "service/client/messages.h"

namespace logitd::logitctl {

void RowFlags::AddTo(CLI::App* app) {
  app->add_option("--rows", rows,
                  "In place of --prompt: a row of this .npy file; then tokens "
                  "are ids")
      ->type_name("FILE");
  app->add_option(
         "--guidance", guidance,
         "With --rows: rows of the unconditional context, for each row "
         "one, with --set guidance_scale=G")
      ->type_name("FILE");
  TakeWholeNumbers(
      0, 0xFFFFFFFF,
      app->add_option("--row", row,
                      "Which row of the file, from 0 on; it is drawn as "
                      "`sample` draws it, behind the tokens of the rows "
                      "before")
          ->type_name("N")
          ->capture_default_str());
  worker.AddTo(app);
}

absl::StatusOr<RowQuestion> RowQuestion::Make(const RowFlags& flags) {
  RowQuestion question;
  question.server_ = flags.worker.server;
  question.profile_ = flags.worker.profile;
  absl::Status status = flags.rows.empty() ? question.TakePrompt(flags)
                                           : question.TakeFile(flags);
  if (!status.ok()) {
    return status;
  }
  question.request_.mutable_open()->mutable_report()->set_entropy(true);
  question.request_.mutable_open()->mutable_report()->set_kept_mass(true);
  return question;
}

absl::Status RowQuestion::TakePrompt(const RowFlags& flags) {
  if (!flags.guidance.empty()) {
    return UsageError("--guidance: only with --rows");
  }
  auto worker = Worker::Connect(flags.worker);
  if (!worker.ok()) {
    return worker.status();
  }
  auto row = worker->PromptRow();
  if (!row.ok()) {
    return row.status();
  }
  *request_.mutable_open() = worker->blank_session();
  request_.mutable_logits()->set_inline_(*std::move(row));
  request_.set_dtype(worker->blank_order().dtype);
  asked_ = worker->asked();
  client_ = worker->client();
  worker_ = *std::move(worker);
  return absl::OkStatus();
}

absl::Status RowQuestion::TakeFile(const RowFlags& flags) {
  if (!flags.worker.prompt.empty()) {
    return UsageError("--prompt: the rows of a file have no words");
  }
  auto params = flags.worker.knobs.ParseIds({});
  if (!params.ok()) {
    return params.status();
  }
  const auto files = ReadGuidedNpy(flags.rows, flags.guidance);
  if (!files.ok()) {
    return files.status();
  }
  const NpyRows* const rows = &files->rows;
  if (flags.row >= rows->row_count) {
    return UsageError(absl::StrCat("--row: ", flags.row, " is not below the ",
                                   rows->row_count, " rows of ", flags.rows));
  }
  auto connected = flags.worker.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  client_ = *std::move(connected);
  v1::OpenSession open =
      client::MakeOpen(1, rows->row_width, *params, flags.worker.knobs.seed);
  open.set_salt(flags.worker.knobs.salt);
  open.set_profile(flags.worker.profile);
  if (flags.row > 0) {
    if (!open.has_seed()) {
      return UsageError("--row: what is drawn before it needs a --seed");
    }
    const auto stream = client_->Sample(flags.worker.server.timeout());
    const auto drawn = DrawRows(*files, flags.row, open, stream.get());
    if (!drawn.ok()) {
      return HintProfile(server_, profile_, drawn.status());
    }
    open.set_generated(client::PackIds(drawn->tokens));
    open.set_state(drawn->state);
  }
  *request_.mutable_open() = std::move(open);
  const std::size_t row_bytes = rows->row_width * client::BytesOf(rows->dtype);
  request_.mutable_logits()->set_inline_(
      rows->bytes.substr(flags.row * row_bytes, row_bytes));
  if (files->guidance.row_count > 0) {
    request_.mutable_guidance_row()->set_inline_(
        files->guidance.bytes.substr(flags.row * row_bytes, row_bytes));
  }
  request_.set_dtype(rows->dtype);
  asked_ = *std::move(params);
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> RowQuestion::Resolve(
    const std::string& token) const {
  return worker_ ? worker_->vocabulary().Resolve(token) : ResolveId(token);
}

WordOf RowQuestion::word_of() const {
  return [this](std::uint32_t id) {
    return worker_ ? worker_->vocabulary().Word(id) : absl::StrCat(id);
  };
}

absl::StatusOr<v1::ExplainResponse> RowQuestion::Ask() const {
  auto answer = client_->Explain(request_, server_.timeout());
  if (answer.ok()) {
    return answer;
  }
  return HintProfile(server_, profile_,
                     RefusedBy("the server refused", answer.status()));
}

}  // namespace logitd::logitctl
