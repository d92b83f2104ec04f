#include "service/client/logitctl/worker.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "service/client/messages.h"

namespace logitd::logitctl {

void WorkerFlags::AddTo(CLI::App* app) {
  app->add_option("--prompt", prompt,
                  "The text goes on from these words of the model's vocabulary")
      ->type_name("TEXT");
  app->add_option("--profile", profile,
                  "The profile that fills, pins and limits the knobs: its id, "
                  "or id@revision")
      ->type_name("ID");
  app->add_option("--dtype", dtype,
                  "How rows travel; bfloat16 and float16 halve the bytes")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}))
      ->capture_default_str();
  knobs.AddTo(app, "WORD|ID");
  server.AddTo(app);
  model.AddTo(app);
}

absl::StatusOr<Worker> Worker::Connect(const WorkerFlags& flags) {
  const auto knobs = flags.knobs.Parse();
  if (!knobs.ok()) {
    return knobs.status();
  }
  Worker worker;
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  worker.client_ = *connected;
  worker.timeout_ = flags.server.timeout();
  auto model = DemoModel::Connect(flags.model.target, flags.server.timeout());
  if (!model.ok()) {
    return model.status();
  }
  worker.model_ = *std::move(model);
  if (absl::Status status = worker.FillBlanks(flags, *knobs); !status.ok()) {
    return status;
  }
  return worker;
}

absl::Status Worker::FillBlanks(const WorkerFlags& flags, const Knobs& knobs) {
  v1::SamplingParams params = knobs.params;
  absl::Status status = SetTokenKnobs(
      knobs.tokens,
      [this](absl::string_view token) { return vocabulary().Resolve(token); },
      &params);
  if (!status.ok()) {
    return status;
  }
  asked_ = params;
  if (!params.has_max_tokens()) {
    params.set_max_tokens(kDefaultMaxTokens);
  }
  params.set_eos_ids(client::PackIds({vocabulary().end_id()}));
  const auto prompt = model_->Tokenize(flags.prompt);
  if (!prompt.ok()) {
    return prompt.status();
  }
  blank_order_.prompt = *prompt;
  blank_order_.dtype = flags.dtype == "bfloat16"  ? v1::DTYPE_BFLOAT16
                       : flags.dtype == "float16" ? v1::DTYPE_FLOAT16
                                                  : v1::DTYPE_FLOAT32;
  blank_session_ =
      client::MakeOpen(1, vocabulary().size(), params, flags.knobs.seed);
  blank_session_.set_profile(flags.profile);
  blank_session_.set_salt(flags.knobs.salt);
  blank_session_.set_prompt(client::PackIds(*prompt));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Worker::PromptRow() {
  return model_->Rows({client::PackIds(ContextOf(blank_order_.prompt))},
                      blank_order_.dtype);
}

absl::StatusOr<Generated> Worker::Run(const Order& order,
                                      const OnToken& on_token) {
  const auto stream = client_->Sample(timeout_);
  return Generate(order, model_.get(), stream.get(), on_token);
}

}  // namespace logitd::logitctl
