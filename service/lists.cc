#include "service/lists.h"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/built.h"
#include "service/convert.h"
#include "service/profiles/binding.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

// In one reply, but for the first.
constexpr uint64_t kReceiptBytesMax = 64 << 20;

// The fields of an open as those of an update.
absl::Status AsUpdate(bool rebind, const absl::Status& status) {
  absl::string_view message = status.message();
  if (absl::ConsumePrefix(&message, "params.")) {
    return absl::Status(status.code(), absl::StrCat("set.", message));
  }
  if (rebind && absl::ConsumePrefix(&message, "profile: ")) {
    return absl::Status(status.code(), absl::StrCat("rebind: ", message));
  }
  return status;
}

// Applies the lists of one request.
class Applier {
 public:
  // `closed`: what earlier turns put into the reply.
  Applier(const Environment& env, const FetchedProfile& fetched,
          SessionTable* table,
          const google::protobuf::RepeatedPtrField<v1::SessionClosed>& closed)
      : env_(env), fetched_(fetched), table_(*table) {
    for (const v1::SessionClosed& earlier : closed) {
      if (!earlier.has_receipt()) continue;
      const v1::Receipt& receipt = earlier.receipt();
      receipt_bytes_ += SessionRecord::Bytes(
          receipt.tokens().size() / sizeof(uint32_t),
          receipt.parts(0).open().prompt().size() / sizeof(uint32_t));
    }
  }

  uint64_t opened_count() const { return opened_count_; }

  absl::Status Close(const v1::CloseSession& wire, v1::SessionClosed* reply) {
    reply->set_session_id(wire.session_id());
    LOGITD_RETURN_IF_ERROR(CheckReceipt(wire.session_id()));
    auto closed = table_.Close(wire.session_id());
    if (!closed.ok()) return closed.status();
    if (*closed == nullptr) return absl::OkStatus();
    const Session& session = **closed;
    reply->set_fingerprint(session.fingerprint());
    reply->set_seed(session.seed());
    reply->set_salt(session.salt());
    WriteParams(session.plan(), reply->mutable_resolved());
    reply->set_generated_count(session.generated());
    reply->set_finish_reason(static_cast<v1::FinishReason>(session.finish()));
    if (const SessionRecord* record = session.record()) {
      reply->set_row_chain_digest(record->RowChainDigest());
      WriteReceipt(*record, reply->mutable_receipt());
    }
    return absl::OkStatus();
  }

  absl::Status Open(const v1::OpenSession& wire, v1::SessionOpened* reply) {
    const uint64_t id = wire.session_id();
    reply->set_session_id(id);
    absl::StatusOr<Session*> session = nullptr;
    if (table_.IsWaiting(id)) {
      auto part = ReadPart(wire, env_.limits);
      if (!part.ok()) {
        table_.DropWaiting(id);  // on any error there is no session
        return part.status();
      }
      session = table_.Continue(id, *part);
    } else {
      LOGITD_ASSIGN_OR_RETURN(SessionStart start,
                              ReadStart(wire, env_, fetched_));
      session = table_.Open(id, std::move(start), wire.more());
    }
    if (!session.ok()) return session.status();
    if (*session == nullptr) return absl::OkStatus();
    WriteOpened(**session, reply);
    ++opened_count_;
    return absl::OkStatus();
  }

  absl::Status Update(const v1::UpdateSession& wire,
                      v1::SessionUpdated* reply) {
    reply->set_session_id(wire.session_id());
    LOGITD_ASSIGN_OR_RETURN(Session * session, table_.Find(wire.session_id()));
    std::optional<SessionReport> report;
    if (wire.has_report()) {
      LOGITD_ASSIGN_OR_RETURN(report, ReadReport(wire.report()));
    }
    LOGITD_RETURN_IF_ERROR(ChangeParams(wire, report, env_, session));
    WriteUpdated(*session, reply);
    return absl::OkStatus();
  }

  absl::Status Rewind(const v1::RewindSession& wire,
                      v1::SessionRewound* reply) {
    reply->set_session_id(wire.session_id());
    LOGITD_ASSIGN_OR_RETURN(Session * session, table_.Find(wire.session_id()));
    absl::Status status = session->Rewind(wire.position());
    reply->set_position(session->position());
    return status;
  }

