// A sampler in sixty lines for tests of the client: takes the largest logit,
// whatever the knobs say. Knows opens, forks, positions, EOS, max_tokens and
// closes; does not judge requests as the real server does.
// Threads: confined to one stream. Cost: O(row).

#ifndef LOGITD_TESTS_CLIENT_GREEDY_SAMPLER_H_
#define LOGITD_TESTS_CLIENT_GREEDY_SAMPLER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "logitd/v1/sampling.pb.h"
#include "service/client/messages.h"

namespace logitd::client {

class GreedySampler {
 public:
  v1::SampleResponse Answer(const v1::SampleRequest& request) {
    v1::SampleResponse reply;
    reply.set_request_id(request.request_id());
    for (const v1::OpenSession& open : request.open()) {
      Open(open, reply.add_opened());
    }
    for (const v1::ForkSession& fork : request.fork()) {
      Session child = sessions_[fork.parent_session_id()];
      child.seed += fork.index();
      sessions_[fork.child_session_id()] = child;
      v1::SessionForked* forked = reply.add_forked();
      forked->set_child_session_id(fork.child_session_id());
      forked->set_seed(child.seed);
    }
    for (const v1::CloseSession& close : request.close()) {
      sessions_.erase(close.session_id());
      reply.add_closed()->set_session_id(close.session_id());
    }
    if (request.has_step()) {
      Step(request.step(), reply.mutable_step());
    }
    return reply;
  }

 private:
  struct Session {
    std::uint32_t position = 0;
    std::uint32_t generated = 0;
    std::uint32_t max_tokens = 0;
    std::uint64_t seed = 0;
    std::vector<std::uint32_t> eos;
  };

  void Open(const v1::OpenSession& open, v1::SessionOpened* opened) {
    opened->set_session_id(open.session_id());
    if (open.params().temperature() > 100) {
      opened->mutable_error()->set_code(3);
      opened->mutable_error()->set_message(
          "temperature: 101 is outside [0, 100]");
      return;
    }
    Session session;
    session.position = static_cast<std::uint32_t>(open.prompt().size() / 4);
    session.max_tokens = open.params().max_tokens();
    session.seed = open.has_seed() ? open.seed() : 7;
    session.eos = *UnpackIds(open.params().eos_ids());
    sessions_[open.session_id()] = session;
    opened->set_seed(session.seed);
    opened->set_fingerprint("0123456789abcdef");
  }

  void Step(const v1::Step& step, v1::StepResult* result) {
    for (int i = 0; i < step.session_id_size(); ++i) {
      Entry(step, i, result);
    }
  }

  void Entry(const v1::Step& step, int i, v1::StepResult* result) {
    const auto found = sessions_.find(step.session_id(i));
    const bool known =
        found != sessions_.end() && found->second.position == step.position(i);
    result->add_error_index(known ? kNone : 0);
    result->add_status(known ? v1::ENTRY_STATUS_OK : v1::ENTRY_STATUS_ERROR);
    if (!known) {
      result->add_token(kNone);
      result->add_finish_reason(v1::FINISH_REASON_UNSPECIFIED);
      result->add_kept(0);
      result->add_final_logprob(kNotAsked);
      if (result->errors_size() == 0) {
        result->add_errors()->set_code(9);
        result->mutable_errors(0)->set_message("not at this position");
      }
      return;
    }
    Session& session = found->second;
    const std::uint32_t token = Largest(step, step.row(i));
    ++session.position;
    ++session.generated;
    const bool eos =
        std::count(session.eos.begin(), session.eos.end(), token) > 0;
    result->add_token(token);
    result->add_finish_reason(eos ? v1::FINISH_REASON_EOS
                              : session.generated == session.max_tokens
                                  ? v1::FINISH_REASON_MAX_TOKENS
                                  : v1::FINISH_REASON_UNSPECIFIED);
    result->add_kept(1);
    result->add_final_logprob(0);
  }

  static std::uint32_t Largest(const v1::Step& step, std::uint32_t row) {
    const bool wide = step.dtype() == v1::DTYPE_FLOAT32;
    const std::size_t bytes = wide ? 4 : 2;
    const char* at =
        step.logits().inline_().data() + bytes * row * step.row_width();
    std::uint32_t best_id = 0;
    float best = -INFINITY;
    for (std::uint32_t id = 0; id < step.row_width(); ++id) {
      float value = 0;
      std::memcpy(reinterpret_cast<char*>(&value) + (4 - bytes),
                  at + bytes * id, bytes);
      if (value > best) {
        best = value;
        best_id = id;
      }
    }
    return best_id;
  }

  std::map<std::uint64_t, Session> sessions_;
};

}  // namespace logitd::client

#endif  // LOGITD_TESTS_CLIENT_GREEDY_SAMPLER_H_
