// logitctl: logitd on the command line. Parses, runs one command, and turns its
// status into a message and an exit code (exit_code.h).

#include <grpc/support/log.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/help_format.h"
#include "service/client/logitctl/usage.h"

namespace logitd::logitctl {
namespace {

constexpr char kAbout[] =
    "Talks to logitd, the service that turns logits into tokens.";

constexpr char kFooter[] =
    R"(`logitctl COMMAND --help` teaches the command and every knob.

Exit codes: 0 done; 1 the server refused, its message is printed; 2 wrong usage
or an unusable file; 3 no server or no demo model, the command that helps is
printed.
)";

int Main(int argc, char** argv) {
  CLI::App app(kAbout, "logitctl");
  FormatHelp(&app);  // Before the commands: they inherit it.
  app.require_subcommand(1);
  app.set_version_flag("--version", "logitctl " LOGITD_VERSION);
  app.footer(kFooter);
  Command command;
  AddGenerate(&app, &command);
  AddSweep(&app, &command);
  AddSample(&app, &command);
  AddInfo(&app, &command);
  AddHealth(&app, &command);
  AddResolve(&app, &command);
  AddProfiles(&app, &command);
  AddLint(&app, &command);
  AddTokenize(&app, &command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // Help, and no error.
      app.exit(error);
      return kOk;
    }
    std::fprintf(stderr, "logitctl: %s\n", WhyNotParsed(app, error).c_str());
    return kUsage;
  }
  const absl::Status status = command();
  if (!status.ok()) {
    const std::string message(status.message());
    std::fflush(stdout);
    std::fprintf(stderr, "logitctl: %s\n", message.c_str());
  }
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace logitd::logitctl

int main(int argc, char** argv) {
  // Why a connection failed is in the status; gRPC would tell it once more.
  gpr_set_log_function([](gpr_log_func_args*) {});
  try {
    return logitd::logitctl::Main(argc, argv);
  } catch (...) {  // CLI11's own, or no memory.
    std::fputs("logitctl: out of memory, or a fault of logitctl\n", stderr);
    return logitd::logitctl::kUsage;
  }
}
