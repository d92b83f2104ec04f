// logitd: reads its settings, serves until SIGTERM or SIGINT, drains.
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "service/config.h"
#include "service/log.h"
#include "service/server.h"

namespace logitd {
namespace {

constexpr int kExitCannotStart = 2;

// Messages of megabytes come and go with every step. Without this glibc maps
// and unmaps each of them, and every page of it faults again.
void TuneMalloc() {
#ifdef M_ARENA_MAX
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

// The libraries' own lines, gRPC's with what it knows of a connection, into the
// log and its sampling.
void TakeLibrariesLogs() {
  gpr_set_log_function([](gpr_log_func_args* line) {
    const LogLevel level = line->severity == GPR_LOG_SEVERITY_ERROR
                               ? LogLevel::kWarning
                               : LogLevel::kDebug;
    Log(level, "grpc", {{"text", line->message}});
  });
  google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*,
                                     int, const std::string& text) {
    Log(LogLevel::kWarning, "protobuf", {{"text", text}});
  });
}

// Blocked in every thread, so that only main waits for them.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  return stops;
}

void AwaitASignal(const sigset_t& stops, Server* server) {
  constexpr timespec kPause = {0, 20'000'000};
  while (!server->BecomesReady()) {
    if (sigtimedwait(&stops, nullptr, &kPause) > 0) return;
  }
  int signal_number = 0;
  sigwait(&stops, &signal_number);
}

void DrainUntilASecondSignal(const sigset_t& stops, Server* server) {
  constexpr timespec kPause = {0, 20'000'000};
  server->BeginDrain();
  while (!server->Drained()) {
    if (sigtimedwait(&stops, nullptr, &kPause) > 0) {
      Log(LogLevel::kWarning, "second signal: stopping at once");
      return;
    }
  }
}

int Main(int argc, char** argv) {
  const auto command = ReadCommandLine(argc, argv, ProcessEnviron);
  if (!command.ok()) {
    std::fprintf(stderr, "logitd: %s\n",
                 std::string(command.status().message()).c_str());
    return kExitCannotStart;
  }
  if (!command->serve) {
    std::fputs(command->text.c_str(), stdout);
    return 0;
  }
  if (command->check_only) {
    const absl::Status checked = Server::Check(*command->serve);
    std::fprintf(checked.ok() ? stdout : stderr, "logitd: %s\n",
                 checked.ok() ? "the settings are good"
                              : std::string(checked.message()).c_str());
    return checked.ok() ? 0 : kExitCannotStart;
  }
  TuneMalloc();
  TakeLibrariesLogs();
  const sigset_t stops = BlockSignals();
  const auto server = Server::Start(*command->serve);
  if (!server.ok()) {
    std::fprintf(stderr, "logitd: %s\n",
                 std::string(server.status().message()).c_str());
    return kExitCannotStart;
  }
  AwaitASignal(stops, server->get());
  DrainUntilASecondSignal(stops, server->get());
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace logitd

int main(int argc, char** argv) { return logitd::Main(argc, argv); }
