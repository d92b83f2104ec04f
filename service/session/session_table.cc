#include "service/session/session_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

void AppendIds(const TokenIds& more, TokenIds* ids) {
  ids->insert(ids->end(), more.begin(), more.end());
}

}  // namespace

absl::Status SessionTable::CheckFree(const char* field, uint64_t id) const {
  if (open_.contains(id) || IsWaiting(id)) {
    return absl::FailedPreconditionError(
        absl::StrCat(field, ": ", id, " is open on this stream already"));
  }
  if (size() < limits_.max_sessions) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      field, ": ", size() + 1, " sessions are more than --max_sessions ",
      limits_.max_sessions));
}

absl::StatusOr<Session*> SessionTable::Insert(uint64_t id, SessionStart start) {
  auto session = Session::Open(std::move(start), limits_);
  if (!session.ok()) return session.status();
  return Put(id, *std::move(session));
}

Session* SessionTable::Put(uint64_t id, Session session) {
  auto& slot = open_[id];
  slot = std::make_unique<Session>(std::move(session));
  return slot.get();
}

absl::StatusOr<Session*> SessionTable::Add(uint64_t id, Session session) {
  LOGITD_RETURN_IF_ERROR(CheckFree("session_id", id));
  return Put(id, std::move(session));
}

absl::StatusOr<Session*> SessionTable::Open(uint64_t id, SessionStart start,
                                            bool more) {
  LOGITD_RETURN_IF_ERROR(CheckFree("session_id", id));
  if (!more) return Insert(id, std::move(start));
  HistoryPart part = {std::move(start.prompt), std::move(start.generated)};
  start.prompt.clear();
  start.generated.clear();
  // What is wrong whatever the history is told at once.
  SessionStart without_history = start;
  without_history.prompt_length.reset();
  without_history.history_digest.clear();
  auto trial = Session::Open(std::move(without_history), limits_);
  if (!trial.ok()) return trial.status();
  LOGITD_RETURN_IF_ERROR(AddPart(part, &start));
  waiting_.emplace(id, std::move(start));
  return nullptr;
}

absl::StatusOr<Session*> SessionTable::Continue(uint64_t id,
                                                const HistoryPart& part) {
  const auto it = waiting_.find(id);
  const bool more = part.more;
  absl::Status added = AddPart(part, &it->second);
  if (added.ok() && more) return nullptr;
  SessionStart start = std::move(it->second);
  waiting_.erase(it);
  if (!added.ok()) return added;
  return Insert(id, std::move(start));
}

absl::Status SessionTable::AddPart(const HistoryPart& part,
                                   SessionStart* start) const {
  if (!part.prompt.empty() && !start->generated.empty()) {
    return absl::InvalidArgumentError(
        "prompt: comes after generated tokens of an earlier part");
  }
  const size_t length = start->prompt.size() + start->generated.size() +
                        part.prompt.size() + part.generated.size();
  if (length > limits_.max_history) {
    return absl::ResourceExhaustedError(absl::StrCat("history: ", length,
                                                     " tokens are more than "
                                                     "--max_history ",
                                                     limits_.max_history));
  }
  AppendIds(part.prompt, &start->prompt);
  AppendIds(part.generated, &start->generated);
  return absl::OkStatus();
}

absl::StatusOr<Session*> SessionTable::Find(uint64_t id) {
  const auto it = open_.find(id);
  if (it != open_.end()) return it->second.get();
  if (IsWaiting(id)) {
    return absl::FailedPreconditionError(
        absl::StrCat("session_id: ", id, " waits for the rest of its history"));
  }
  return absl::NotFoundError(
      absl::StrCat("session_id: ", id, " is not open on this stream"));
}

absl::StatusOr<std::unique_ptr<Session>> SessionTable::Close(uint64_t id) {
  std::unique_ptr<Session> closed;
  const auto it = open_.find(id);
  if (it != open_.end()) {
    closed = std::move(it->second);
    open_.erase(it);
  } else if (waiting_.erase(id) == 0) {
    return Find(id).status();
  }
  RememberClosed(id);
  return closed;
}

void SessionTable::RememberClosed(uint64_t id) {
  if (closed_.size() < limits_.max_sessions) {
    closed_.push_back(id);
    return;
  }
  closed_[closed_next_] = id;
  closed_next_ = (closed_next_ + 1) % closed_.size();
}

bool SessionTable::WasClosed(uint64_t id) const {
  return !open_.contains(id) &&
         std::find(closed_.begin(), closed_.end(), id) != closed_.end();
}

absl::StatusOr<Session*> SessionTable::Fork(uint64_t parent_id,
                                            uint64_t child_id, uint32_t index) {
  auto parent = Find(parent_id);
  if (!parent.ok()) return InField("parent_", parent.status());
  LOGITD_RETURN_IF_ERROR(CheckFree("child_session_id", child_id));
  LOGITD_RETURN_IF_ERROR((*parent)->CheckFork(index));
  return Put(child_id, (*parent)->Fork(index));
}

}  // namespace logitd
