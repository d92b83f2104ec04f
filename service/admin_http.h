// AdminHttp: /metrics, /healthz, /readyz and /configz over plain HTTP.
//
//   /metrics  the text format, version 0.0.4
//   /healthz  200 while the process lives
//   /readyz   200 while it takes sessions, 503 while it starts or drains
//   /configz  the configuration in force
// On loopback by default; reads only, no secrets. Twelve threads of its own and
// a timeout of a second keep slow clients from starving a scrape. It holds no
// more than kHttpConnectionsMax connections; the rest wait in the kernel.
#ifndef LOGITD_SERVICE_ADMIN_HTTP_H_
#define LOGITD_SERVICE_ADMIN_HTTP_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct mg_connection;
struct mg_context;

namespace logitd {

class AdminHttp {
 public:
  // Called on any of its threads.
  struct Pages {
    std::function<std::string()> metrics;
    std::function<std::string()> config;
    std::function<bool()> ready;
  };

  // `address` is host:port; port 0 takes a free one. UNAVAILABLE if it is
  // taken, INVALID_ARGUMENT if it is no address.
  static absl::StatusOr<std::unique_ptr<AdminHttp>> Start(
      const std::string& address, Pages pages);
  ~AdminHttp();  // waits for requests in progress

  int port() const { return port_; }

 private:
  explicit AdminHttp(Pages pages) : pages_(std::move(pages)) {}
  static int Handle(mg_connection* connection, void* self);
  void Answer(const std::string& path, bool head, mg_connection* connection);

  const Pages pages_;
  mg_context* context_ = nullptr;
  int port_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ADMIN_HTTP_H_
