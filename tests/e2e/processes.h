// Real processes for tests: starts programs of the build, waits for them, and
// reads what a running logitd says of itself.
// Threads: start processes from the main thread only, for a child is killed
// when the thread that started it ends. Ownership: a process object kills and
// reaps its process, and no other.
#ifndef LOGITD_TESTS_E2E_PROCESSES_H_
#define LOGITD_TESTS_E2E_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "service/client/client.h"
#include "tests/support/service_fixture.h"

namespace logitd::testing {

// Asks again and again until `holds`; false after a minute.
bool WaitUntil(const std::function<bool()>& holds);

// A program of the build's bin folder.
std::string BinaryPath(const std::string& name);

// A child process; its stderr goes to a file.
class Process {
 public:
  // Starts argv[0], a path or a name that PATH knows, with this environment
  // added. Everything stops with the object.
  Process(std::vector<std::string> argv, std::string errors_file,
          const std::vector<std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int number) const;
  // Kill -9, and waits until the process is gone.
  void KillAtOnce();
  bool Running();
  // The exit code; -number if a signal ended it; nothing if it runs for another
  // minute.
  std::optional<int> Wait();
  // Processor time that it has used, in hundredths of a second.
  double CpuSeconds() const;
  double ResidentBytes() const;
  // What it has written to stderr.
  std::string Errors() const;

 private:
  // Reaps the process if it is over.
  bool Reap();

  std::string errors_file_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
};

// A logitd on a Unix socket and an admin port of its own.
class Logitd {
 public:
  // `folder` must outlive the object. The socket of a server that was killed
  // stays there, and the next one in the folder takes it over. `flags` are
  // added to the command, `launcher` stands before it: a program that does
  // something to itself and becomes what follows.
  Logitd(const TempFolder& folder, const std::string& threads,
         const std::string& kernels = "auto",
         const std::vector<std::string>& flags = {},
         std::vector<std::string> launcher = {});

  // Waits until its health is SERVING.
  bool Serves();
  Process& process() { return process_; }
  const std::string& target() const { return target_; }
  // Where it takes writes of profiles.
  const std::string& admin_target() const { return admin_target_; }
  // A new connection.
  client::Client Connect() const;
  // 0 while there is none.
  int admin_port() const;
  // All of /metrics, or "" when nobody answers.
  std::string MetricsText() const;
  // One series of it, such as `logitd_rows_total{status="ok"}`; -1 if missing.
  double Metric(const std::string& series) const;

 private:
  std::string target_;
  std::string admin_target_;
  std::string port_file_;
  Process process_;
};

// What a GET from 127.0.0.1:port gives, head and body.
std::string HttpAnswer(int port, const std::string& path);
// Its body, or "".
std::string HttpGet(int port, const std::string& path);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_PROCESSES_H_
