// What was done to the profiles, in order, in the test's own books: the other
// side of each comparison in churn_test.
// Threads: Ledger is thread-safe, the rest are values and functions.
#ifndef LOGITD_TESTS_E2E_CHURN_LEDGER_H_
#define LOGITD_TESTS_E2E_CHURN_LEDGER_H_

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "logitd/v1/profiles.pb.h"

namespace logitd::testing {

// One acknowledged write; or one event of a watch, where name and revision may
// be empty.
struct Change {
  v1::WatchEvent event = v1::WATCH_EVENT_UNSPECIFIED;
  std::string name;           // "profiles/p0"
  std::string revision;       // of DELETED the one that went
  v1::SamplingParams params;  // default_params; of DELETED none
};

// "profiles/p0@3".
std::string KeyOf(const Change& change);
// "REVISION profiles/p0@3 {...}": equal texts are equal changes.
std::string TextOf(const Change& change);

// Revisions by name.
using InForce = std::map<std::string, std::string>;
void Apply(const Change& change, InForce* in_force);

class Ledger {
 public:
  // `progress_file` gets a byte longer with each change: other processes see
  // how far the writer is.
  explicit Ledger(const std::string& progress_file);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void Add(Change change);
  size_t size() const;
  // How many changes there are up to this one; 0 if it is not there (yet).
  size_t CountUpTo(v1::WatchEvent event, const std::string& key) const;
  std::vector<Change> changes() const;

 private:
  const int progress_;
  mutable std::mutex mu_;  // guards what follows
  std::vector<Change> changes_;
  std::map<std::pair<bool, std::string>, size_t> counts_;  // deleted?, key
};

// The number of changes that a progress file tells; 0 without one.
size_t ReadProgress(const std::string& file);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_CHURN_LEDGER_H_
