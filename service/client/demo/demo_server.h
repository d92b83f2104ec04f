// The demo model as a process: checks what it needs, listens, serves until
// SIGTERM or SIGINT. Every failure is one clear line.
// Threads: Run from the main thread, before any other thread starts, so that no
// thread takes the signals.

#ifndef LOGITD_SERVICE_CLIENT_DEMO_DEMO_SERVER_H_
#define LOGITD_SERVICE_CLIENT_DEMO_DEMO_SERVER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "service/client/demo/model_file.h"

namespace logitd::demo {

struct ServerOptions {
  // "unix:/path" or "host:port".
  std::string listen;
  std::string model_file = kModelFile;
  // Rows kept, 290 KB each with the shipped model.
  std::size_t cached_rows = 128;
};

// "unix:$RUNTIME_DIRECTORY/demo-model.sock", or under /run/logitd.
std::string DefaultListen();

// Serves; returns OK after a signal. Model, folder or address not usable: why,
// and what to do.
absl::Status Run(const ServerOptions& options);

// Whether a Unix socket could be made at `path`: FAILED_PRECONDITION when its
// folder is missing, something else lies there or another process serves it.
absl::Status CheckSocketPath(const std::string& path);

}  // namespace logitd::demo

#endif  // LOGITD_SERVICE_CLIENT_DEMO_DEMO_SERVER_H_
