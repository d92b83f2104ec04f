#include "service/client/logitctl/generation.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";
// The state of one run: what each of Generate's steps works on.
class Run {
 public:
  Run(const Order& order, DemoModel* model, client::Stream* stream,
      const OnToken& on_token)
      : order_(order), model_(model), stream_(stream), on_token_(on_token) {
    for (const v1::OpenSession& open : order.sessions) {
      AddText(open.session_id());
    }
    for (const v1::ForkSession& fork : order.forks) {
      AddText(fork.child_session_id());
    }
  }

  absl::StatusOr<Generated> ToTheEnd() {
    v1::SampleRequest request;
    request.mutable_open()->Assign(order_.sessions.begin(),
                                   order_.sessions.end());
    request.mutable_fork()->Assign(order_.forks.begin(), order_.forks.end());
    while (!live_.empty()) {
      if (absl::Status status = OneStep(&request); !status.ok()) {
        return status;
      }
      request.Clear();
    }
    for (const Text& text : result_.texts) {
      request.add_close()->set_session_id(text.session_id);
    }
    v1::SampleResponse reply;
    absl::Status status = Exchange(&request, &reply);
    for (int i = 0; i < reply.closed_size(); ++i) {
      result_.texts[static_cast<std::size_t>(i)].closed = reply.closed(i);
    }
    if (status.ok()) {
      status = RefusedBy(kWho, stream_->Finish());
    }
    if (!status.ok()) {
      return status;
    }
    return std::move(result_);
  }

 private:
  void AddText(std::uint64_t session_id) {
    live_.push_back(result_.texts.size());
    Text text;
    text.session_id = session_id;
    result_.texts.push_back(std::move(text));
    contexts_.push_back(order_.prompt);
  }

  absl::Status OneStep(v1::SampleRequest* request) {
    if (absl::Status status = AddStep(request->mutable_step()); !status.ok()) {
      return status;
    }
    v1::SampleResponse reply;
    if (absl::Status status = Exchange(request, &reply); !status.ok()) {
      return status;
    }
    if (absl::Status status = ReadOpened(reply); !status.ok()) {
      return status;
    }
    return ReadTokens(reply.step());
  }

  // Asks the model for the rows of all live texts, each context once.
  absl::Status AddStep(v1::Step* step) {
    std::vector<std::string> contexts;
    absl::flat_hash_map<std::string, std::uint32_t> rows;
    for (const std::size_t index : live_) {
      const std::vector<std::uint32_t>& all = contexts_[index];
      std::string context = client::PackIds(ContextOf(all));
      const auto [row, added] = rows.try_emplace(
          context, static_cast<std::uint32_t>(contexts.size()));
      if (added) {
        contexts.push_back(std::move(context));
      }
      client::AddEntry(result_.texts[index].session_id,
                       static_cast<std::uint32_t>(all.size()), row->second,
                       step);
    }
    const absl::Time start = absl::Now();
    auto bytes = model_->Rows(contexts, order_.dtype);
    result_.model_time += absl::Now() - start;
    if (!bytes.ok()) {
      return bytes.status();
    }
    result_.row_bytes += bytes->size();
    if (order_.keep_rows) {
      result_.rows += *bytes;
    }
    return client::SetPackedRows(*std::move(bytes), order_.dtype,
                                 model_->vocabulary().size(), step);
  }

  absl::Status Exchange(v1::SampleRequest* request, v1::SampleResponse* reply) {
    request->set_request_id(++requests_);
    const absl::Time start = absl::Now();
    const absl::Status status = stream_->Step(*request, reply);
    result_.service_time += absl::Now() - start;
    return RefusedBy(kWho, status);
  }

  absl::Status ReadOpened(const v1::SampleResponse& reply) {
    std::size_t index = 0;
    for (const v1::SessionOpened& opened : reply.opened()) {
      if (absl::Status status = client::ToStatus(opened.error());
          !status.ok()) {
        return RefusedBy(kWho, status);
      }
      Text& text = result_.texts[index++];
      text.opened = opened;
      text.seed = opened.seed();
      text.fingerprint = opened.fingerprint();
      text.profile = opened.profile_revision();
      text.phases = {"base"};
      for (const v1::ResolvedPhase& phase : opened.phases()) {
        text.phases.push_back(phase.name());
      }
    }
    for (const v1::SessionForked& forked : reply.forked()) {
      if (absl::Status status = client::ToStatus(forked.error());
          !status.ok()) {
        return RefusedBy(kWho, status);
      }
      Text& text = result_.texts[index++];
      text.seed = forked.seed();
      text.opened = result_.texts[0].opened;
      text.fingerprint = result_.texts[0].fingerprint;
      text.profile = result_.texts[0].profile;
      text.phases = result_.texts[0].phases;
    }
    return absl::OkStatus();
  }

  absl::Status ReadTokens(const v1::StepResult& step) {
    std::vector<std::size_t> unfinished;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      const auto entry = client::ReadEntry(step, static_cast<int>(i));
      if (!entry.ok()) {
        return RefusedBy("the server's reply is wrong", entry.status());
      }
      if (!entry->error.ok()) {
        return RefusedBy(kWho, entry->error);
      }
      if (!Accept(*entry, live_[i])) {
        unfinished.push_back(live_[i]);
      }
    }
    live_ = std::move(unfinished);
    return absl::OkStatus();
  }

  // Adds the token to its text; true when the text is finished.
  bool Accept(const client::Entry& entry, std::size_t index) {
    Text& text = result_.texts[index];
    text.finish_reason = entry.finish_reason;
    if (entry.token.has_value()) {
      text.tokens.push_back({*entry.token, entry.final_logprob, entry.kept,
                             entry.phase, entry.final_entropy});
      contexts_[index].push_back(*entry.token);
      on_token_(index, text);
    }
    return entry.finish_reason != v1::FINISH_REASON_UNSPECIFIED ||
           !entry.token.has_value();  // Skipped: finished before.
  }

  const Order& order_;
  DemoModel* const model_;
  client::Stream* const stream_;
  const OnToken& on_token_;
  Generated result_;
  std::vector<std::vector<std::uint32_t>> contexts_;  // Prompt and text.
  std::vector<std::size_t> live_;  // Texts that are not finished.
  std::uint64_t requests_ = 0;
};

}  // namespace

absl::Span<const std::uint32_t> ContextOf(
    absl::Span<const std::uint32_t> tokens) {
  constexpr std::size_t kContextTokens = 2;
  return tokens.last(std::min(tokens.size(), kContextTokens));
}

std::vector<std::uint32_t> Text::Ids() const {
  std::vector<std::uint32_t> ids;
  ids.reserve(tokens.size());
  for (const Token& token : tokens) {
    ids.push_back(token.id);
  }
  return ids;
}

absl::StatusOr<Generated> Generate(const Order& order, DemoModel* model,
                                   client::Stream* stream,
                                   const OnToken& on_token) {
  return Run(order, model, stream, on_token).ToTheEnd();
}

}  // namespace logitd::logitctl
