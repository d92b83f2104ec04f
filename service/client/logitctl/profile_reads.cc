// logitctl profiles list, get, revisions, diff and watch: what nobody needs
// rights for.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/client/logitctl/profile_text.h"
#include "service/client/logitctl/usage.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

struct ReadFlags {
  ProfileFlags where;
  std::string id;
  std::string other;
  std::string file;
  std::string filter;
  std::string output;
  std::string resume;
  std::uint64_t count = kAll;
  int page = kPageSizeMax;
};

using Run = absl::Status (*)(const ReadFlags&, const ProfileClient&);

absl::Status RunList(const ReadFlags& flags, const ProfileClient& client) {
  const auto profiles = client.List(flags.filter);
  if (!profiles.ok()) {
    return profiles.status();
  }
  absl::PrintF("%s", ProfilesText(*profiles, flags.output));
  return absl::OkStatus();
}

absl::Status RunRevisions(const ReadFlags& flags, const ProfileClient& client) {
  const auto profiles = client.Revisions(flags.id, flags.count, flags.page);
  if (!profiles.ok()) {
    return client.Hinted(flags.id, profiles.status());
  }
  absl::PrintF("%s", ProfilesText(*profiles, flags.output));
  return absl::OkStatus();
}

absl::Status RunGet(const ReadFlags& flags, const ProfileClient& client) {
  const auto profile = client.Get(flags.id);
  if (!profile.ok()) {
    return client.Hinted(flags.id, profile.status());
  }
  if (flags.output == "json") {
    absl::PrintF("%s\n", WriteJson(*profile, Fields::kAll));
  } else {
    absl::PrintF("%s", flags.output == "table" ? ProfileTable({*profile})
                                               : AnnotatedYaml(*profile));
  }
  PrintWarnings(*profile);
  return absl::OkStatus();
}

// The two sides: ID and a file; ID and another; ID@REV and the newest; ID's
// last revision but one and the newest.
absl::StatusOr<std::pair<v1::Profile, v1::Profile>> BothSides(
    const ReadFlags& flags, const ProfileClient& client) {
  if (flags.file.empty() && flags.other.empty() &&
      !absl::StrContains(flags.id, '@')) {
    auto last = client.Revisions(flags.id, 2, 2);
    if (!last.ok()) {
      return client.Hinted(flags.id, last.status());
    }
    if (last->size() < 2) {
      return UsageError(absl::StrCat(
          flags.id, " has one revision only: nothing to compare it with"));
    }
    return std::make_pair((*last)[1], (*last)[0]);
  }
  auto before = client.Get(flags.id);
  if (!before.ok()) {
    return client.Hinted(flags.id, before.status());
  }
  const std::string other =
      flags.other.empty() ? ProfileId(flags.id) : flags.other;
  auto after =
      flags.file.empty() ? client.Get(other) : ReadProfile(flags.file, other);
  if (!after.ok()) {
    return client.Hinted(other, after.status());
  }
  return std::make_pair(*std::move(before), *std::move(after));
}

absl::Status RunDiff(const ReadFlags& flags, const ProfileClient& client) {
  const auto sides = BothSides(flags, client);
  if (!sides.ok()) {
    return sides.status();
  }
  const std::vector<Change> changes = Diff(sides->first, sides->second);
  if (flags.output == "json") {
    absl::PrintF("%s\n", DiffJson(sides->first, sides->second));
  } else {
    for (const Change& change : changes) {
      absl::PrintF("%s\n", ChangeText(change));
    }
  }
  if (changes.empty()) {
    absl::FPrintF(stderr, "no difference\n");
  }
  if (const std::string warning = ManyKnobsWarning(changes); !warning.empty()) {
    absl::FPrintF(stderr, "warning: %s\n", warning);
  }
  return absl::OkStatus();
}

absl::Status RunWatch(const ReadFlags& flags, const ProfileClient& client) {
  std::uint64_t seen = 0;
  const auto text = flags.output == "json" ? EventJson : EventText;
  return client.Watch(flags.resume,
                      [&](const v1::WatchProfilesResponse& event) {
                        absl::PrintF("%s", text(event));
                        const bool is_told = std::fflush(stdout) == 0;
                        return is_told && ++seen != flags.count;
                      });
}

