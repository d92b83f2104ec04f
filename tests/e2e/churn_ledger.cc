#include "tests/e2e/churn_ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace logitd::testing {

std::string KeyOf(const Change& change) {
  return absl::StrCat(change.name, "@", change.revision);
}

std::string TextOf(const Change& change) {
  return absl::StrCat(v1::WatchEvent_Name(change.event).substr(12), " ",
                      KeyOf(change), " {", change.params.ShortDebugString(),
                      "}");
}

void Apply(const Change& change, InForce* in_force) {
  if (change.event == v1::WATCH_EVENT_DELETED) {
    in_force->erase(change.name);
  } else {
    (*in_force)[change.name] = change.revision;
  }
}

Ledger::Ledger(const std::string& progress_file)
    : progress_(open(progress_file.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}

Ledger::~Ledger() { close(progress_); }

void Ledger::Add(Change change) {
  const std::lock_guard lock(mu_);
  const bool deleted = change.event == v1::WATCH_EVENT_DELETED;
  counts_[{deleted, KeyOf(change)}] = changes_.size() + 1;
  changes_.push_back(std::move(change));
  static_cast<void>(!write(progress_, "+", 1));
}

size_t Ledger::size() const {
  const std::lock_guard lock(mu_);
  return changes_.size();
}

size_t Ledger::CountUpTo(v1::WatchEvent event, const std::string& key) const {
  const std::lock_guard lock(mu_);
  const auto found = counts_.find({event == v1::WATCH_EVENT_DELETED, key});
  return found == counts_.end() ? 0 : found->second;
}

std::vector<Change> Ledger::changes() const {
  const std::lock_guard lock(mu_);
  return changes_;
}

size_t ReadProgress(const std::string& file) {
  struct stat now = {};
  if (stat(file.c_str(), &now) != 0) return 0;
  return static_cast<size_t>(now.st_size);
}

}  // namespace logitd::testing
