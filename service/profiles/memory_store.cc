#include "service/profiles/memory_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

uint64_t NumberOf(const v1::Profile& profile) {
  return RevisionNumber(profile.revision());
}

absl::Time CreateTime(const v1::Profile& profile) {
  return absl::FromUnixSeconds(profile.create_time().seconds()) +
         absl::Nanoseconds(profile.create_time().nanos());
}

}  // namespace

absl::StatusOr<LoadedStore> MemoryStore::Load() {
  std::lock_guard<std::mutex> lock(mu_);
  LoadedStore loaded;
  loaded.sequence = sequence_;
  for (const auto& [name, row] : rows_) {
    if (!row.deleted) loaded.profiles.push_back({row.revisions.back(), false});
  }
  return loaded;
}

absl::StatusOr<StoredRevision> MemoryStore::Commit(const Change& change) {
  std::lock_guard<std::mutex> lock(mu_);
  const auto found = rows_.find(change.name);
  const bool is_there = found != rows_.end() && !found->second.deleted;
  LOGITD_RETURN_IF_ERROR(CheckExpected(
      change, is_there ? found->second.revisions.back().revision() : ""));
  if (found == rows_.end() && rows_.size() >= limits_.names_max) {
    return TooManyNames(limits_);
  }
  ++sequence_;
  if (change.is_delete) {
    found->second.deleted = true;
    return MakeDeletion(change.name, change.expected_revision);
  }
  return PutLocked(change, &rows_[change.name]);
}

StoredRevision MemoryStore::PutLocked(const Change& change, Row* row) {
  auto& revisions = row->revisions;
  const uint64_t last = revisions.empty() ? 0 : NumberOf(revisions.back());
  const bool is_new = revisions.empty() || row->deleted;
  StoredRevision stored = MakeRevision(
      change.content, change.name, absl::StrCat(last + 1), name(),
      is_new ? change.time : CreateTime(revisions.back()), change.time);
  revisions.push_back(stored.profile);
  if (revisions.size() > limits_.revisions_max) revisions.pop_front();
  row->deleted = false;
  return stored;
}

absl::StatusOr<StoredRevision> MemoryStore::GetRevision(
    absl::string_view name, absl::string_view revision) {
  std::lock_guard<std::mutex> lock(mu_);
  const auto row = rows_.find(name);
  if (row != rows_.end()) {
    for (const v1::Profile& profile : row->second.revisions) {
      if (profile.revision() == revision) return StoredRevision{profile, false};
    }
  }
  return NoRevision(name, revision);
}

absl::StatusOr<std::vector<StoredRevision>> MemoryStore::ListRevisions(
    absl::string_view name, absl::string_view before, size_t count) {
  std::vector<StoredRevision> listed;
  std::lock_guard<std::mutex> lock(mu_);
  const auto row = rows_.find(name);
  if (row == rows_.end()) return listed;
  const auto& revisions = row->second.revisions;
  const uint64_t oldest = NumberOf(revisions.front());
  const uint64_t newest = NumberOf(revisions.back());
  uint64_t end = newest + 1;  // the first that is not listed
  if (!before.empty()) end = std::min(end, RevisionNumber(before));
  for (uint64_t n = end; n > oldest && listed.size() < count; --n) {
    listed.push_back({revisions[n - 1 - oldest], false});
  }
  return listed;
}

}  // namespace logitd
