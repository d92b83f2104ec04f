// logitctl profiles create, update, rollback and delete.

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_assign.h"
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
  std::vector<std::string> unset;
  bool validate_only = false;
};

using Run = absl::Status (*)(const WriteFlags&);

// An etag holds its quotes, which shells eat.
std::string EtagOf(const std::string& text) {
  return text.empty() || text[0] == '"' ? text : absl::StrCat("\"", text, "\"");
}

// The profile in force before a write, if there is one and it can be read.
using Before = absl::StatusOr<v1::Profile>;

// A call's answer, told.
absl::Status Tell(absl::string_view verb, const WriteFlags& flags,
                  const Before& before,
                  const absl::StatusOr<v1::Profile>& written) {
  if (!written.ok()) {
    return written.status();
  }
  if (flags.validate_only) {
    PrintValid(*written);
  } else if (before.ok()) {
    PrintUpdated(verb, *before, *written);
  } else {
    PrintWritten(verb, *written);
  }
  return absl::OkStatus();
}

absl::Status RunCreate(const WriteFlags& flags) {
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

// --unset first: what is unset and set is set.
absl::Status AssignAll(const WriteFlags& flags, v1::Profile* profile) {
  absl::Status status;
  for (const std::string& field : flags.unset) {
    status.Update(UnsetProfileField(field, profile));
  }
  for (const std::string& assignment : flags.set) {
    status.Update(SetProfileField(assignment, profile));
  }
  return status;
}

// What --file says, or nothing yet; what is wrong with --set and --unset too,
// before anybody is asked.
absl::StatusOr<v1::Profile> ReadUpdate(const WriteFlags& flags) {
  const bool has_fields = !flags.set.empty() || !flags.unset.empty();
  if (flags.file.empty() != has_fields) {
    return UsageError("update takes --file, or --set and --unset");
  }
  v1::Profile scratch;
  absl::Status status = AssignAll(flags, &scratch);
  if (!status.ok()) {
    return status;
  }
  return flags.file.empty() ? v1::Profile() : ReadProfile(flags.file, flags.id);
}

absl::Status RunUpdate(const WriteFlags& flags) {
  auto profile = ReadUpdate(flags);
  if (!profile.ok()) {
    return profile.status();
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const Before before = client->Get(flags.id);
  if (flags.file.empty()) {
    if (!before.ok()) {
      return client->Hinted(flags.id, before.status());
    }
    *profile = *before;
    if (absl::Status status = AssignAll(flags, &*profile); !status.ok()) {
      return status;
    }
  }
  profile->set_name(ProfileName(flags.id));
  if (!flags.etag.empty()) {
    profile->set_etag(EtagOf(flags.etag));
  }
  return client->Hinted(
      flags.id, Tell("updated", flags, before,
                     client->Update(*std::move(profile), flags.validate_only)));
}

// "3", or ID@3 as `get` takes it, of the same profile.
absl::StatusOr<std::string> RevisionOf(const WriteFlags& flags) {
  const std::size_t at = flags.revision.find('@');
  if (at == std::string::npos) {
    return flags.revision;
  }
  if (ProfileId(flags.revision) != ProfileId(flags.id)) {
    return UsageError(
        absl::StrCat("\"", flags.revision, "\" is no revision of ", flags.id));
  }
  return flags.revision.substr(at + 1);
}

absl::Status RunRollback(const WriteFlags& flags) {
  const auto revision = RevisionOf(flags);
  if (!revision.ok()) {
    return revision.status();
  }
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const Before before = client->Get(flags.id);
  const std::string verb =
      absl::StrCat("revision ", *revision, " is in force again as");
  return client->Hinted(
      flags.id, Tell(verb, flags, before,
                     client->Rollback(flags.id, *revision, EtagOf(flags.etag),
                                      flags.validate_only)));
}

absl::Status RunDelete(const WriteFlags& flags) {
  const auto client = flags.where.ConnectAdmin();
  if (!client.ok()) {
    return client.status();
  }
  const Before before = client->Get(flags.id);
  absl::Status status =
      client->Delete(flags.id, EtagOf(flags.etag), flags.validate_only);
  if (!status.ok()) {
    return client->Hinted(flags.id, status);
  }
  if (flags.validate_only) {
    v1::Profile deleted;
    deleted.set_name(ProfileName(flags.id));
    PrintValid(deleted);
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
  ProfileFlags::AddTrial(app, &flags->validate_only);
  flags->where.AddForWrites(app);
  app->callback([flags, command, run] {
    *command = [flags, run] {
      const absl::Status status = CheckPlainId(flags->id);
      return status.ok() ? run(*flags) : status;
    };
  });
  return {app, flags.get()};
}

void AddEtag(CLI::App* app, WriteFlags* flags) {
  app->add_option("--etag", flags->etag,
                  "Refuse when the stored profile has another etag: somebody "
                  "changed it since it was read");
}

void AddFields(CLI::App* app, const char* flag, const char* type,
               const char* help, std::vector<std::string>* fields) {
  app->add_option(flag, *fields, help)
      ->type_name(type)
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

constexpr char kFileHelp[] =
    "The content, YAML or JSON; - is stdin, whose `name` does not count";

}  // namespace

void AddProfileWrites(CLI::App* profiles, Command* command) {
  const auto [create, create_flags] =
      Add(profiles, command, "create", "Makes a profile of a file.", RunCreate);
  create->add_option("-f,--file", create_flags->file, kFileHelp)->required();

  const auto [update, update_flags] = Add(
      profiles, command, "update",
      "Makes a new revision. --file replaces the content whole; --set and "
      "--unset change single fields of what is stored. A file that `get -o "
      "json` printed holds the etag: refused when somebody changed the profile "
      "since.",
      RunUpdate);
  update->add_option("-f,--file", update_flags->file, kFileHelp);
  AddFields(update, "--set", "FIELD=VALUE",
            "FIELD is default_params.KNOB, force_params.KNOB, labels.KEY or "
            "description, VALUE as in a file; may be repeated",
            &update_flags->set);
  AddFields(update, "--unset", "FIELD", "Such a field is gone; may be repeated",
            &update_flags->unset);
  AddEtag(update, update_flags);

  const auto [rollback, rollback_flags] =
      Add(profiles, command, "rollback",
          "Makes a new revision with the content of an old one. A profile that "
          "was deleted is there again.",
          RunRollback);
  rollback
      ->add_option("REVISION", rollback_flags->revision,
                   "The old one, also as ID@REVISION")
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
