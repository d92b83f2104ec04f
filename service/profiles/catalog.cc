#include "service/profiles/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sampler/status_macros.h"
#include "service/log.h"
#include "service/profiles/catalog_name.h"

namespace logitd {
namespace {

constexpr size_t kRecentMax = 4;  // revisions of each name in memory
constexpr size_t kNamedMax = 16;  // revisions named in an error

// The first store that has the name says what is in force.
template <class Entry>
ProfilePtr InForce(const Entry& entry) {
  for (const auto& holding : entry) {
    if (holding.current != nullptr) return holding.current;
  }
  return nullptr;
}

uint64_t EpochOf(const CatalogOptions& options) {
  return static_cast<uint64_t>(absl::ToUnixNanos(options.now()));
}

}  // namespace

// ---- opening ----------------------------------------------------------------

Catalog::Catalog(const CatalogOptions& options)
    : options_(options),
      watch_(options.watch_log_max, options.watchers_max, EpochOf(options),
             [this] { return Snapshot(); }) {}

Catalog::~Catalog() = default;

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(
    const CatalogOptions& options, std::unique_ptr<Store> writable,
    std::vector<std::unique_ptr<Store>> read_only) {
  std::unique_ptr<Catalog> catalog(new Catalog(options));
  catalog->stores_ = std::move(read_only);
  if (writable != nullptr) {
    catalog->writable_ = writable.get();
    catalog->stores_.push_back(std::move(writable));
  }
  catalog->feeds_.resize(catalog->stores_.size());
  for (size_t i = 0; i < catalog->stores_.size(); ++i) {
    LOGITD_RETURN_IF_ERROR(catalog->Attach(i));
  }
  catalog->loaded_ = catalog->watch_.sequence();
  return catalog;
}

absl::Status Catalog::Attach(size_t store) {
  stores_[store]->Subscribe(
      [this, store](ChangeBatch batch) { OnBatch(store, std::move(batch)); });
  LOGITD_ASSIGN_OR_RETURN(const LoadedStore loaded, stores_[store]->Load());
  std::lock_guard<std::mutex> lock(mu_);
  for (const StoredRevision& revision : loaded.profiles) {
    ApplyLocked(store, revision);
    if (stores_[store].get() == writable_) NoteUnfitLocked(revision.profile);
  }
  Feed& feed = feeds_[store];
  feed.is_loaded = true;
  feed.sequence = loaded.sequence;
  for (const ChangeBatch& batch : feed.early) {
    if (batch.sequence <= feed.sequence) continue;
    for (const StoredRevision& change : batch.changes) {
      ApplyLocked(store, change);
    }
  }
  feed.early.clear();
  return absl::OkStatus();
}

void Catalog::NoteUnfitLocked(const v1::Profile& profile) {
  const absl::Status fit =
      options_.validate ? options_.validate(profile) : absl::OkStatus();
  if (fit.ok()) return;
  const std::string why =
      absl::StrCat(NameWithRevision(profile), ": ", fit.message());
  unfit_[profile.name()] = why;
  Log(LogLevel::kWarning, "a stored profile is not valid", {{"error", why}});
}

// ---- changes ----------------------------------------------------------------

void Catalog::OnBatch(size_t store, ChangeBatch batch) {
  {
    std::lock_guard<std::mutex> lock(mu_);
    Feed& feed = feeds_[store];
    if (!feed.is_loaded) {
      feed.early.push_back(std::move(batch));
      return;
    }
    if (batch.sequence <= feed.sequence) return;
    for (const StoredRevision& change : batch.changes) {
      ApplyLocked(store, change);
    }
  }
  watch_.Ring();
}

// False: not news.
bool Catalog::TakeLocked(size_t store, const StoredRevision& change,
                         Holding* holding) {
  const std::string& revision = change.profile.revision();
  const bool is_current =
      holding->current != nullptr && holding->current->revision() == revision;
  if (stores_[store].get() == writable_) {
    // A feed may repeat, late, what a commit has told.
    const uint64_t number = RevisionNumber(revision);
    const bool deletes_it = change.deleted && is_current;
    if (number < holding->number) return false;
    if (number == holding->number && !deletes_it) return false;
    holding->number = number;
  } else if (is_current && !change.deleted) {
    return false;
  }
  if (change.deleted) {
    holding->current = nullptr;
    holding->recent.clear();  // the store has them
    return true;
  }
  holding->current = std::make_shared<const v1::Profile>(change.profile);
  holding->recent.push_front(holding->current);
  if (holding->recent.size() > kRecentMax) holding->recent.pop_back();
  return true;
}

void Catalog::ApplyLocked(size_t store, const StoredRevision& change) {
  const std::string& name = change.profile.name();
  Entry& entry = entries_[name];
  entry.resize(stores_.size());
  const ProfilePtr before = InForce(entry);
  const bool had = entry[store].current != nullptr;
  if (!TakeLocked(store, change, &entry[store])) return;
  const bool has = entry[store].current != nullptr;
  if (stores_[store].get() == writable_) {
    unfit_.erase(name);
    if (had != has) has ? ++written_ : --written_;
  }
  const ProfilePtr after = InForce(entry);
  if (!has) DropIfEmptyLocked(name);
  if (before == after) return;  // another store owns the name
  if (before == nullptr) ++in_force_;
  if (after == nullptr) --in_force_;
  if (!change.deleted) {
    watch_.Append(v1::WATCH_EVENT_REVISION, after);
    return;
  }
  auto gone = std::make_shared<v1::Profile>();
  gone->set_name(name);
  gone->set_revision(before->revision());
  watch_.Append(v1::WATCH_EVENT_DELETED, std::move(gone));
  // Another store's profile comes to light: no new revision.
  if (after != nullptr) watch_.Append(v1::WATCH_EVENT_PRESENT, after);
}

// What only files had leaves nothing behind; of the writable store the number
// must stay known.
void Catalog::DropIfEmptyLocked(const std::string& name) {
  const auto entry = entries_.find(name);
  const bool is_empty = std::all_of(
      entry->second.begin(), entry->second.end(), [](const Holding& holding) {
        return holding.current == nullptr && holding.number == 0;
      });
  if (is_empty) entries_.erase(entry);
}

// ---- reading ----------------------------------------------------------------

ProfilePtr Catalog::Current(absl::string_view name) const {
  std::lock_guard<std::mutex> lock(mu_);
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? nullptr : InForce(entry->second);
}

ProfilePtr Catalog::Recent(absl::string_view name,
                           absl::string_view revision) const {
  std::lock_guard<std::mutex> lock(mu_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return nullptr;
  for (const Holding& holding : entry->second) {
    for (const ProfilePtr& profile : holding.recent) {
      if (profile->revision() == revision) return profile;
    }
  }
  return nullptr;
}

absl::StatusOr<ProfilePtr> Catalog::Get(absl::string_view name) const {
  LOGITD_ASSIGN_OR_RETURN(const ProfileName parsed, ParseProfileName(name));
  if (!parsed.revision.empty()) return Revision(parsed.name, parsed.revision);
  ProfilePtr current = Current(parsed.name);
  if (current == nullptr) return NoSuchProfile(parsed.name);
  return current;
}

bool Catalog::IsInMemory(absl::string_view name) const {
  const auto parsed = ParseProfileName(name);
  return !parsed.ok() || parsed->revision.empty() ||
         Recent(parsed->name, parsed->revision) != nullptr;
}

absl::StatusOr<ProfilePtr> Catalog::Revision(const std::string& name,
                                             absl::string_view revision) const {
  ProfilePtr recent = Recent(name, revision);
  if (recent != nullptr) return recent;
  absl::Status away;
  for (const auto& store : stores_) {
    auto stored = store->GetRevision(name, revision);
    if (stored.ok()) {
      return std::make_shared<const v1::Profile>(std::move(stored->profile));
    }
    if (!absl::IsNotFound(stored.status())) away = stored.status();
  }
  if (!away.ok()) return away;
  return NoSuchRevision(name, revision);
}

absl::Status Catalog::NoSuchRevision(const std::string& name,
                                     absl::string_view revision) const {
  std::vector<std::string> there;
  for (Store* store : StoresFor(name)) {
    auto listed = store->ListRevisions(name, "", kNamedMax);
    if (!listed.ok()) return listed.status();
    for (const StoredRevision& stored : *listed) {
      there.push_back(stored.profile.revision());
    }
  }
  if (there.empty()) return NoSuchProfile(name);
  const bool all = there.size() < kNamedMax;
  return absl::FailedPreconditionError(absl::StrCat(
      "name: ", name, " has no revision ", revision, "; there are ",
      absl::StrJoin(there, ", "), all ? "" : " and perhaps older ones"));
}

// The store whose profile is in force first, then the others.
std::vector<Store*> Catalog::StoresFor(absl::string_view name) const {
  std::vector<Store*> stores;
  for (const auto& store : stores_) stores.push_back(store.get());
  std::lock_guard<std::mutex> lock(mu_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return stores;
  for (size_t i = 0; i < entry->second.size(); ++i) {
    if (entry->second[i].current != nullptr) {
      std::swap(stores[0], stores[i]);
      break;
    }
  }
  return stores;
}

WatchSnapshot Catalog::Snapshot() const {
  std::lock_guard<std::mutex> lock(mu_);
  WatchSnapshot snapshot;
  for (const auto& [name, entry] : entries_) {
    ProfilePtr profile = InForce(entry);
    if (profile != nullptr) snapshot.profiles.push_back(std::move(profile));
  }
  snapshot.sequence = watch_.sequence();
  return snapshot;
}

absl::StatusOr<std::unique_ptr<Watcher>> Catalog::Watch(
    absl::string_view resume_token, std::function<void()> wake) {
  return watch_.Watch(resume_token, std::move(wake));
}

std::vector<StoreHealth> Catalog::Health() const {
  std::vector<StoreHealth> health;
  for (const auto& store : stores_) {
    absl::Status status = store->Health();
    if (status.ok() && store.get() == writable_) status = UnfitStatus();
    health.push_back({std::string(store->name()), std::move(status)});
  }
  return health;
}

size_t Catalog::size() const {
  std::lock_guard<std::mutex> lock(mu_);
  return in_force_;
}

size_t Catalog::watcher_count() const { return watch_.watcher_count(); }

absl::Status Catalog::UnfitStatus() const {
  std::lock_guard<std::mutex> lock(mu_);
  if (unfit_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("store: ", unfit_.begin()->second));
}

uint64_t Catalog::change_count() const { return watch_.sequence() - loaded_; }

}  // namespace logitd
