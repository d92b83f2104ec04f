// The commands of logitctl. Each Add... gives `app` a subcommand whose flags
// and help it defines, and sets *command when the user chose it. Threads: main
// thread. Ownership: flags live as long as the stored commands. Cost: running a
// command blocks until it is done and prints to stdout.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_COMMANDS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_COMMANDS_H_

#include "service/client/logitctl/flags.h"

namespace logitd::logitctl {

void AddGenerate(CLI::App* app, Command* command);
void AddSweep(CLI::App* app, Command* command);
void AddExplain(CLI::App* app, Command* command);
void AddSample(CLI::App* app, Command* command);
void AddReplay(CLI::App* app, Command* command);
void AddInfo(CLI::App* app, Command* command);
void AddHealth(CLI::App* app, Command* command);
void AddResolve(CLI::App* app, Command* command);
void AddProfiles(CLI::App* app, Command* command);
void AddLint(CLI::App* app, Command* command);
void AddTokenize(CLI::App* app, Command* command);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_COMMANDS_H_
