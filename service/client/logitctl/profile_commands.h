// The commands of `logitctl profiles`, as in commands.h.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_COMMANDS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_COMMANDS_H_

#include "service/client/logitctl/flags.h"

namespace logitd::logitctl {

// list, get, revisions, diff, watch.
void AddProfileReads(CLI::App* profiles, Command* command);
// create, update, rollback, delete.
void AddProfileWrites(CLI::App* profiles, Command* command);
// edit.
void AddProfileEdit(CLI::App* profiles, Command* command);
// export.
void AddProfileExport(CLI::App* profiles, Command* command);
// import.
void AddProfileImport(CLI::App* profiles, Command* command);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_COMMANDS_H_
