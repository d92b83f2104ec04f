// logitctl: logitd on the command line. Parses, runs one command, and turns its
// status into a message and an exit code (exit_code.h).

#include <grpc/support/log.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
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
printed; 4 done, but stdout did not take all of the answer; 5 replay: a row or
a token is another.
)";

absl::Status FlushStdout() {
  errno = 0;
  const bool is_flushed = std::fflush(stdout) == 0;
  if (is_flushed && std::ferror(stdout) == 0) {
    return absl::OkStatus();
  }
  return UnwrittenError(
      absl::StrCat("stdout did not take all of the answer",
                   errno == 0 ? "" : absl::StrCat(": ", std::strerror(errno))));
}

int Main(int argc, char** argv) {
  CLI::App app(kAbout, "logitctl");
  FormatHelp(&app);  // Before the commands: they inherit it.
  app.require_subcommand(1);
  app.set_version_flag("--version", "logitctl " LOGITD_VERSION);
  app.footer(kFooter);
  Command command;
  AddGenerate(&app, &command);
  AddSweep(&app, &command);
  AddExplain(&app, &command);
  AddSample(&app, &command);
  AddReplay(&app, &command);
  AddInfo(&app, &command);
  AddHealth(&app, &command);
  AddResolve(&app, &command);
  AddProfiles(&app, &command);
  AddLint(&app, &command);
  AddTokenize(&app, &command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      std::fprintf(stderr, "logitctl: %s\n", WhyNotParsed(app, error).c_str());
      return kUsage;
    }
    app.exit(error);  // Prints the help that was asked for.
    command = [] { return absl::OkStatus(); };
  }
  absl::Status status = command();
  status.Update(FlushStdout());
  if (!status.ok()) {
    const std::string message(status.message());
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
