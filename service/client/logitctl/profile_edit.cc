// logitctl profiles edit: a profile in $EDITOR, checked on save.

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/client/logitctl/profile_text.h"
#include "service/profiles/lint.h"

namespace logitd::logitctl {
namespace {

struct EditFlags {
  ProfileFlags where;
  std::string id;
};

// With its folder, which is our own.
void RemoveFile(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(path).parent_path(),
                              ignored);
}

// A folder of our own that holds <id>.yaml.
absl::StatusOr<std::string> MakeFile(const v1::Profile& profile) {
  std::error_code error;
  std::string folder =
      (std::filesystem::temp_directory_path(error) / "logitctl-edit.XXXXXX")
          .string();
  if (error || mkdtemp(folder.data()) == nullptr) {
    return UsageError(absl::StrCat("cannot make a folder ", folder));
  }
  std::string path =
      absl::StrCat(folder, "/", ProfileId(profile.name()), ".yaml");
  if (absl::Status status = WriteFile(path, AnnotatedYaml(profile));
      !status.ok()) {
    RemoveFile(path);
    return status;
  }
  return path;
}

// $EDITOR may bring flags of its own, so a shell reads it.
absl::Status Edit(const std::string& path) {
  const char* named = getenv("EDITOR");
  const std::string editor = named == nullptr || *named == '\0' ? "vi" : named;
  std::string shell = "sh";
  std::string option = "-c";
  std::string line = absl::StrCat(editor, " \"$1\"");
  std::string file = path;
  char* const words[] = {shell.data(), option.data(), line.data(),
                         shell.data(), file.data(),   nullptr};
  pid_t child = 0;
  int outcome = 0;
  if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, words, environ) != 0 ||
      waitpid(child, &outcome, 0) != child || !WIFEXITED(outcome) ||
      WEXITSTATUS(outcome) != 0) {
    return UsageError(absl::StrCat("the editor \"", editor,
                                   "\" failed; the file is kept: ", path));
  }
  return absl::OkStatus();
}

// The server's limits of what is in a profile. The widest ones if it does not
// tell: then it decides itself when the profile is sent.
Limits LimitsOf(const ServerFlags& server) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const auto client = server.Connect();
  const auto info =
      client.ok() ? client->GetServerInfo(server.timeout()) : client.status();
  const auto limit = [&](const char* flag) {
    if (!info.ok() || !info->limits().contains(flag)) {
      return static_cast<std::uint32_t>(kMost);
    }
    return static_cast<std::uint32_t>(std::min(info->limits().at(flag), kMost));
  };
  Limits limits;
  limits.max_ids = limit("max_ids");
  limits.max_bias = limit("max_bias");
  limits.max_stop_sequences = limit("max_stop_sequences");
  limits.max_profile_bytes = limit("max_profile_bytes");
  return limits;
}

// What was saved; a usage error that names the file when it has errors.
absl::StatusOr<v1::Profile> ReadEdited(const std::string& path,
                                       const Limits& limits) {
  auto edited = ReadProfile(path, "");
  if (!edited.ok()) {
    return UsageError(
        absl::StrCat(edited.status().message(), "\nthe file is kept: ", path));
  }
  bool bad = false;
  for (const v1::LintFinding& finding : Lint(*edited, limits)) {
    if (finding.severity() == v1::LINT_SEVERITY_ERROR) {
      absl::FPrintF(stderr, "%s", FindingText(finding));
      bad = true;
    }
  }
  if (bad) {
    return UsageError(
        absl::StrCat("not stored, it has errors; the file is kept: ", path));
  }
  return edited;
}

absl::Status Store(const ProfileClient& client, const v1::Profile& before,
                   v1::Profile edited, const std::string& path) {
  const std::vector<Change> changes = Diff(before, edited);
  if (changes.empty()) {
    absl::PrintF("nothing changed\n");
    RemoveFile(path);
    return absl::OkStatus();
  }
  edited.set_name(before.name());
  edited.set_etag(before.etag());
  const auto written = client.Update(std::move(edited));
  if (!written.ok()) {
    absl::FPrintF(stderr, "the file is kept: %s\n", path);
    return written.status();
  }
  RemoveFile(path);
  for (const Change& change : changes) {
    absl::PrintF("%s\n", ChangeText(change));
  }
  PrintWritten("updated", *written);
  if (const std::string warning = ManyKnobsWarning(changes); !warning.empty()) {
    absl::FPrintF(stderr, "warning: %s\n", warning);
  }
  return absl::OkStatus();
}

// What is wrong with what is stored may be what the edit mends.
bool IsOfContent(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status) ||
         absl::IsUnimplemented(status);
}

absl::Status RunEdit(const EditFlags& flags) {
  if (absl::Status status = CheckPlainId(flags.id); !status.ok()) {
    return status;
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const auto profile = client->Get(flags.id);
  if (!profile.ok()) {
    return client->Hinted(flags.id, profile.status());
  }
  // Before anybody types what this server, or this caller, may not store.
  absl::Status storable = client->Update(*profile, true).status();
  if (!storable.ok() && !IsOfContent(storable)) {
    return storable;
  }
  const auto path = MakeFile(*profile);
  if (!path.ok()) {
    return path.status();
  }
  if (absl::Status status = Edit(*path); !status.ok()) {
    return status;
  }
  auto edited = ReadEdited(*path, LimitsOf(flags.where.server));
  if (!edited.ok()) {
    return edited.status();
  }
  return Store(*client, *profile, *std::move(edited), *path);
}

}  // namespace

void AddProfileEdit(CLI::App* profiles, Command* command) {
  auto flags = std::make_shared<EditFlags>();
  CLI::App* edit = profiles->add_subcommand(
      "edit",
      "Opens a profile in $EDITOR (else vi), checks what was saved and makes "
      "it a new revision. Refused when somebody changed the profile meanwhile, "
      "and before the editor opens when it may not be written at all. "
      "What is not stored stays in a file, which is named.");
  edit->add_option("ID", flags->id, "The profile")->required();
  flags->where.AddForWrites(edit);
  edit->callback(
      [flags, command] { *command = [flags] { return RunEdit(*flags); }; });
}

}  // namespace logitd::logitctl
