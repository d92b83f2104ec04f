#include "service/profile_host.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/log.h"
#include "service/profiles/catalog_name.h"
#include "service/profiles/directory_store.h"
#include "service/profiles/memory_store.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/sqlite_store.h"
#include "service/profiles/validate.h"

namespace logitd {
namespace {

absl::Status InSetting(const char* setting, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("--", setting, ": ", status.message()));
}

absl::StatusOr<std::unique_ptr<Store>> OpenWritable(const Config& config) {
  StoreLimits limits;
  limits.revisions_max = config.limits.max_revisions;
  limits.names_max = config.limits.max_profile_names;
  if (config.data_dir.empty()) {
    return std::unique_ptr<Store>(std::make_unique<MemoryStore>(limits));
  }
  auto store = SqliteStore::Open(config.data_dir, limits);
  if (!store.ok()) return InSetting("data_dir", store.status());
  return std::unique_ptr<Store>(*std::move(store));
}

absl::StatusOr<std::vector<std::unique_ptr<Store>>> OpenDirectories(
    const Config& config,
    const std::function<absl::Status(const v1::Profile&)>& validate) {
  std::vector<std::unique_ptr<Store>> stores;
  for (const std::string& path : config.profile_dirs) {
    DirectoryOptions options;
    options.path = path;
    options.files_max = config.limits.max_profiles;
    options.profile_bytes_max = config.limits.max_profile_bytes;
    options.validate = validate;
    auto store = DirectoryStore::Open(options);
    if (!store.ok()) return InSetting("profile_dir", store.status());
    stores.push_back(*std::move(store));
  }
  return stores;
}

std::function<absl::Status(const v1::Profile&)> Validator(
    const Limits& limits) {
  return [limits](const v1::Profile& profile) {
    return ToStatus(Validate(profile, limits));
  };
}

// Whatever profiles there are.
absl::Status CheckNames(const Config& config) {
  if (!config.default_profile.empty()) {
    const auto name = ParseProfileName(config.default_profile);
    if (!name.ok()) return InSetting("default_profile", name.status());
  }
  for (const std::string& id : config.allowed_profiles) {
    const absl::Status status = CheckProfileId("id", id);
    if (!status.ok()) return InSetting("allowed_profiles", status);
  }
  return absl::OkStatus();
}

bool IsPinned(const std::string& name) {
  return name.find('@') != std::string::npos;
}

CatalogOptions OptionsOf(const Config& config) {
  const Limits& limits = config.limits;
  CatalogOptions options;
  options.profiles_max = limits.max_profiles;
  options.profile_bytes_max = limits.max_profile_bytes;
  options.watchers_max = limits.max_watchers;
  options.validate = Validator(limits);
  if (!IsPinned(config.default_profile)) {
    options.undeletable = config.default_profile;
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Catalog>> OpenCatalog(
    const Config& config, std::unique_ptr<Store> writable,
    std::vector<std::unique_ptr<Store>> directories) {
  auto catalog = Catalog::Open(OptionsOf(config), std::move(writable),
                               std::move(directories));
  if (!catalog.ok()) return InSetting("data_dir", catalog.status());
  return catalog;
}

ProfileRules RulesOf(const Config& config, const Catalog* catalog) {
  return {catalog,
          config.default_profile,
          nullptr,
          {config.allowed_profiles.begin(), config.allowed_profiles.end()},
          config.require_profile};
}

absl::Status FindDefault(const ProfileRules& rules) {
  const std::string& name = rules.default_profile;
  if (name.empty() || rules.pinned_default != nullptr) return absl::OkStatus();
  const absl::Status there = rules.catalog->Get(name).status();
  return there.ok() ? there : InSetting("default_profile", there);
}

// What is only allowed may come later; a default too, but for a revision.
absl::Status CheckRules(ProfileRules* rules) {
  for (const std::string& id : rules->allowed) {
    if (rules->catalog->Get(id).ok()) continue;
    Log(LogLevel::kWarning, "there is no such profile yet",
        {{"allowed_profiles", id}});
  }
  if (!IsPinned(rules->default_profile)) return absl::OkStatus();
  LOGITD_RETURN_IF_ERROR(FindDefault(*rules));
  rules->pinned_default = *rules->catalog->Get(rules->default_profile);
  return absl::OkStatus();
}

}  // namespace

ProfileHost::ProfileHost(AdminTokens tokens, const Limits& limits)
    : tokens_(std::move(tokens)), executor_(limits.max_profile_calls) {}

absl::StatusOr<std::unique_ptr<ProfileHost>> ProfileHost::Open(
    const Config& config) {
  LOGITD_RETURN_IF_ERROR(CheckNames(config));
  LOGITD_ASSIGN_OR_RETURN(AdminTokens tokens,
                          AdminTokens::Read(config.admin_token_file));
  std::unique_ptr<ProfileHost> host(
      new ProfileHost(std::move(tokens), config.limits));
  LOGITD_ASSIGN_OR_RETURN(host->audit_, AuditLog::Open(config.audit_log));
  LOGITD_ASSIGN_OR_RETURN(auto directories,
                          OpenDirectories(config, Validator(config.limits)));
  LOGITD_ASSIGN_OR_RETURN(std::unique_ptr<Store> writable,
                          OpenWritable(config));
  LOGITD_ASSIGN_OR_RETURN(
      host->catalog_,
      OpenCatalog(config, std::move(writable), std::move(directories)));
  host->calls_ = std::make_unique<ProfileCalls>(
      config.limits, host->tokens_, host->catalog_.get(), host->audit_.get());
  host->rules_ = RulesOf(config, host->catalog_.get());
  LOGITD_RETURN_IF_ERROR(CheckRules(&host->rules_));
  return host;
}

absl::Status ProfileHost::CheckDefault() const { return FindDefault(rules_); }

absl::Status ProfileHost::Check(const Config& config) {
  LOGITD_RETURN_IF_ERROR(AuditLog::Check(config.audit_log));
  LOGITD_RETURN_IF_ERROR(CheckNames(config));
  LOGITD_RETURN_IF_ERROR(AdminTokens::Read(config.admin_token_file).status());
  LOGITD_ASSIGN_OR_RETURN(auto directories,
                          OpenDirectories(config, Validator(config.limits)));
  for (const auto& directory : directories) {
    const absl::Status health = directory->Health();
    if (!health.ok()) return InSetting("profile_dir", health);
  }
  std::unique_ptr<Store> stored;
  if (!config.data_dir.empty()) {
    auto looked = SqliteStore::OpenToLook(config.data_dir);
    if (!looked.ok()) return InSetting("data_dir", looked.status());
    stored = *std::move(looked);
  }
  LOGITD_ASSIGN_OR_RETURN(
      const auto catalog,
      OpenCatalog(config, std::move(stored), std::move(directories)));
  for (const StoreHealth& store : catalog->Health()) {
    if (!store.status.ok()) return InSetting("data_dir", store.status);
  }
  return FindDefault(RulesOf(config, catalog.get()));
}

}  // namespace logitd
