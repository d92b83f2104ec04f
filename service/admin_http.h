// AdminHttp: what operators ask, over plain HTTP.
//
//   /metrics  the text format, version 0.0.4
//   /healthz  200 while the process lives
//   /readyz   200 while it takes sessions, 503 while it starts or drains; a
//             line for each part (readiness.h)
//   /configz  the configuration in force: paths of secrets, never secrets
//   /buildz   version, semantics, core and instruction set, as JSON
// On loopback by default; reads only. A thread for each connection, as many as
// HttpConnectionsFor says, and a second for a request to arrive whole: clients
// that send a byte now and then starve nobody, and the rest wait in the kernel.
// The threads yield to those that sample: they are nicer by 10. Each costs some
// 20 KiB.
#ifndef LOGITD_SERVICE_ADMIN_HTTP_H_
#define LOGITD_SERVICE_ADMIN_HTTP_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/metrics_readings.h"
#include "service/readiness.h"

struct mg_connection;
struct mg_context;

namespace logitd {

class AdminHttp {
 public:
  // Called on any of its threads.
  struct Pages {
    std::function<std::string()> metrics;
    std::function<std::string()> config;
    std::function<ReadinessPage()> readiness;
    BuildFacts build;
  };

  // `address` is host:port; port 0 takes a free one. UNAVAILABLE if it is
  // taken, INVALID_ARGUMENT if it is no address.
  static absl::StatusOr<std::unique_ptr<AdminHttp>> Start(
      const std::string& address, Pages pages,
      std::chrono::milliseconds request_timeout = std::chrono::seconds(1));
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
