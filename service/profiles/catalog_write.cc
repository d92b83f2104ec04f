// The catalog's writes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/profiles/catalog.h"
#include "service/profiles/catalog_name.h"
#include "service/profiles/profile_file.h"

namespace logitd {

bool Catalog::IsReadOnly(absl::string_view name) const {
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

size_t Catalog::WrittenCount() const {
  std::lock_guard<std::mutex> lock(mu_);
  return written_;
}

// The profile in force, if it may be written and is what the caller knows.
absl::StatusOr<ProfilePtr> Catalog::FindToWrite(absl::string_view name,
                                                absl::string_view etag) const {
  LOGITD_RETURN_IF_ERROR(CheckOwner(name));
  ProfilePtr current = Current(name);
  if (current == nullptr) {
    return absl::NotFoundError(absl::StrCat("name: there is no ", name));
  }
  if (!etag.empty() && etag != current->etag()) {
    return absl::AbortedError(absl::StrCat(
        "etag: ", etag, " is not the stored one, ", current->etag()));
  }
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
  change.content = ContentOf(content);
  change.content.set_name(name);
  LOGITD_RETURN_IF_ERROR(Check(change.content));
  if (before == nullptr && WrittenCount() >= options_.profiles_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("profile_id: there are ", options_.profiles_max,
                     " profiles already (--max_profiles)"));
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
                                          absl::string_view etag) {
  LOGITD_ASSIGN_OR_RETURN(const ProfileName parsed,
                          ParseProfileName(absl::StrCat(name, "@", revision)));
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_ASSIGN_OR_RETURN(ProfilePtr current, FindToWrite(parsed.name, etag));
    LOGITD_ASSIGN_OR_RETURN(const ProfilePtr old,
                            Revision(parsed.name, parsed.revision));
    written = Put(parsed.name, std::move(current), *old, false);
  }
  watch_.Ring();
  return written;
}

absl::StatusOr<Written> Catalog::Delete(absl::string_view name,
                                        absl::string_view etag) {
  LOGITD_ASSIGN_OR_RETURN(const std::string plain, ParsePlainName(name));
  absl::StatusOr<Written> written;
  {
    std::lock_guard<std::mutex> lock(write_mu_);
    LOGITD_ASSIGN_OR_RETURN(ProfilePtr current, FindToWrite(plain, etag));
    Change change;
    change.is_delete = true;
    change.name = plain;
    written = Commit(std::move(change), std::move(current));
  }
  watch_.Ring();
  return written;
}

}  // namespace logitd
