// Config: every setting of the process in one struct, read and checked once.
//
// A setting NAME comes from the flag --NAME, else the environment variable
// LOGITD_NAME (upper case), else the key NAME of the YAML file given by
// --config, else its default. Unknown keys and bad values are errors that name
// the setting, its value and where it came from. Names, ranges and helps: the
// one table in config.cc. Not thread-safe; used at start.
#ifndef LOGITD_SERVICE_CONFIG_H_
#define LOGITD_SERVICE_CONFIG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/limits.h"
#include "service/log.h"
#include "service/metrics.h"
#include "service/tls_files.h"

namespace logitd {

struct Config {
  std::vector<std::string> listen;  // "unix:<path>" or "<host>:<port>"
  std::string admin_http = "127.0.0.1:9464";  // empty: none
  std::string admin_http_port_file;           // empty: none
  TlsFiles tls;  // of the TCP addresses; empty: no TLS
  bool allow_tcp_without_mtls = false;
  uint32_t threads = 0;  // 0: as many as usable CPUs
  std::string kernels = "auto";
  Limits limits;
  std::string admin_socket = "auto";  // path; empty: none
  std::string admin_token_file;       // empty: no tokens
  std::string audit_log;              // empty: the process's log
  std::string data_dir;               // empty: profiles live in memory
  std::vector<std::string> profile_dirs;
  std::string default_profile;                // empty: none
  std::vector<std::string> allowed_profiles;  // empty: all
  bool require_profile = false;
  absl::Duration drain_timeout = absl::Seconds(20);
  MetricsOptions metrics;
  LogLevel log_level = LogLevel::kInfo;

  // YAML that --config takes, each line with its source.
  std::string printed;
};

// What the command line asks for: to serve with the config, to check it, or to
// print a text.
struct Command {
  std::optional<Config> serve;
  bool check_only = false;
  std::string text;
};

// The value of an environment variable, or nothing.
using Environ =
    std::function<std::optional<std::string>(const std::string& name)>;

// INVALID_ARGUMENT, one line, on any error.
absl::StatusOr<Command> ReadCommandLine(int argc, const char* const* argv,
                                        const Environ& environ);

// The process's own environment.
std::optional<std::string> ProcessEnviron(const std::string& name);

// Of this build, such as "0.1.0".
std::string Version();

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONFIG_H_
