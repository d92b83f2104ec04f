#include "service/tls.h"

#include <fcntl.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/log.h"

namespace logitd {
namespace {

constexpr unsigned kGrpcLookSeconds = 1;

}  // namespace

// A text at a path of this process's own that no disk knows. Put is atomic for
// whoever opens the path.
class Tls::Memory {
 public:
  static absl::StatusOr<std::unique_ptr<Memory>> Make(const std::string& text) {
    LOGITD_ASSIGN_OR_RETURN(const int fd, Filled(text));
    return std::unique_ptr<Memory>(new Memory(fd));
  }
  ~Memory() { close(fd_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

  absl::Status Put(const std::string& text) {
    LOGITD_ASSIGN_OR_RETURN(const int fd, Filled(text));
    const bool moved = dup3(fd, fd_, O_CLOEXEC) >= 0;
    close(fd);
    return moved ? absl::OkStatus() : Failed();
  }

 private:
  explicit Memory(int fd) : fd_(fd) {}

  static absl::Status Failed() {
    return absl::UnavailableError(
        absl::StrCat("tls: no memory file: ", std::strerror(errno)));
  }
  static absl::StatusOr<int> Filled(const std::string& text) {
    const int fd = memfd_create("logitd-tls", MFD_CLOEXEC);
    if (fd < 0) return Failed();
    for (size_t done = 0; done < text.size();) {
      const ssize_t count = write(fd, text.data() + done, text.size() - done);
      if (count < 0) {
        const absl::Status status = Failed();
        close(fd);
        return status;
      }
      done += static_cast<size_t>(count);
    }
    return fd;
  }

  const int fd_;
};

Tls::Tls(TlsFiles files, absl::Duration look_interval)
    : files_(std::move(files)), look_interval_(look_interval) {}

absl::StatusOr<std::unique_ptr<Tls>> Tls::Start(const TlsFiles& files,
                                                absl::Duration look_interval) {
  std::unique_ptr<Tls> tls(new Tls(files, look_interval));
  LOGITD_ASSIGN_OR_RETURN(tls->in_force_, ReadTls(files));
  LOGITD_ASSIGN_OR_RETURN(tls->identity_,
                          Memory::Make(tls->in_force_.identity));
  if (!files.client_ca.empty()) {
    LOGITD_ASSIGN_OR_RETURN(tls->client_ca_,
                            Memory::Make(tls->in_force_.client_ca));
  }
  tls->thread_ = std::thread([tls = tls.get()] { tls->Follow(); });
  return tls;
}

Tls::~Tls() {
  {
    std::lock_guard<std::mutex> lock(mu_);
    ending_ = true;
    ended_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<grpc::ServerCredentials> Tls::Credentials() const {
  using grpc::experimental::FileWatcherCertificateProvider;
  const std::string identity = identity_->path();
  const auto provider = std::make_shared<FileWatcherCertificateProvider>(
      identity, identity, client_ca_ == nullptr ? "" : client_ca_->path(),
      kGrpcLookSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (client_ca_ != nullptr) {
    options.watch_root_certs();
    options.set_cert_request_type(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

absl::Time Tls::expires() const {
  std::lock_guard<std::mutex> lock(mu_);
  return in_force_.expires;
}

absl::Status Tls::health() const {
  std::lock_guard<std::mutex> lock(mu_);
  return health_;
}

void Tls::Follow() {
  std::unique_lock<std::mutex> lock(mu_);
  const auto interval = absl::ToChronoNanoseconds(look_interval_);
  while (!ended_.wait_for(lock, interval, [this] { return ending_; })) {
    lock.unlock();
    Look();
    lock.lock();
  }
}

void Tls::Look() {
  absl::StatusOr<TlsPems> pems = ReadTls(files_);
  std::lock_guard<std::mutex> lock(mu_);
  if (!pems.ok()) {
    if (health_ != pems.status()) {
      Log(LogLevel::kError, "TLS files are not taken",
          {{"error", std::string(pems.status().message())}});
    }
    health_ = pems.status();
    return;
  }
  absl::Status status;
  if (pems->identity != in_force_.identity) {
    status.Update(identity_->Put(pems->identity));
  }
  if (pems->client_ca != in_force_.client_ca) {
    status.Update(client_ca_->Put(pems->client_ca));
  }
  health_ = status;
  if (!status.ok() || *pems == in_force_) return;
  in_force_ = *std::move(pems);
  Log(LogLevel::kInfo, "TLS files are in force",
      {{"expires", absl::FormatTime(in_force_.expires, absl::UTCTimeZone())}});
}

}  // namespace logitd
