// TLS of the TCP listeners, and its certificates while they change.
//
// The files are looked at every few seconds, as Kubernetes' Secrets and
// cert-manager replace them. Only a set that fits together comes into force,
// for new connections; connections that stand are left alone. A set that does
// not fit changes nothing: the last good one stays, and the log says what is
// wrong. Thread-safe.
#ifndef LOGITD_SERVICE_TLS_H_
#define LOGITD_SERVICE_TLS_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "service/tls_files.h"

namespace logitd {

class Tls {
 public:
  // As ReadTls. Looking costs three small reads.
  static absl::StatusOr<std::unique_ptr<Tls>> Start(
      const TlsFiles& files, absl::Duration look_interval = absl::Seconds(5));
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For any number of listeners; they must end before this does.
  std::shared_ptr<grpc::ServerCredentials> Credentials() const;

  // Of the certificate in force.
  absl::Time expires() const;
  // OK, or why the files on disk are not in force.
  absl::Status health() const;

 private:
  class Memory;
  Tls(TlsFiles files, absl::Duration look_interval);
  void Follow();
  void Look();

  const TlsFiles files_;
  const absl::Duration look_interval_;
  mutable std::mutex mu_;  // guards what follows
  TlsPems in_force_;
  absl::Status health_;
  bool ending_ = false;
  std::condition_variable ended_;
  // What gRPC reads: it has no other way to be told of new certificates.
  std::unique_ptr<Memory> identity_;
  std::unique_ptr<Memory> client_ca_;
  std::thread thread_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_TLS_H_
