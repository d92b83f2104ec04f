// Lists: applies the lists of one request (close, open, update, rewind, fork,
// append, in that order) to the sessions of a stream, and writes the replies.
//
// An error in one element is told in its reply and does not stop the others.
// Knows the contract and sessions; no gRPC, no threads. Runs on one thread at a
// time for each stream.
#ifndef LOGITD_SERVICE_LISTS_H_
#define LOGITD_SERVICE_LISTS_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/session/session_table.h"

namespace logitd {

// RESOURCE_EXHAUSTED for a list of more than 4 * --max_sessions elements.
absl::Status CheckListSizes(const v1::SampleRequest& request,
                            const Limits& limits);

// When to give the thread back, or up.
struct ListTurn {
  std::chrono::steady_clock::time_point end;
  const std::atomic<bool>& stopping;  // what has not begun is CANCELLED
  const FetchedProfile& fetched;
};

struct ListsDone {
  bool all = true;
  // Not empty: the next open names this revision, which must be fetched before
  // the next turn.
  std::string fetch;
};

// Applies what `reply` has no answers to yet; call it again until all is done.
// Waits for no disk.
ListsDone ApplyLists(const v1::SampleRequest& request, const Environment& env,
                     const ListTurn& turn, SessionTable* table,
                     v1::SampleResponse* reply);

// Changes a session as `wire` says, but for its report, which is replaced if
// there is one. Errors: as UpdateSession's.
absl::Status ChangeParams(const v1::UpdateSession& wire,
                          const std::optional<SessionReport>& report,
                          const Environment& env, Session* session);

// As an element of `open`, without a table: for calls with one session.
absl::StatusOr<SessionStart> ReadStart(const v1::OpenSession& open,
                                       const Environment& env,
                                       const FetchedProfile& fetched);

// Reads a revision on the executor, then calls `done` there. When too many
// wait, `done` is called at once and what was fetched is RESOURCE_EXHAUSTED.
void Fetch(const std::string& name, const Environment& env,
           FetchedProfile* fetched, const std::function<void()>& done);

}  // namespace logitd

#endif  // LOGITD_SERVICE_LISTS_H_
