#include "service/server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>

#include <cstdio>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "grpc/health/v1/health.pb.h"
#include "sampler/fingerprint.h"
#include "sampler/status_macros.h"
#include "service/cpu_quota.h"
#include "service/log.h"
#include "service/self_test.h"

namespace logitd {
namespace {

constexpr int kKeepaliveTimeMs = 10000;
constexpr int kKeepaliveTimeoutMs = 20000;
// As long as that together: where there is no room for gRPC's question.
constexpr std::chrono::milliseconds kSilenceMax(kKeepaliveTimeMs +
                                                kKeepaliveTimeoutMs);
constexpr int kPingIntervalMinMs = 5000;
constexpr uint64_t kReceiveSlackBytes = uint64_t{16} << 20;
// Reflection is a synchronous service of gRPC's: each of its streams holds a
// thread.
constexpr int kGrpcThreadsMax = 32;
// For the last statuses to reach their clients.
constexpr std::chrono::milliseconds kStopGrace(500);

// Whole or not at all, so that nobody reads half a number.
absl::Status WriteWhole(const std::string& path, const std::string& text) {
  const std::string draft = path + ".new";
  std::FILE* file = std::fopen(draft.c_str(), "w");
  const bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed && std::rename(draft.c_str(), path.c_str()) == 0) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat("--admin_http_port_file: cannot write ", path));
}

// Keeps gRPC's library up until the process ends. Its last user would wait up
// to 10 s for a thread that sleeps in epoll (the backup poller of
// tcp_posix.cc).
void KeepLibraryUp() {
  static const bool kept = (grpc_init(), true);
  (void)kept;
}

size_t ThreadCount(const Config& config) {
  return config.threads != 0 ? config.threads : UsableCpus();
}

// "auto": beside the first Unix socket. Empty: none.
std::string AdminSocketPath(const std::string& setting,
                            const std::vector<std::string>& addresses) {
  if (setting != "auto") return setting;
  for (const std::string& address : addresses) {
    absl::string_view path = address;
    if (!absl::ConsumePrefix(&path, "unix:")) continue;
    absl::ConsumeSuffix(&path, ".sock");
    return absl::StrCat(path, "-admin.sock");
  }
  return "";
}

// Series of logitd_profile_revision_info, at most.
constexpr int kRevisionsMax = 64;

BuildFacts FactsOf(const Sampler& sampler) {
  return {Version(), kSemantics, absl::StrCat(kCoreVersion),
          sampler.kernels().name};
}

void ReadProfiles(const Catalog& catalog, Readings* readings) {
  readings->profiles = catalog.size();
  readings->profile_changes = catalog.change_count();
  readings->profile_watchers = catalog.watcher_count();
  for (const StoreHealth& store : catalog.Health()) {
    readings->stores.push_back({store.store, store.status.ok()});
  }
  const auto page = catalog.List(kRevisionsMax, "", "");
  if (!page.ok()) return;
  for (const ProfilePtr& profile : page->profiles) {
    absl::string_view id = profile->name();
    absl::ConsumePrefix(&id, "profiles/");
    readings->revisions.push_back({std::string(id), profile->revision()});
  }
}

}  // namespace

Server::Server(Config config, const kernels::KernelTable& kernels,
               uint64_t seed_key, std::unique_ptr<ProfileHost> profiles)
    : config_(std::move(config)),
      sampler_(kernels),
      metrics_(FactsOf(sampler_), config_.metrics),
      seeds_(seed_key),
      profiles_(std::move(profiles)),
      executor_probe_(&profiles_->executor()),
      workers_(ThreadCount(config_)),
      admission_(config_.limits, workers_.thread_count(), &metrics_),
      sampling_service_(
          {config_.limits, sampler_, workers_, admission_, seeds_, metrics_,
           draining_, profiles_->rules(), profiles_->executor()},
          &streams_, Version()),
      profile_service_(config_.limits, &profiles_->calls(),
                       &profiles_->executor(), &metrics_, ""),
      connections_(kSilenceMax) {
  metrics_.SetReadings([this] { return Read(); });
}

std::vector<Component> Server::Components() {
  const char* why_not = draining_ ? "draining"
                        : ready_  ? ""
                                  : "waiting for the default profile";
  return CheckComponents(why_not, *profiles_, &executor_probe_);
}

