// Makes CLI11's help readable: two columns, wrapped at words within 80.
// Threads: main thread. Ownership: the app shares the formatter.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_HELP_FORMAT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_HELP_FORMAT_H_

namespace CLI {
class App;
}

namespace logitd::logitctl {

// For this app and every subcommand that it gets from now on.
void FormatHelp(CLI::App* app);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_HELP_FORMAT_H_
