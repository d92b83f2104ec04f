#include "service/client/logitctl/worker.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "service/client/messages.h"

namespace logitd::logitctl {

void WorkerFlags::AddTo(CLI::App* app) {
  app->add_option("--prompt", prompt,
                  "The text goes on from these words of the model's vocabulary")
      ->type_name("TEXT");
  app->add_option("--dtype", dtype,
                  "How rows travel; bfloat16 halves the bytes")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  knobs.AddTo(app, "WORD|ID");
  server.AddTo(app);
  model.AddTo(app);
}

absl::StatusOr<Worker> Worker::Connect(const WorkerFlags& flags) {
  Worker worker;
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  worker.stream_ = connected->Sample(flags.server.timeout());
  auto model = DemoModel::Connect(flags.model.target, flags.server.timeout());
  if (!model.ok()) {
    return model.status();
  }
  worker.model_ = *std::move(model);
  const Vocabulary& vocabulary = worker.vocabulary();

  auto params = flags.knobs.Params(
      [&](absl::string_view token) { return vocabulary.Resolve(token); });
  if (!params.ok()) {
    return params.status();
  }
  if (!params->has_max_tokens()) {
    params->set_max_tokens(kDefaultMaxTokens);
  }
  params->set_eos_ids(client::PackIds({vocabulary.end_id()}));
  const auto prompt = worker.model_->Tokenize(flags.prompt);
  if (!prompt.ok()) {
    return prompt.status();
  }
  worker.blank_order_.prompt = *prompt;
  worker.blank_order_.bfloat16 = flags.dtype == "bfloat16";
  worker.blank_session_ =
      client::MakeOpen(1, vocabulary.size(), *params, flags.knobs.seed);
  worker.blank_session_.set_salt(flags.knobs.salt);
  worker.blank_session_.set_prompt(client::PackIds(*prompt));
  return worker;
}

absl::StatusOr<Generated> Worker::Run(const Order& order,
                                      const OnToken& on_token) {
  return Generate(order, model_.get(), stream_.get(), on_token);
}

}  // namespace logitd::logitctl
