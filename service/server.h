// Server: builds and owns everything, in dependency order; drains and stops.
//
// The order of its members is the order of starting, and backwards that of
// stopping. No singletons but the kernel tables. Start, drain and stop are for
// one thread; all that it owns serves from threads of its own.
#ifndef LOGITD_SERVICE_SERVER_H_
#define LOGITD_SERVICE_SERVER_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "service/accept_loop.h"
#include "service/admin_http.h"
#include "service/admin_socket.h"
#include "service/admission.h"
#include "service/config.h"
#include "service/connection_watch.h"
#include "service/environment.h"
#include "service/profile_host.h"
#include "service/profile_service.h"
#include "service/readiness.h"
#include "service/sampling_service.h"
#include "service/stream.h"
#include "service/tls.h"

namespace logitd {

class Server {
 public:
  // Self-test, sockets, serving. On error nothing is left behind.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Config config);
  // What Start would refuse in the files that the settings name. Listens to
  // nothing and writes nothing.
  static absl::Status Check(const Config& config);
  ~Server();  // Stop()

  // Not ready any more: health says NOT_SERVING, opens are refused, replies say
  // draining. The listeners stay open.
  void BeginDrain();
  // True once it is ready: --default_profile, if there is one, was there. Until
  // then health says NOT_SERVING, though all calls are served; call it now and
  // then.
  bool BecomesReady();

  // True when every stream is gone or the drain's time is over. Ends streams
  // that have no sessions; call it now and then.
  bool Drained();
  // Ends all streams with UNAVAILABLE after the step that runs, then stops.
  void Stop();

  const std::vector<std::string>& addresses() const { return addresses_; }
  // 0 without admin HTTP.
  int admin_port() const { return admin_ ? admin_->port() : 0; }
  std::string MetricsText() const { return metrics_.Text(); }
  const Workers& workers() const { return workers_; }

 private:
  Server(Config config, const kernels::KernelTable& kernels, uint64_t seed_key,
         std::unique_ptr<ProfileHost> profiles);
  absl::Status Listen(std::vector<ListeningSocket>* sockets);
  void SetServing(bool serves);
  absl::Status StartGrpc(std::vector<ListeningSocket> sockets);
  absl::Status StartAdmin();
  absl::Status StartAdminSocket();
  void AddArguments(grpc::ServerBuilder* builder) const;
  std::vector<Component> Components();
  Readings Read();

  const Config config_;
  const Sampler sampler_;
  Metrics metrics_;
  ServerSeeds seeds_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> ready_{false};
  const std::unique_ptr<ProfileHost> profiles_;
  ExecutorProbe executor_probe_;
  StreamSet streams_;
  Workers workers_;
  Admission admission_;
  SamplingServiceImpl sampling_service_;
  ProfileServiceImpl profile_service_;
  ConnectionWatch connections_;
  std::unique_ptr<Tls> tls_;  // null: TCP in the clear
  std::unique_ptr<grpc::Server> grpc_;
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;
  std::unique_ptr<Acceptor> unix_acceptor_;
  std::unique_ptr<Acceptor> tcp_acceptor_;
  std::unique_ptr<AcceptLoop> accept_loop_;
  std::unique_ptr<AdminSocket> admin_socket_;
  std::unique_ptr<AdminHttp> admin_;
  std::vector<std::string> addresses_;
  std::optional<std::chrono::steady_clock::time_point> drain_end_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SERVER_H_
