// The catalog's writes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/profiles/catalog.h"
#include "service/profiles/catalog_name.h"
#include "service/profiles/profile_file.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

// Etags come with their quotes, and from anybody: short and harmless.
std::string ShownEtag(absl::string_view etag) {
  absl::ConsumePrefix(&etag, "\"");
  absl::ConsumeSuffix(&etag, "\"");
  return Quote(etag);
}

absl::Status CheckEtag(absl::string_view etag, const v1::Profile& current) {
  if (etag.empty() || etag == current.etag()) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      "etag: ", ShownEtag(etag), " is not the stored one, ", current.etag()));
}

}  // namespace

// In force from a read-only store, or to be as soon as it is good.
bool Catalog::IsReadOnly(absl::string_view name) const {
  for (const auto& store : stores_) {
    if (store.get() != writable_ && store->Claims(name)) return true;
  }
  std::lock_guard<std::mutex> lock(mu_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return false;
  for (size_t i = 0; i < entry->second.size(); ++i) {
    const bool has = entry->second[i].current != nullptr;
    if (has && stores_[i].get() != writable_) return true;
  }
  return false;
}

absl::Status Catalog::CheckOwner(absl::string_view name) const {
  if (writable_ == nullptr) {
    return absl::FailedPreconditionError(
        "name: this server has no store that can be written");
  }
  if (IsReadOnly(name)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "name: ", name, " belongs to a read-only store: change it there"));
  }
  return absl::OkStatus();
}

absl::Status Catalog::Check(const v1::Profile& profile) const {
  LOGITD_RETURN_IF_ERROR(CheckProfileBytes(ContentOf(profile).ByteSizeLong(),
                                           options_.profile_bytes_max));
  return options_.validate ? options_.validate(profile) : absl::OkStatus();
}

// For one more profile.
absl::Status Catalog::CheckRoom(absl::string_view field) const {
  std::lock_guard<std::mutex> lock(mu_);
  if (written_ < options_.profiles_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(field, ": there are ", options_.profiles_max,
                   " profiles already (--max_profiles)"));
}

absl::Status Catalog::CheckDeletable(absl::string_view name) const {
  if (options_.undeletable.empty()) return absl::OkStatus();
  LOGITD_ASSIGN_OR_RETURN(const ProfileName kept,
                          ParseProfileName(options_.undeletable));
  if (name != kept.name) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("name: ", name,
                   " is this server's --default_profile, without which "
                   "sessions that name none could not open"));
}

// The profile in force, if it may be written and is what the caller knows.
absl::StatusOr<ProfilePtr> Catalog::FindToWrite(absl::string_view name,
                                                absl::string_view etag) const {
  LOGITD_RETURN_IF_ERROR(CheckOwner(name));
  ProfilePtr current = Current(name);
  if (current == nullptr) return NoSuchProfile(name);
  LOGITD_RETURN_IF_ERROR(CheckEtag(etag, *current));
  return current;
}

absl::StatusOr<Written> Catalog::Commit(Change change, ProfilePtr before) {
  if (before != nullptr) change.expected_revision = before->revision();
  change.time = options_.now();
  LOGITD_ASSIGN_OR_RETURN(const StoredRevision stored,
                          writable_->Commit(change));
  Written written{std::move(before), nullptr};
  {
    std::lock_guard<std::mutex> lock(mu_);
    ApplyLocked(stores_.size() - 1, stored);
  }
  if (!stored.deleted) {
    written.after = std::make_shared<const v1::Profile>(stored.profile);
  }
  return written;
}

absl::StatusOr<Written> Catalog::Put(const std::string& name, ProfilePtr before,
                                     const v1::Profile& content,
                                     bool validate_only) {
  Change change;
  change.name = name;
  change.content = WithoutEmptyParams(ContentOf(content));
  change.content.set_name(name);
  LOGITD_RETURN_IF_ERROR(Check(change.content));
  if (before != nullptr &&
      ContentBytes(*before) == ContentBytes(change.content)) {
    return Written{before, before};
  }
  if (validate_only) {
    return Written{std::move(before), std::make_shared<const v1::Profile>(
                                          std::move(change.content))};
  }
  return Commit(std::move(change), std::move(before));
}

absl::StatusOr<Written> Catalog::Create(absl::string_view id,
                                        const v1::Profile& content,
                                        bool validate_only) {
  LOGITD_RETURN_IF_ERROR(CheckProfileId("profile_id", id));
  const std::string name = absl::StrCat("profiles/", id);
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_RETURN_IF_ERROR(CheckOwner(name));
    if (Current(name) != nullptr) {
      return absl::AlreadyExistsError(
          absl::StrCat("profile_id: ", name, " is there already"));
    }
    LOGITD_RETURN_IF_ERROR(CheckRoom("profile_id"));
    written = Put(name, nullptr, content, validate_only);
  }
  watch_.Ring();
  return written;
}

absl::StatusOr<Written> Catalog::Update(
    absl::string_view name, absl::string_view etag,
    const std::function<absl::Status(v1::Profile*)>& edit, bool validate_only) {
  LOGITD_ASSIGN_OR_RETURN(const std::string plain, ParsePlainName(name));
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_ASSIGN_OR_RETURN(ProfilePtr current, FindToWrite(plain, etag));
    v1::Profile edited = *current;
    LOGITD_RETURN_IF_ERROR(edit(&edited));
    written = Put(plain, std::move(current), edited, validate_only);
  }
  watch_.Ring();
  return written;
}

absl::StatusOr<Written> Catalog::Rollback(absl::string_view name,
                                          absl::string_view revision,
                                          absl::string_view etag,
                                          bool validate_only) {
  LOGITD_ASSIGN_OR_RETURN(const ProfileName parsed,
                          ParseProfileName(absl::StrCat(name, "@", revision)));
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_RETURN_IF_ERROR(CheckOwner(parsed.name));
    ProfilePtr current = Current(parsed.name);  // null: deleted, or never there
    if (current != nullptr) LOGITD_RETURN_IF_ERROR(CheckEtag(etag, *current));
    LOGITD_ASSIGN_OR_RETURN(const ProfilePtr old,
                            Revision(parsed.name, parsed.revision));
    if (current == nullptr) {
      if (!etag.empty())
        return absl::AbortedError(absl::StrCat("etag: ", ShownEtag(etag),
                                               " is given, but ", parsed.name,
                                               " is deleted"));
      LOGITD_RETURN_IF_ERROR(CheckRoom("name"));
    }
    written = Put(parsed.name, std::move(current), *old, validate_only);
  }
  watch_.Ring();
  return written;
}

absl::StatusOr<Written> Catalog::Delete(absl::string_view name,
                                        absl::string_view etag,
                                        bool validate_only) {
  LOGITD_ASSIGN_OR_RETURN(const std::string plain, ParsePlainName(name));
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_ASSIGN_OR_RETURN(ProfilePtr current, FindToWrite(plain, etag));
    LOGITD_RETURN_IF_ERROR(CheckDeletable(plain));
    if (validate_only) return Written{std::move(current), nullptr};
    Change change;
    change.is_delete = true;
    change.name = plain;
    written = Commit(std::move(change), std::move(current));
  }
  watch_.Ring();
  return written;
}

}  // namespace logitd
