// Follows WatchProfiles as a client that may leave and come back, and judges
// what it was told by the ledger.
// Threads: Begin, Next and Leave by one thread; the rest from anywhere.
// Ownership: the ledger outlives it.
#ifndef LOGITD_TESTS_E2E_CHURN_WATCHER_H_
#define LOGITD_TESTS_E2E_CHURN_WATCHER_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "logitd/v1/profiles.grpc.pb.h"
#include "tests/e2e/churn_ledger.h"

namespace logitd::testing {

class ChurnWatcher {
 public:
  // On a connection of its own, which buffers little for who does not read.
  ChurnWatcher(const std::string& target, const Ledger* ledger);

  // Calls, with the last resume token if there is one.
  void Begin();
  // Waits for an event and notes it; false when the call is over.
  bool Next();
  // Ends the call; Begin goes on after what was noted.
  void Leave();
  // Ends the call, from any thread.
  void Cancel();

  // At least this many changes of the ledger were told.
  size_t seen() const;
  // Its list is complete.
  bool is_synced() const { return is_synced_; }
  int resets() const { return resets_; }
  // The last change, or a complete list that holds it, was told.
  bool is_done() const { return is_done_ && is_synced_; }
  // All that was noted. Not while another thread is in Next.
  const std::vector<Change>& told() const { return told_; }

 private:
  const Ledger* const ledger_;
  std::unique_ptr<v1::ProfileService::Stub> stub_;
  const size_t size_at_begin_;  // of the ledger
  std::atomic<bool> is_synced_ = false;
  std::atomic<int> resets_ = 0;
  std::atomic<bool> is_done_ = false;
  std::string token_;
  std::vector<Change> told_;

  mutable std::mutex mu_;  // guards what follows, up to call_
  Change last_;            // the last profile told
  std::unique_ptr<grpc::ClientContext> call_;
  std::unique_ptr<grpc::ClientReader<v1::WatchProfilesResponse>> reader_;
};

// What a watcher was told, judged: from its first list on each change exactly
// once and in order, to the last one; after RESET from the new list on.
struct Verdict {
  std::string wrong;  // what is, first; empty: nothing
  int resets = 0;
  int events = 0;  // changes that were told one by one
};
Verdict Judge(const std::vector<Change>& told,
              const std::vector<Change>& ledger);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_CHURN_WATCHER_H_
