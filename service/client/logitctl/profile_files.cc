// logitctl profiles export and import: all profiles as files, and back.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/client/logitctl/profile_text.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

namespace fs = std::filesystem;

struct FileFlags {
  ProfileFlags where;
  std::string folder;
  std::vector<std::string> paths;
  bool validate_only = false;
};

absl::Status RunExport(const FileFlags& flags) {
  const auto client = flags.where.Connect();
  if (!client.ok()) {
    return client.status();
  }
  const auto profiles = client->List("");
  if (!profiles.ok()) {
    return profiles.status();
  }
  std::error_code error;
  fs::create_directories(flags.folder, error);
  if (error) {
    return UsageError(
        absl::StrCat("cannot make ", flags.folder, ": ", error.message()));
  }
  for (const v1::Profile& profile : *profiles) {
    const std::string path =
        absl::StrCat(flags.folder, "/", ProfileId(profile.name()), ".yaml");
    if (absl::Status status = WriteText(path, WriteYaml(profile));
        !status.ok()) {
      return status;
    }
    absl::PrintF("%s: %s\n", path, RevisionName(profile));
  }
  return absl::OkStatus();
}

// Folders become their *.yaml and *.json, by name.
absl::StatusOr<std::vector<std::string>> Expand(
    const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".yaml" || extension == ".yml" || extension == ".json") {
        found.push_back(entry.path().string());
      }
    }
    if (error || found.empty()) {
      return UsageError(absl::StrCat("no profiles in ", path));
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

// What is to become of one file.
struct Item {
  std::string file;
  v1::Profile profile;  // With the etag of what it replaces.
  bool exists = false;
  bool changed = true;
};

absl::StatusOr<Item> Plan(const std::string& file,
                          const ProfileClient& client) {
  auto profile = ReadProfile(file, "");
  if (!profile.ok()) {
    return profile.status();
  }
  Item item = {file, *std::move(profile)};
  const auto stored = client.Get(item.profile.name());
  if (!stored.ok() && !absl::IsNotFound(stored.status())) {
    return stored.status();
  }
  if (stored.ok()) {
    item.exists = true;
    item.changed = !Diff(*stored, item.profile).empty();
    item.profile.set_etag(stored->etag());
  }
  return item;
}

absl::StatusOr<v1::Profile> Write(const Item& item, bool validate_only,
                                  const ProfileClient& client) {
  auto written = item.exists ? client.Update(item.profile, validate_only)
                             : client.Create(item.profile.name(), item.profile,
                                             validate_only);
  if (!written.ok()) {
    return RefusedBy(item.file, written.status());
  }
  return written;
}

absl::Status RunImport(const FileFlags& flags) {
  const auto files = Expand(flags.paths);
  if (!files.ok()) {
    return files.status();
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  std::vector<Item> items;
  for (const std::string& file : *files) {
    auto item = Plan(file, *client);
    absl::Status status = item.status();
    if (status.ok() && item->changed) {
      status = Write(*item, true, *client).status();
    }
    if (!status.ok()) {
      return status;
    }
    items.push_back(*std::move(item));
  }
  for (const Item& item : items) {
    if (!item.changed) {
      absl::PrintF("unchanged %s\n", item.profile.name());
      continue;
    }
    const auto written = Write(item, flags.validate_only, *client);
    if (!written.ok()) {
      return written.status();
    }
    if (flags.validate_only) {
      absl::PrintF("valid, and nothing was written: %s\n", written->name());
    } else {
      PrintWritten(item.exists ? "updated" : "created", *written);
    }
  }
  return absl::OkStatus();
}

}  // namespace

void AddProfileFiles(CLI::App* profiles, Command* command) {
  auto out = std::make_shared<FileFlags>();
  CLI::App* to_files = profiles->add_subcommand(
      "export", "Writes every profile to DIR/<id>.yaml, as import reads them.");
  to_files->add_option("DIR", out->folder, "Made if it is not there")
      ->required();
  out->where.AddForReads(to_files);
  to_files->callback(
      [out, command] { *command = [out] { return RunExport(*out); }; });

  auto in = std::make_shared<FileFlags>();
  CLI::App* from_files = profiles->add_subcommand(
      "import",
      "Creates or updates a profile of each file, its stem is the id. All are "
      "checked before the first is written.");
  from_files->add_option("FILE", in->paths, "Files, or folders of them")
      ->required();
  from_files->add_flag("--validate-only", in->validate_only,
                       "Asks whether it would be done, and does not do it");
  in->where.AddForWrites(from_files);
  from_files->callback(
      [in, command] { *command = [in] { return RunImport(*in); }; });
}

}  // namespace logitd::logitctl
