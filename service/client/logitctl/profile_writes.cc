// logitctl profiles create, update, rollback and delete.

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/knobs.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_commands.h"
#include "service/client/logitctl/profile_text.h"

namespace logitd::logitctl {
namespace {

struct WriteFlags {
  ProfileFlags where;
  std::string id;
  std::string file;
  std::string etag;
  std::string revision;
  std::vector<std::string> set;
  bool validate_only = false;
};

using Run = absl::Status (*)(const WriteFlags&);

// An etag holds its quotes, which shells eat.
std::string EtagOf(const std::string& text) {
  return text.empty() || text[0] == '"' ? text : absl::StrCat("\"", text, "\"");
}

// A call's answer, told. `before`: what was in force, if anything was.
absl::Status Tell(const char* verb, const WriteFlags& flags,
                  const absl::StatusOr<v1::Profile>& before,
                  const absl::StatusOr<v1::Profile>& written) {
  if (!written.ok()) {
    return written.status();
  }
  if (flags.validate_only) {
    absl::PrintF("valid, and nothing was written: %s\n", written->name());
    PrintWarnings(*written);
  } else if (before.ok()) {
    PrintUpdated(verb, *before, *written);
  } else {
    PrintWritten(verb, *written);
  }
  return absl::OkStatus();
}

absl::Status RunCreate(const WriteFlags& flags) {
  if (absl::StrContains(flags.id, '@')) {
    return UsageError(absl::StrCat("\"", flags.id,
                                   "\" names a revision: the server numbers "
                                   "them, give the id alone"));
  }
  auto profile = ReadProfile(flags.file, flags.id);
  if (!profile.ok()) {
    return profile.status();
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  return Tell(
      "created", flags, absl::NotFoundError("none"),
      client->Create(flags.id, *std::move(profile), flags.validate_only));
}

// "default_params.temperature=0.3", "labels.team=search".
absl::Status Assign(absl::string_view assignment, v1::Profile* profile) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  absl::string_view label = parts.first;
  if (absl::StrContains(assignment, '=') &&
      absl::ConsumePrefix(&label, "labels.")) {
    (*profile->mutable_labels())[std::string(label)] =
        std::string(parts.second);
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&assignment, "default_params.")) {
    return SetKnobFrom(assignment, profile->mutable_default_params());
  }
  if (absl::ConsumePrefix(&assignment, "force_params.")) {
    return SetKnobFrom(assignment, profile->mutable_force_params());
  }
  return UsageError(absl::StrCat("--set \"", assignment,
                                 "\" is not default_params.KNOB=VALUE, "
                                 "force_params.KNOB=VALUE or "
                                 "labels.KEY=VALUE"));
}

absl::Status AssignAll(const WriteFlags& flags, v1::Profile* profile) {
  for (const std::string& assignment : flags.set) {
    if (absl::Status status = Assign(assignment, profile); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status RunUpdate(const WriteFlags& flags) {
  if (flags.file.empty() == flags.set.empty()) {
    return UsageError("update takes --file or --set, one of them");
  }
  v1::Profile scratch;
  absl::StatusOr<v1::Profile> profile =
      flags.file.empty() ? scratch : ReadProfile(flags.file, flags.id);
  if (!profile.ok()) {
    return profile.status();
  }
  if (absl::Status status = AssignAll(flags, &scratch); !status.ok()) {
    return status;  // Before anybody is asked.
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const auto before = client->Get(flags.id);
  if (flags.file.empty()) {
    profile = before;
    if (!profile.ok()) {
      return profile.status();
    }
    if (absl::Status status = AssignAll(flags, &*profile); !status.ok()) {
      return status;
    }
  }
  profile->set_name(ProfileName(flags.id));
  if (!flags.etag.empty()) {
    profile->set_etag(EtagOf(flags.etag));
  }
  return Tell("updated", flags, before,
              client->Update(*std::move(profile), flags.validate_only));
}

absl::Status RunRollback(const WriteFlags& flags) {
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const auto before = client->Get(flags.id);
  return Tell("rolled back to", flags, before,
              client->Rollback(flags.id, flags.revision, EtagOf(flags.etag),
                               flags.validate_only));
}

absl::Status RunDelete(const WriteFlags& flags) {
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const auto before = client->Get(flags.id);
  absl::Status status =
      client->Delete(flags.id, EtagOf(flags.etag), flags.validate_only);
  if (!status.ok()) {
    return status;
  }
  if (flags.validate_only) {
    absl::PrintF("valid, and nothing was written: %s\n", ProfileName(flags.id));
    return absl::OkStatus();
  }
  absl::PrintF("deleted %s\n", ProfileName(flags.id));
  if (before.ok()) {
    absl::FPrintF(stderr, "to have it back: logitctl profiles rollback %s %s\n",
                  ProfileId(flags.id), before->revision());
  }
  return absl::OkStatus();
}

std::pair<CLI::App*, WriteFlags*> Add(CLI::App* profiles, Command* command,
                                      const char* name, const char* about,
                                      Run run) {
  auto flags = std::make_shared<WriteFlags>();
  CLI::App* app = profiles->add_subcommand(name, about);
  app->add_option("ID", flags->id, "The profile")->required();
  app->add_flag("--validate-only", flags->validate_only,
                "Asks whether it would be done, and does not do it");
  flags->where.AddForWrites(app);
  app->callback([flags, command, run] {
    *command = [flags, run] { return run(*flags); };
  });
  return {app, flags.get()};
}

void AddEtag(CLI::App* app, WriteFlags* flags) {
  app->add_option("--etag", flags->etag,
                  "Refuse when the stored profile has another etag: somebody "
                  "changed it since it was read");
}

constexpr char kFileHelp[] = "The content, YAML or JSON; - is stdin";

}  // namespace

void AddProfileWrites(CLI::App* profiles, Command* command) {
  const auto [create, create_flags] =
      Add(profiles, command, "create", "Makes a profile of a file.", RunCreate);
  create->add_option("-f,--file", create_flags->file, kFileHelp)->required();

  const auto [update, update_flags] = Add(
      profiles, command, "update",
      "Makes a new revision. --file replaces the content whole; --set "
      "changes knobs and labels of what is stored. A file that `get -o json` "
      "printed holds the etag: refused when somebody changed the profile "
      "since.",
      RunUpdate);
  update->add_option("-f,--file", update_flags->file, kFileHelp);
  update
      ->add_option("--set", update_flags->set,
                   "default_params.KNOB=VALUE, force_params.KNOB=VALUE or "
                   "labels.KEY=VALUE; may be repeated")
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  AddEtag(update, update_flags);

  const auto [rollback, rollback_flags] =
      Add(profiles, command, "rollback",
          "Makes a new revision with the content of an old one. A profile that "
          "was deleted is there again.",
          RunRollback);
  rollback->add_option("REVISION", rollback_flags->revision, "The old one")
      ->required();
  AddEtag(rollback, rollback_flags);

  const auto [erase, erase_flags] =
      Add(profiles, command, "delete",
          "Removes a profile. Sessions that have it go on; its revisions can "
          "still be read as ID@REVISION, and rollback brings it back.",
          RunDelete);
  AddEtag(erase, erase_flags);
}

}  // namespace logitd::logitctl