Readings Server::Read() {
  Readings readings;
  readings.queue_depth = workers_.queue_depth();
  readings.worker_threads = workers_.thread_count();
  readings.unanswered_bytes = admission_.bytes();
  readings.queue_delay_seconds = admission_.queue_seconds();
  readings.ready = ready_;
  readings.draining = draining_;
  for (const Component& one : Components()) {
    readings.components.push_back({one.name, one.up});
  }
  ReadProfiles(profiles_->catalog(), &readings);
  return readings;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Config config) {
  const kernels::KernelTable* kernels = kernels::Find(config.kernels.c_str());
  if (kernels == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kernels: there are no ", config.kernels));
  }
  LOGITD_RETURN_IF_ERROR(SelfTest(*kernels));
  LOGITD_ASSIGN_OR_RETURN(const uint64_t seed_key, RandomKey());
  LOGITD_ASSIGN_OR_RETURN(std::unique_ptr<ProfileHost> profiles,
                          ProfileHost::Open(config));
  SetLogLevel(config.log_level);
  std::unique_ptr<Server> server(
      new Server(std::move(config), *kernels, seed_key, std::move(profiles)));
  if (!server->config_.tls.cert.empty()) {
    LOGITD_ASSIGN_OR_RETURN(server->tls_, Tls::Start(server->config_.tls));
  }
  std::vector<ListeningSocket> sockets;
  LOGITD_RETURN_IF_ERROR(server->Listen(&sockets));
  LOGITD_RETURN_IF_ERROR(server->StartGrpc(std::move(sockets)));
  LOGITD_RETURN_IF_ERROR(server->StartAdminSocket());
  LOGITD_RETURN_IF_ERROR(server->StartAdmin());
  if (!server->BecomesReady()) {
    Log(LogLevel::kError, "not ready until the default profile is there",
        {{"default_profile", server->config_.default_profile}});
  }
  Log(LogLevel::kInfo, "serving",
      {{"listen", absl::StrJoin(server->addresses_, ",")},
       {"admin_port", absl::StrCat(server->admin_port())},
       {"threads", absl::StrCat(server->workers_.thread_count())},
       {"kernels", kernels->name},
       {"profiles", server->config_.data_dir.empty()
                        ? "in memory, gone with the process"
                        : server->config_.data_dir},
       {"version", Version()}});
  return server;
}

absl::Status Server::Check(const Config& config) {
  if (!config.tls.cert.empty()) {
    LOGITD_RETURN_IF_ERROR(ReadTls(config.tls).status());
  }
  return ProfileHost::Check(config);
}

absl::Status Server::Listen(std::vector<ListeningSocket>* sockets) {
  for (const std::string& address : config_.listen) {
    LOGITD_ASSIGN_OR_RETURN(ListeningSocket socket,
                            ListeningSocket::Open(address));
    addresses_.push_back(socket.address());
    sockets->push_back(std::move(socket));
  }
  return absl::OkStatus();
}

void Server::AddArguments(grpc::ServerBuilder* builder) const {
  builder->SetMaxReceiveMessageSize(
      static_cast<int>(config_.limits.max_step_bytes + kReceiveSlackBytes));
  builder->SetMaxSendMessageSize(-1);
  // Of one connection: all that the server has for calls, and some that are
  // short.
  const Limits& limits = config_.limits;
  builder->AddChannelArgument(
      GRPC_ARG_MAX_CONCURRENT_STREAMS,
      static_cast<int>(2 * limits.max_streams + limits.max_watchers + 64));
  // A compressed message could be a bomb, and logits do not compress.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kPingIntervalMinMs);
  builder->SetResourceQuota(
      grpc::ResourceQuota("logitd").SetMaxThreads(kGrpcThreadsMax));
  builder->SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
}

void Server::SetServing(bool serves) {
  grpc::HealthCheckServiceInterface* health = grpc_->GetHealthCheckService();
  health->SetServingStatus(v1::SamplingService::service_full_name(), serves);
  health->SetServingStatus(serves);
}

