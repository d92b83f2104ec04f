// logitctl profiles import: profiles of files, all or none.

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/client/logitctl/profile_text.h"

namespace logitd::logitctl {
namespace {

struct ImportFlags {
  ProfileFlags where;
  std::vector<std::string> paths;
  bool validate_only = false;
};

// What is to become of one file.
struct Item {
  std::string file;
  v1::Profile profile;  // With the etag of what it replaces.
  bool exists = false;
  bool changed = true;
  v1::Profile tried = {};  // What the server says to it.
};

// All that is wrong with files, so that nobody mends them one by one.
class Faults {
 public:
  void Add(const absl::Status& status) {
    if (first_.ok()) {
      first_ = status;
    }
    absl::StrAppend(&text_, status.message(), "\n");
  }
  // The first, in the words of all.
  absl::Status Told() const {
    return first_.ok()
               ? first_
               : Reworded(first_, absl::StrCat(text_, "nothing was written"));
  }

 private:
  absl::Status first_;
  std::string text_;
};

// The server would answer so whatever the file says.
bool IsOfAnyFile(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

absl::StatusOr<v1::Profile> Write(const Item& item, bool validate_only,
                                  const ProfileClient& client) {
  return item.exists
             ? client.Update(item.profile, validate_only)
             : client.Create(item.profile.name(), item.profile, validate_only);
}

// Asks what there is, and whether the file may be put into its place.
absl::Status Try(const ProfileClient& client, Item* item) {
  const auto stored = client.Get(item->profile.name());
  if (!stored.ok() && !absl::IsNotFound(stored.status())) {
    return stored.status();
  }
  if (stored.ok()) {
    item->exists = true;
    item->changed = !Diff(*stored, item->profile).empty();
    if (item->profile.etag().empty()) {  // Else the file says what it is of.
      item->profile.set_etag(stored->etag());
    }
  }
  if (!item->changed) {
    return absl::OkStatus();
  }
  auto tried = Write(*item, true, client);
  if (!tried.ok()) {
    return tried.status();
  }
  item->tried = *std::move(tried);
  return absl::OkStatus();
}

absl::Status OfFile(const std::string& file, const absl::Status& status) {
  return Reworded(status, absl::StrCat(file, ": ", status.message()));
}

// Two files of one profile: one of them would be lost.
absl::Status CheckIds(const std::vector<std::string>& files) {
  std::map<std::string, std::string> by_id;
  for (const std::string& file : files) {
    const auto [other, is_new] = by_id.emplace(StemOf(file), file);
    if (!is_new) {
      return UsageError(absl::StrCat(other->second, " and ", file,
                                     " are both of the profile ",
                                     other->first));
    }
  }
  return absl::OkStatus();
}

std::vector<Item> ReadItems(const std::vector<std::string>& files,
                            Faults* faults) {
  std::vector<Item> items;
  for (const std::string& file : files) {
    auto profile = ReadProfile(file, "");
    if (profile.ok()) {
      items.push_back({file, *std::move(profile)});
    } else {
      faults->Add(profile.status());
    }
  }
  return items;
}

absl::Status WriteItems(const std::vector<Item>& items, bool validate_only,
                        const ProfileClient& client) {
  for (const Item& item : items) {
    if (!item.changed) {
      absl::PrintF("unchanged %s\n", item.profile.name());
      continue;
    }
    if (validate_only) {
      PrintValid(item.tried);
      continue;
    }
    const auto written = Write(item, false, client);
    if (!written.ok()) {
      return OfFile(item.file, written.status());
    }
    PrintWritten(item.exists ? "updated" : "created", *written);
  }
  return absl::OkStatus();
}

absl::Status RunImport(const ImportFlags& flags) {
  const auto files = FilesOf(flags.paths);
  if (!files.ok()) {
    return files.status();
  }
  if (absl::Status status = CheckIds(*files); !status.ok()) {
    return status;
  }
  Faults faults;
  std::vector<Item> items = ReadItems(*files, &faults);
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    faults.Add(client.status());
    return faults.Told();
  }
  for (Item& item : items) {
    const absl::Status status = Try(*client, &item);
    if (status.ok()) {
      continue;
    }
    faults.Add(OfFile(item.file, status));
    if (IsOfAnyFile(status)) {
      break;
    }
  }
  const absl::Status status = faults.Told();
  return status.ok() ? WriteItems(items, flags.validate_only, *client) : status;
}

}  // namespace

void AddProfileImport(CLI::App* profiles, Command* command) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* app = profiles->add_subcommand(
      "import",
      "Creates or updates a profile of each file, its stem is the id. All are "
      "checked before the first is written. A file that holds an etag, as `get "
      "-o json` and `export -o json` write it, is refused when somebody "
      "changed "
      "the profile since. YAML files carry no etag: they replace whatever is "
      "there.");
  app->add_option("FILE", flags->paths, "Files, or folders of them")
      ->required();
  ProfileFlags::AddTrial(app, &flags->validate_only);
  flags->where.AddForWrites(app);
  app->callback(
      [flags, command] { *command = [flags] { return RunImport(*flags); }; });
}

}  // namespace logitd::logitctl