  absl::Status Fork(const v1::ForkSession& wire, v1::SessionForked* reply) {
    reply->set_child_session_id(wire.child_session_id());
    LOGITD_ASSIGN_OR_RETURN(const Session* child,
                            table_.Fork(wire.parent_session_id(),
                                        wire.child_session_id(), wire.index()));
    reply->set_seed(child->seed());
    reply->set_position(child->position());
    ++opened_count_;
    return absl::OkStatus();
  }

  absl::Status Append(const v1::AppendTokens& wire, v1::TokensAppended* reply) {
    reply->set_session_id(wire.session_id());
    LOGITD_ASSIGN_OR_RETURN(Session * session, table_.Find(wire.session_id()));
    reply->set_position(session->position());
    LOGITD_ASSIGN_OR_RETURN(const TokenIds tokens,
                            ReadHistory("tokens", wire.tokens(), env_.limits));
    std::optional<uint32_t> position;
    if (wire.has_position()) position = wire.position();
    LOGITD_RETURN_IF_ERROR(session->Append(position, tokens));
    reply->set_position(session->position());
    reply->set_finish_reason(static_cast<v1::FinishReason>(session->finish()));
    env_.metrics.AddAppendedTokens(tokens.size(), session->finish());
    return absl::OkStatus();
  }

 private:
  // RESOURCE_EXHAUSTED, and the session stays: its receipt is too much for a
  // reply that has others already.
  absl::Status CheckReceipt(uint64_t id) {
    const auto session = table_.Find(id);
    if (!session.ok() || (*session)->record() == nullptr) {
      return absl::OkStatus();  // Close() tells
    }
    const uint64_t bytes = (*session)->record()->bytes();
    if (receipt_bytes_ > 0 && receipt_bytes_ + bytes > kReceiptBytesMax) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "receipt: the receipts of one reply would have more than ",
          kReceiptBytesMax >> 20,
          " MiB; close the session in another request"));
    }
    receipt_bytes_ += bytes;
    return absl::OkStatus();
  }

  const Environment& env_;
  const FetchedProfile& fetched_;
  SessionTable& table_;
  uint64_t receipt_bytes_ = 0;
  uint64_t opened_count_ = 0;
};

// The revision to fetch before this element can be applied; empty: none.
template <class Element>
std::string ToFetch(const Element& element, const ListTurn& turn,
                    const Environment& env) {
  if constexpr (std::is_same_v<Element, v1::OpenSession>) {
    const std::string& name = element.profile();
    if (name != turn.fetched.name && MustFetch(name, env.profiles)) return name;
  }
  return "";
}

// Calls apply(element, reply) for each element that has no reply yet, and puts
// an error into the element's reply. False: the turn is over.
template <class List, class Replies, class Apply>
bool ForEach(const char* name, const List& list, const ListTurn& turn,
             const Environment& env, std::string* fetch, Replies* replies,
             const Apply& apply) {
  for (int i = replies->size(); i < list.size(); ++i) {
    const bool stopped = turn.stopping.load(std::memory_order_relaxed);
    if (!stopped) {
      if (std::chrono::steady_clock::now() >= turn.end) return false;
      *fetch = ToFetch(list[i], turn, env);
      if (!fetch->empty()) return false;
    }
    auto* reply = replies->Add();
    const absl::Status status =
        stopped ? absl::CancelledError(
                      "the call was cancelled, or the server stops")
                : apply(list[i], reply);
    if (status.ok()) continue;
    env.metrics.AddError(status.code());
    WriteStatus(InField(absl::StrCat(name, "[", i, "]."), status),
                reply->mutable_error());
  }
  return true;
}

}  // namespace

absl::StatusOr<SessionStart> ReadStart(const v1::OpenSession& open,
                                       const Environment& env,
                                       const FetchedProfile& fetched) {
  if (env.draining.load(std::memory_order_relaxed)) {
    return absl::UnavailableError(
        "session_id: the server drains; open the session on another one");
  }
  LOGITD_ASSIGN_OR_RETURN(SessionStart start, ReadOpen(open, env.limits));
  if (!open.has_seed()) start.seed = env.seeds.Next();
  LOGITD_ASSIGN_OR_RETURN(ProfilePtr profile,
                          ChooseProfile(open.profile(), env.profiles, fetched));
  LOGITD_ASSIGN_OR_RETURN(
      auto binding, Bind(std::move(profile), open.params(),
                         {open.phases().begin(), open.phases().end()},
                         start.vocab_size, env.limits, open.profile().empty()));
  start.params = Params();
  LOGITD_RETURN_IF_ERROR(
      ReadBinding(*binding, env.limits, &start.params, &start.phases));
  start.origin = std::move(binding);
  return start;
}

