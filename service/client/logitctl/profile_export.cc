// logitctl profiles export: all profiles as files.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_text.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

struct ExportFlags {
  ProfileFlags where;
  std::string folder;
  std::string output = "yaml";
};

// As `get` prints it, without warnings: only the JSON holds the etag.
std::string FileText(const v1::Profile& profile, const std::string& format) {
  return format == "json" ? absl::StrCat(WriteJson(profile, Fields::kAll), "\n")
                          : WriteYaml(profile);
}

absl::Status RunExport(const ExportFlags& flags) {
  const auto client = flags.where.Connect();
  if (!client.ok()) {
    return client.status();
  }
  const auto profiles = client->List("");
  if (!profiles.ok()) {
    return profiles.status();
  }
  std::error_code error;
  std::filesystem::create_directories(flags.folder, error);
  if (error) {
    return UsageError(
        absl::StrCat("cannot make ", flags.folder, ": ", error.message()));
  }
  for (const v1::Profile& profile : *profiles) {
    const std::string path = absl::StrCat(
        flags.folder, "/", ProfileId(profile.name()), ".", flags.output);
    if (absl::Status status = WriteFile(path, FileText(profile, flags.output));
        !status.ok()) {
      return status;
    }
    absl::PrintF("%s: %s\n", path, RevisionName(profile));
  }
  return absl::OkStatus();
}

}  // namespace

void AddProfileExport(CLI::App* profiles, Command* command) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* app = profiles->add_subcommand(
      "export",
      "Writes every profile to DIR/<id>.yaml, as import reads them. Such files "
      "carry no etag: importing them takes back what others changed meanwhile. "
      "Those of -o json carry it, and import refuses the stale ones.");
  app->add_option("DIR", flags->folder, "Made if it is not there")->required();
  app->add_option("-o,--output", flags->output, "yaml or json")
      ->check(CLI::IsMember({"yaml", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  flags->where.AddForReads(app);
  app->callback(
      [flags, command] { *command = [flags] { return RunExport(*flags); }; });
}

}  // namespace logitd::logitctl
