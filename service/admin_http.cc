#include "service/admin_http.h"

#include <civetweb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/socket.h"

namespace logitd {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kMetricsText[] = "text/plain; version=0.0.4; charset=utf-8";

constexpr char kJson[] = "application/json";

// civetweb takes one connection more than its threads and its queue hold, and
// only when it finds no descriptor for it does it spin.
constexpr int kQueued = 2;

struct Reply {
  const char* status;
  const char* type;
  std::string body;
};

// None of the facts holds a character that JSON would escape.
std::string BuildJson(const BuildFacts& build) {
  return absl::StrCat("{\"version\":\"", build.version, "\",\"semantics\":\"",
                      build.semantics, "\",\"core\":\"", build.core,
                      "\",\"instruction_set\":\"", build.instruction_set,
                      "\"}\n");
}

// A connection from this host, closed at once.
void Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  [[maybe_unused]] const int result =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(fd);
}

// civetweb would print to stderr, which is the JSON log's.
int Silence(const mg_connection*, const char*) { return 1; }

// A page may wait, a step may not. Figures: DECISIONS.md.
void* YieldToSteps(const mg_context*, int) {
  constexpr int kNicer = 10;
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  [[maybe_unused]] const int result = setpriority(
      PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kNicer);
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminHttp>> AdminHttp::Start(
    const std::string& address, Pages pages,
    std::chrono::milliseconds request_timeout) {
  std::unique_ptr<AdminHttp> admin(new AdminHttp(std::move(pages)));
  const std::string threads =
      absl::StrCat(HttpConnectionsFor(DescriptorLimit()) - kQueued - 1);
  const std::string queued = absl::StrCat(kQueued);
  const std::string timeout_ms = absl::StrCat(request_timeout.count());
  const char* options[] = {"listening_ports",
                           address.c_str(),
                           "num_threads",
                           threads.c_str(),
                           "connection_queue",
                           queued.c_str(),
                           "request_timeout_ms",
                           timeout_ms.c_str(),
                           "enable_directory_listing",
                           "no",
                           nullptr};
  mg_callbacks callbacks = {};
  callbacks.log_message = Silence;
  callbacks.init_thread = YieldToSteps;
  char text[256] = "";
  mg_error_data error = {};
  error.text = text;
  error.text_buffer_size = sizeof(text);
  mg_init_data init = {};
  init.callbacks = &callbacks;
  init.user_data = admin.get();
  init.configuration_options = options;
  mg_init_library(0);
  admin->context_ = mg_start2(&init, &error);
  if (admin->context_ == nullptr) {
    mg_exit_library();
    return absl::UnavailableError(
        absl::StrCat("--admin_http: cannot listen on ", address,
                     ": the port is taken, or it is no address"));
  }
  mg_set_request_handler(admin->context_, "/", Handle, admin.get());
  mg_server_port ports[4] = {};
  if (mg_get_server_ports(admin->context_, 4, ports) > 0) {
    admin->port_ = ports[0].port;
  }
  return admin;
}

AdminHttp::~AdminHttp() {
  if (context_ == nullptr) return;
  // civetweb looks at its stop flag every two seconds, or when one connects.
  std::atomic<bool> stopped{false};
  std::thread waker([&stopped, port = port_] {
    while (!stopped) {
      Connect(port);
      poll(nullptr, 0, 10);
    }
  });
  mg_stop(context_);
  stopped = true;
  waker.join();
  mg_exit_library();
}

int AdminHttp::Handle(mg_connection* connection, void* self) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string method = request->request_method;
  if (method != "GET" && method != "HEAD") {
    mg_send_http_error(connection, 405, "%s", "only GET and HEAD");
    return 405;
  }
  static_cast<AdminHttp*>(self)->Answer(request->local_uri, method == "HEAD",
                                        connection);
  return 200;
}

void AdminHttp::Answer(const std::string& path, bool head,
                       mg_connection* connection) {
  Reply reply = {"404 Not Found", kText,
                 "pages: /metrics /healthz /readyz /configz /buildz\n"};
  if (path == "/metrics") {
    reply = {"200 OK", kMetricsText, pages_.metrics()};
  } else if (path == "/healthz") {
    reply = {"200 OK", kText, "ok\n"};
  } else if (path == "/readyz") {
    ReadinessPage page = pages_.readiness();
    reply = {page.ready ? "200 OK" : "503 Service Unavailable", kText,
             std::move(page.text)};
  } else if (path == "/configz") {
    reply = {"200 OK", kText, pages_.config()};
  } else if (path == "/buildz") {
    reply = {"200 OK", kJson, BuildJson(pages_.build)};
  }
  mg_printf(connection,
            "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            reply.status, reply.type, reply.body.size());
  if (!head) mg_write(connection, reply.body.data(), reply.body.size());
}

}  // namespace logitd