absl::Status Server::StartGrpc(std::vector<ListeningSocket> sockets) {
  KeepLibraryUp();
  grpc::EnableDefaultHealthCheckService(true);
  // Named so that its descriptor is linked in and reflection can describe it.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  AddArguments(&builder);
  builder.RegisterService(&sampling_service_);
  builder.RegisterService(&profile_service_);
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  unix_acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, grpc::InsecureServerCredentials());
  tcp_acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, tls_ != nullptr ? tls_->Credentials()
                                     : grpc::InsecureServerCredentials());
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr) return absl::InternalError("gRPC did not start");
  // By name too: what a probe asks for. The drain clears both.
  SetServing(false);
  std::map<int, Acceptor*> acceptors;
  for (const ListeningSocket& socket : sockets) {
    acceptors[socket.fd()] =
        (socket.is_tcp() ? tcp_acceptor_ : unix_acceptor_).get();
  }
  accept_loop_ = std::make_unique<AcceptLoop>(
      std::move(sockets),
      [acceptors = std::move(acceptors)](int listener_fd, int fd) {
        Acceptor::NewConnectionParameters connection;
        connection.listener_fd = listener_fd;
        connection.fd = fd;
        acceptors.at(listener_fd)->HandleNewConnection(&connection);
      },
      [this](Peers peers) { metrics_.AddShedConnection(peers); },
      &connections_);
  return absl::OkStatus();
}

absl::Status Server::StartAdminSocket() {
  const std::string path = AdminSocketPath(config_.admin_socket, addresses_);
  if (path.empty()) return absl::OkStatus();
  const auto make_services = [this](const std::string& who) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<ProfileServiceImpl>(
        config_.limits, &profiles_->calls(), &profiles_->executor(), &metrics_,
        who));
    return services;
  };
  auto socket = AdminSocket::Start(
      path, [this](grpc::ServerBuilder* builder) { AddArguments(builder); },
      make_services, [this](Peers peers) { metrics_.AddShedConnection(peers); },
      &connections_);
  if (!socket.ok()) {
    return absl::Status(
        socket.status().code(),
        absl::StrCat("--admin_socket: ", socket.status().message()));
  }
  admin_socket_ = *std::move(socket);
  return absl::OkStatus();
}

absl::Status Server::StartAdmin() {
  if (config_.admin_http.empty()) return absl::OkStatus();
  AdminHttp::Pages pages;
  pages.metrics = [this] { return metrics_.Text(); };
  pages.config = [this] { return config_.printed; };
  pages.readiness = [this] { return MakeReadinessPage(Components()); };
  pages.build = metrics_.build();
  LOGITD_ASSIGN_OR_RETURN(
      admin_, AdminHttp::Start(config_.admin_http, std::move(pages)));
  if (config_.admin_http_port_file.empty()) return absl::OkStatus();
  return WriteWhole(config_.admin_http_port_file,
                    absl::StrCat(admin_->port(), "\n"));
}

bool Server::BecomesReady() {
  if (ready_) return true;
  if (draining_ || !profiles_->CheckDefault().ok()) return false;
  ready_ = true;
  SetServing(true);
  Log(LogLevel::kInfo, "ready");
  return true;
}

void Server::BeginDrain() {
  if (draining_.exchange(true)) return;
  ready_ = false;
  SetServing(false);
  drain_end_ = std::chrono::steady_clock::now() +
               absl::ToChronoNanoseconds(config_.drain_timeout);
  Log(LogLevel::kInfo, "draining",
      {{"streams", absl::StrCat(streams_.size())},
       {"timeout", absl::FormatDuration(config_.drain_timeout)}});
}

bool Server::Drained() {
  return streams_.EndIdle() == 0 ||
         std::chrono::steady_clock::now() >= *drain_end_;
}

void Server::Stop() {
  if (grpc_ == nullptr) return;
  const bool served = ready_.exchange(false) || draining_;
  draining_ = true;
  accept_loop_.reset();
  streams_.EndAll();
  const auto deadline = std::chrono::system_clock::now() + kStopGrace;
  // gRPC waits for peers that take nothing, for ever.
  connections_.CutAllAt(std::chrono::steady_clock::now() + 2 * kStopGrace);
  if (admin_socket_ != nullptr) admin_socket_->Stop(deadline);
  grpc_->Shutdown(deadline);
  grpc_->Wait();
  grpc_.reset();
  unix_acceptor_.reset();
  tcp_acceptor_.reset();
  tls_.reset();
  admin_.reset();
  admin_socket_.reset();
  if (served) Log(LogLevel::kInfo, "stopped");
}

Server::~Server() { Stop(); }

}  // namespace logitd
