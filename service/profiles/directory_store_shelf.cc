#include "service/profiles/directory_store_shelf.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

constexpr size_t kRevisionsMax = 16;
constexpr size_t kErrorsShown = 5;

absl::Time CreateTime(const StoredRevision& stored) {
  const auto& time = stored.profile.create_time();
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

}  // namespace

void DirectoryShelf::Publish(const std::vector<GoodFile>& good,
                             const std::vector<std::string>& gone) {
  ChangeBatch batch;
  Store::Subscriber subscriber;
  {
    std::lock_guard<std::mutex> lock(mu_);
    for (const GoodFile& file : good) PutLocked(file, &batch);
    for (const std::string& name : gone) {
      Row& row = rows_[name];
      if (row.revisions.empty() || row.deleted) continue;
      row.deleted = true;
      batch.changes.push_back(
          MakeDeletion(name, row.revisions.front().profile.revision()));
    }
    ForgetLocked();
    if (batch.changes.empty()) return;
    batch.sequence = ++sequence_;
    subscriber = subscriber_;
  }
  if (subscriber) subscriber(std::move(batch));
}

void DirectoryShelf::PutLocked(const GoodFile& file, ChangeBatch* batch) {
  Row& row = rows_[file.content.name()];
  auto& revisions = row.revisions;
  const bool was_there = !revisions.empty() && !row.deleted;
  const auto has_it = [&file](const StoredRevision& stored) {
    return stored.profile.revision() == file.revision;
  };
  if (was_there && has_it(revisions.front())) return;
  const absl::Time created =
      was_there ? CreateTime(revisions.front()) : file.modified;
  revisions.erase(std::remove_if(revisions.begin(), revisions.end(), has_it),
                  revisions.end());
  revisions.push_front(MakeRevision(file.content, file.content.name(),
                                    file.revision, "directory", created,
                                    file.modified));
  if (revisions.size() > kRevisionsMax) revisions.pop_back();
  row.deleted = false;
  batch->changes.push_back(revisions.front());
}

// Old revisions of names that are gone go when there are too many.
void DirectoryShelf::ForgetLocked() {
  if (rows_.size() <= 2 * names_max_) return;
  for (auto row = rows_.begin(); row != rows_.end();) {
    row = row->second.deleted ? rows_.erase(row) : std::next(row);
  }
}

void DirectoryShelf::Report(const absl::Status& folder,
                            const std::map<std::string, std::string>& errors) {
  absl::Status health = folder;
  if (health.ok() && !errors.empty()) {
    std::string text = "store: ";
    size_t shown = 0;
    for (const auto& [file, why] : errors) {
      if (shown++ == kErrorsShown) break;
      absl::StrAppend(&text, shown > 1 ? "; " : "", file, ": ", why);
    }
    if (errors.size() > kErrorsShown) {
      absl::StrAppend(&text, "; and ", errors.size() - kErrorsShown, " more");
    }
    health = absl::InvalidArgumentError(text);
  }
  std::set<std::string, std::less<>> bad;
  for (const auto& [file, why] : errors) {
    bad.insert(absl::StrCat("profiles/", IdOfProfileFile(file)));
  }
  std::lock_guard<std::mutex> lock(mu_);
  health_ = health;
  if (folder.ok()) bad_ = std::move(bad);
}

bool DirectoryShelf::Has(absl::string_view name) const {
  std::lock_guard<std::mutex> lock(mu_);
  const auto row = rows_.find(name);
  return row != rows_.end() && !row->second.deleted;
}

bool DirectoryShelf::IsBad(absl::string_view name) const {
  std::lock_guard<std::mutex> lock(mu_);
  return bad_.count(name) > 0;
}

std::vector<std::string> DirectoryShelf::Names() const {
  std::lock_guard<std::mutex> lock(mu_);
  std::vector<std::string> names;
  for (const auto& [name, row] : rows_) {
    if (!row.deleted) names.push_back(name);
  }
  return names;
}

LoadedStore DirectoryShelf::Load() const {
  std::lock_guard<std::mutex> lock(mu_);
  LoadedStore loaded;
  loaded.sequence = sequence_;
  for (const auto& [name, row] : rows_) {
    if (!row.deleted) loaded.profiles.push_back(row.revisions.front());
  }
  return loaded;
}

absl::StatusOr<StoredRevision> DirectoryShelf::Get(
    absl::string_view name, absl::string_view revision) const {
  std::lock_guard<std::mutex> lock(mu_);
  const auto row = rows_.find(name);
  if (row != rows_.end()) {
    for (const StoredRevision& stored : row->second.revisions) {
      if (stored.profile.revision() == revision) return stored;
    }
  }
  return NoRevision(name, revision);
}

std::vector<StoredRevision> DirectoryShelf::List(absl::string_view name,
                                                 absl::string_view before,
                                                 size_t count) const {
  std::vector<StoredRevision> listed;
  std::lock_guard<std::mutex> lock(mu_);
  const auto row = rows_.find(name);
  if (row == rows_.end()) return listed;
  bool begun = before.empty();
  for (const StoredRevision& stored : row->second.revisions) {
    if (begun && listed.size() < count) listed.push_back(stored);
    begun = begun || stored.profile.revision() == before;
  }
  return listed;
}

void DirectoryShelf::Subscribe(Store::Subscriber subscriber) {
  std::lock_guard<std::mutex> lock(mu_);
  subscriber_ = std::move(subscriber);
}

absl::Status DirectoryShelf::Health() const {
  std::lock_guard<std::mutex> lock(mu_);
  return health_;
}

}  // namespace logitd
