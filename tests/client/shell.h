// Runs a command line and keeps what it says: for programs as a user meets
// them. Threads: any; blocks until the command is over.

#ifndef LOGITD_TESTS_CLIENT_SHELL_H_
#define LOGITD_TESTS_CLIENT_SHELL_H_

#include <stdio.h>
#include <sys/wait.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace logitd::client {

struct Outcome {
  int exit_code;
  std::string output;  // stdout, and stderr where the command leaves it.
};

inline Outcome Shell(const std::string& command) {
  FILE* pipe = popen(absl::StrCat("{ ", command, "\n} 2>&1").c_str(), "r");
  Outcome outcome = {-1, ""};
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    outcome.output.append(buffer, n);
  }
  outcome.exit_code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

inline std::string Logitctl() { return LOGITD_BUILD_DIR "/bin/logitctl"; }

}  // namespace logitd::client

#endif  // LOGITD_TESTS_CLIENT_SHELL_H_
