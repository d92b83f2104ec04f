// SessionTable: the sessions of one stream by the ids that the client chose.
//
// Also holds sessions whose history still arrives in parts, and remembers the
// ids closed last, so that a row sent late is skipped rather than unknown.
// Knows no protobuf, no gRPC. Confined to its stream. Owns its sessions; a
// pointer to one holds until it is closed. Bounded by Limits::max_sessions.
#ifndef LOGITD_SERVICE_SESSION_SESSION_TABLE_H_
#define LOGITD_SERVICE_SESSION_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/limits.h"
#include "service/session/session.h"

namespace logitd {

// A part of a session's history.
struct HistoryPart {
  TokenIds prompt;
  TokenIds generated;
  bool more = false;  // another part follows
};

class SessionTable {
 public:
  explicit SessionTable(const Limits& limits) : limits_(limits) {}

  // Begins a session; `more`: its history goes on in Continue(), and there is
  // no session yet (nullptr). FAILED_PRECONDITION: the id is open.
  // RESOURCE_EXHAUSTED: a limit. Else as Session::Open. On error: no session.
  absl::StatusOr<Session*> Open(uint64_t id, SessionStart start, bool more);
  // The next part of a session that waits for it; as Open.
  absl::StatusOr<Session*> Continue(uint64_t id, const HistoryPart& part);
  bool IsWaiting(uint64_t id) const { return waiting_.contains(id); }
  // Forgets one whose history went wrong, as if it had never been.
  void DropWaiting(uint64_t id) { waiting_.erase(id); }

  // NOT_FOUND, or FAILED_PRECONDITION while its history still arrives.
  absl::StatusOr<Session*> Find(uint64_t id);

  // Takes a session out; nullptr if its history was still arriving. NOT_FOUND.
  absl::StatusOr<std::unique_ptr<Session>> Close(uint64_t id);
  // True for an id closed not long ago and not open now.
  bool WasClosed(uint64_t id) const;

  // Takes a session in. FAILED_PRECONDITION: the id is open.
  // RESOURCE_EXHAUSTED: a limit.
  absl::StatusOr<Session*> Add(uint64_t id, Session session);

  // As Find for the parent, as Open for the child.
  absl::StatusOr<Session*> Fork(uint64_t parent_id, uint64_t child_id,
                                uint32_t index);

  // Open and waiting.
  size_t size() const { return open_.size() + waiting_.size(); }

 private:
  absl::Status CheckFree(const char* field, uint64_t id) const;
  Session* Put(uint64_t id, Session session);
  absl::StatusOr<Session*> Insert(uint64_t id, SessionStart start);
  absl::Status AddPart(const HistoryPart& part, SessionStart* start) const;
  void RememberClosed(uint64_t id);

  const Limits& limits_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Session>> open_;
  absl::flat_hash_map<uint64_t, SessionStart> waiting_;
  std::vector<uint64_t> closed_;  // a ring of max_sessions ids
  size_t closed_next_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_SESSION_TABLE_H_