// A subcommand that connects and then runs.
std::pair<CLI::App*, ReadFlags*> Add(CLI::App* profiles, Command* command,
                                     const char* name, const char* about,
                                     Run run) {
  auto flags = std::make_shared<ReadFlags>();
  CLI::App* app = profiles->add_subcommand(name, about);
  flags->where.AddForReads(app);
  app->callback([flags, command, run] {
    *command = [flags, run] {
      const auto client = flags->where.Connect();
      return client.ok() ? run(*flags, *client) : client.status();
    };
  });
  return {app, flags.get()};
}

// The first format is the usual one.
void AddOutput(CLI::App* app, const std::vector<std::string>& formats,
               ReadFlags* flags) {
  flags->output = formats.front();
  app->add_option("-o,--output", flags->output, "How it is printed")
      ->check(CLI::IsMember(formats))
      ->type_name("FORMAT")
      ->capture_default_str();
}

void AddRevisions(CLI::App* profiles, Command* command) {
  const auto [app, flags] =
      Add(profiles, command, "revisions",
          "The revisions of a profile, newest first; also of one that was "
          "deleted.",
          RunRevisions);
  app->add_option("ID", flags->id, "The profile")->required();
  AddOutput(app, {"table", "yaml", "json"}, flags);
  TakeWholeNumbers(1, kAll,
                   app->add_option("--count", flags->count,
                                   "At most this many, the newest"));
  TakeWholeNumbers(1, kPageSizeMax,
                   app->add_option("--page-size", flags->page,
                                   "Asks the server for this many at a time")
                       ->capture_default_str());
}

void AddWatch(CLI::App* profiles, Command* command) {
  const auto [app, flags] =
      Add(profiles, command, "watch",
          "What happens to profiles, a line an event, until interrupted: first "
          "PRESENT for each and SYNCED, then REVISION and DELETED. RESET: what "
          "was told before no longer counts.",
          RunWatch);
  flags->where.server.timeout_seconds = std::numeric_limits<double>::infinity();
  app->get_option("--timeout")
      ->description("Ends the watch after this many seconds")
      ->default_str("");
  AddOutput(app, {"table", "json"}, flags);
  app->add_option("--resume", flags->resume,
                  "Goes on behind the event with this resume_token, which -o "
                  "json prints")
      ->type_name("TOKEN");
  TakeWholeNumbers(
      1, kAll,
      app->add_option("--count", flags->count, "Ends after this many events"));
}

}  // namespace

void AddProfileReads(CLI::App* profiles, Command* command) {
  const auto [list, list_flags] =
      Add(profiles, command, "list", "All profiles, by name.", RunList);
  list->add_option("--filter", list_flags->filter,
                   "Only these: labels.team=\"search\" AND model=\"m\"");
  AddOutput(list, {"table", "yaml", "json"}, list_flags);

  const auto [get, get_flags] =
      Add(profiles, command, "get",
          "One profile, or one of its revisions as ID@REVISION. What it prints "
          "can be edited and given to update; with -o json it holds the etag.",
          RunGet);
  get->add_option("ID", get_flags->id, "ID or ID@REVISION")->required();
  AddOutput(get, {"yaml", "json", "table"}, get_flags);

  const auto [diff, diff_flags] =
      Add(profiles, command, "diff",
          "What differs, a field a line. ID alone: its last two revisions; "
          "ID@REVISION alone: that one and the newest. Warns when more than "
          "one knob changed.",
          RunDiff);
  diff->add_option("ID", diff_flags->id, "ID or ID@REVISION")->required();
  CLI::Option* other =
      diff->add_option("OTHER", diff_flags->other, "ID or ID@REVISION");
  diff->add_option("-f,--file", diff_flags->file,
                   "Compare with this file, - is stdin")
      ->excludes(other);
  AddOutput(diff, {"table", "json"}, diff_flags);

  AddRevisions(profiles, command);
  AddWatch(profiles, command);
}

}  // namespace logitd::logitctl