absl::Status ChangeParams(const v1::UpdateSession& wire,
                          const std::optional<SessionReport>& report,
                          const Environment& env, Session* session) {
  LOGITD_RETURN_IF_ERROR(CheckBuilt(wire));
  const Binding& bound = BindingOf(*session);
  v1::SamplingParams params = bound.request;
  LOGITD_RETURN_IF_ERROR(ApplyUpdate(wire, env.limits, &params));
  ProfilePtr profile = bound.profile;
  if (wire.rebind()) {
    LOGITD_ASSIGN_OR_RETURN(profile, NewestOf(bound, env.profiles));
  }
  auto binding =
      Bind(std::move(profile), std::move(params), bound.request_phases,
           session->plan().vocab_size, env.limits, bound.by_default);
  if (!binding.ok()) return AsUpdate(wire.rebind(), binding.status());
  Params base;
  std::vector<PhaseParams> phases;
  LOGITD_RETURN_IF_ERROR(AsUpdate(
      wire.rebind(), ReadBinding(**binding, env.limits, &base, &phases)));
  std::optional<uint32_t> position;
  if (wire.has_position()) position = wire.position();
  return AsUpdate(wire.rebind(),
                  session->Update(position, std::move(base), report,
                                  std::move(phases), *std::move(binding)));
}

absl::Status CheckListSizes(const v1::SampleRequest& request,
                            const Limits& limits) {
  // Enough for every session to be closed, opened and refused in one request.
  const uint64_t most = uint64_t{limits.max_sessions} * 4;
  const auto check = [most, &limits](const char* name, int count) {
    if (static_cast<uint64_t>(count) <= most) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat(name, ": ", count, " elements are more than ", most,
                     ", 4 for each of --max_sessions ", limits.max_sessions));
  };
  LOGITD_RETURN_IF_ERROR(check("close", request.close_size()));
  LOGITD_RETURN_IF_ERROR(check("open", request.open_size()));
  LOGITD_RETURN_IF_ERROR(check("update", request.update_size()));
  LOGITD_RETURN_IF_ERROR(check("rewind", request.rewind_size()));
  LOGITD_RETURN_IF_ERROR(check("fork", request.fork_size()));
  return check("append", request.append_size());
}

void Fetch(const std::string& name, const Environment& env,
           FetchedProfile* fetched, const std::function<void()>& done) {
  fetched->name = name;
  const auto fetch = [fetched, done, catalog = env.profiles.catalog] {
    fetched->profile = catalog->Get(fetched->name);
    done();
  };
  if (env.executor.Run(fetch, Lane::kOpen)) return;
  fetched->profile = absl::ResourceExhaustedError(
      absl::StrCat(env.executor.waiting_max(),
                   " reads of profiles wait (--max_profile_calls)"));
  done();
}

ListsDone ApplyLists(const v1::SampleRequest& request, const Environment& env,
                     const ListTurn& turn, SessionTable* table,
                     v1::SampleResponse* reply) {
  const auto before = static_cast<int64_t>(table->size());
  Applier applier(env, turn.fetched, table, reply->closed());
  ListsDone done;
  const auto apply = [&](const char* name, const auto& list, auto* replies,
                         auto method) {
    return ForEach(name, list, turn, env, &done.fetch, replies,
                   [&](const auto& wire, auto* element) {
                     return (applier.*method)(wire, element);
                   });
  };
  done.all =
      apply("close", request.close(), reply->mutable_closed(),
            &Applier::Close) &&
      apply("open", request.open(), reply->mutable_opened(), &Applier::Open) &&
      apply("update", request.update(), reply->mutable_updated(),
            &Applier::Update) &&
      apply("rewind", request.rewind(), reply->mutable_rewound(),
            &Applier::Rewind) &&
      apply("fork", request.fork(), reply->mutable_forked(), &Applier::Fork) &&
      apply("append", request.append(), reply->mutable_appended(),
            &Applier::Append);
  env.metrics.AddSessions(static_cast<int64_t>(table->size()) - before,
                          applier.opened_count());
  return done;
}

}  // namespace logitd
