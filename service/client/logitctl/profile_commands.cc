// logitctl profiles: named, versioned sampling parameters that the server
// holds.

#include "service/client/logitctl/profile_commands.h"

#include <CLI/CLI.hpp>

#include "service/client/logitctl/commands.h"

namespace logitd::logitctl {
namespace {

constexpr char kAbout[] =
    "Profiles: sampling parameters that the server holds by name, each change "
    "a new revision.";

constexpr char kExamples[] = R"(Examples:
  logitctl profiles create code -f deploy/profiles/code.yaml
  logitctl profiles list -o json
  logitctl profiles get code@1
  logitctl profiles update code --set default_params.temperature=0.3
  logitctl profiles update code --unset default_params.top_p
  logitctl profiles get code | logitctl profiles create copy -f -
  logitctl profiles diff code
  logitctl profiles revisions code
  logitctl profiles rollback code 1
  logitctl profiles watch -o json

Writes go to the admin socket, which only the server's own user and root may
use. `logitctl profiles COMMAND --help` teaches each command.
)";

}  // namespace

void AddProfiles(CLI::App* app, Command* command) {
  CLI::App* profiles = app->add_subcommand("profiles", kAbout);
  profiles->require_subcommand(1);
  profiles->footer(kExamples);
  AddProfileReads(profiles, command);
  AddProfileWrites(profiles, command);
  AddProfileEdit(profiles, command);
  AddProfileExport(profiles, command);
  AddProfileImport(profiles, command);
}

}  // namespace logitd::logitctl
