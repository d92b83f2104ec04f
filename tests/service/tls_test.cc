// TLS of the TCP addresses: who gets in, and certificates that change.
#include "service/tls.h"

#include <sys/stat.h>

#include <thread>

#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "tests/support/service_certificates.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::Identity;
using testing::IsOk;
using testing::MakeAuthority;
using testing::MakeIdentity;
using testing::StatusIs;
using testing::StatusOf;
using testing::TempFolder;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

// The three files of a server, in a folder of their own.
class TlsTest : public ::testing::Test {
 protected:
  void Put(const Identity& server, const std::string& client_ca) {
    testing::WriteFile(files_.cert, server.cert);
    testing::WriteFile(files_.key, server.key);
    testing::WriteFile(files_.client_ca, client_ca);
  }

  // Waits for what must come; false after two minutes.
  static bool Comes(const std::function<bool()>& what) {
    for (int i = 0; i < 1200; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }

  TempFolder folder_;
  TlsFiles files_{folder_.File("cert.pem"), folder_.File("key.pem"),
                  folder_.File("ca.pem")};
  const Identity authority_ = MakeAuthority("ours");
  const Identity server_ = MakeIdentity("server", authority_);
  const Identity client_ = MakeIdentity("client", authority_);
};

// ---- the files
// -------------------------------------------------------------------

TEST_F(TlsTest, TakesASetThatFits) {
  Put(server_, authority_.cert);
  const auto pems = ReadTls(files_);
  ASSERT_THAT(pems, IsOk());
  EXPECT_EQ(pems->client_ca, authority_.cert);
  EXPECT_GT(pems->expires, absl::Now() + absl::Hours(23));
  EXPECT_LT(pems->expires, absl::Now() + absl::Hours(25));
}

TEST_F(TlsTest, NamesFlagFileAndWhatIsWrong) {
  const auto wrong = [](const std::string& what) {
    return StatusIs(Code::kInvalidArgument, what);
  };
  const std::string& cert = files_.cert;
  const std::string& key = files_.key;
  EXPECT_THAT(ReadTls(files_), wrong("--tls_cert: " + cert + ": No such file"));
  Put(server_, authority_.cert);
  testing::WriteFile(cert, "nothing");
  EXPECT_THAT(ReadTls(files_),
              wrong("--tls_cert: " + cert + ": has no PEM certificate"));
  Put(server_, "nothing");
  EXPECT_THAT(ReadTls(files_), wrong("--tls_client_ca: " + files_.client_ca +
                                     ": has no PEM certificate"));
  Put({server_.cert, client_.key}, authority_.cert);
  EXPECT_THAT(ReadTls(files_),
              wrong("--tls_key: " + key + ": is not the key of " + cert));
  Put({server_.cert, testing::WithPassphrase(server_)}, authority_.cert);
  EXPECT_THAT(ReadTls(files_), wrong("has no PEM private key without a pass"));
  Put(MakeIdentity("late", authority_, -absl::Hours(1)), authority_.cert);
  EXPECT_THAT(ReadTls(files_), wrong("--tls_cert: " + cert + ": has expired"));
  Put({server_.cert + std::string(1 << 20, ' '), server_.key}, "");
  EXPECT_THAT(ReadTls(files_), wrong("is larger than 1 MiB"));
}

// ---- the server
// ------------------------------------------------------------------

class TlsServer : public TlsTest {
 protected:
  void Start(const std::function<void(Config*)>& adjust = {}) {
    Put(server_, authority_.cert);
    running_ = std::make_unique<TestServer>([&](Config* config) {
      config->listen.push_back("127.0.0.1:0");
      config->tls = files_;
      if (adjust) adjust(config);
    });
  }

  // A connection of its own to the TCP address.
  std::shared_ptr<grpc::Channel> Connect(const std::string& trusted,
                                         const Identity& own) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = trusted;
    options.pem_cert_chain = own.cert;
    options.pem_private_key = own.key;
    return Connect(grpc::SslCredentials(options));
  }
  std::shared_ptr<grpc::Channel> Connect(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(running_->server().addresses()[1],
                                     credentials, arguments);
  }

  static absl::Status Ask(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::GetServerInfoResponse info;
    return StatusOf(v1::SamplingService::NewStub(channel)->GetServerInfo(
        &context, {}, &info));
  }

  absl::Status CreateProfile(const std::shared_ptr<grpc::Channel>& channel,
                             const std::string& authorization) const {
    grpc::ClientContext context;
    if (!authorization.empty()) {
      context.AddMetadata("authorization", authorization);
    }
    v1::CreateProfileRequest request;
    request.set_profile_id("chat");
    request.mutable_profile()->mutable_default_params()->set_top_k(7);
    v1::Profile profile;
    return StatusOf(v1::ProfileService::NewStub(channel)->CreateProfile(
        &context, request, &profile));
  }

  std::unique_ptr<TestServer> running_;
};

TEST_F(TlsServer, LetsInWhoeverHasACertificateOfItsAuthority) {
  Start();
  const Identity other = MakeAuthority("other");
  EXPECT_THAT(Ask(Connect(authority_.cert, client_)), IsOk());
  EXPECT_THAT(Ask(Connect(authority_.cert, {})),
              StatusIs(Code::kUnavailable, ""));
  EXPECT_THAT(Ask(Connect(authority_.cert, MakeIdentity("client", other))),
              StatusIs(Code::kUnavailable, ""));
  EXPECT_THAT(Ask(Connect(other.cert, client_)),
              StatusIs(Code::kUnavailable, ""));
  EXPECT_THAT(Ask(Connect(grpc::InsecureChannelCredentials())),
              StatusIs(Code::kUnavailable, ""));
  // Files and uids guard the Unix socket.
  EXPECT_THAT(Ask(running_->NewChannel()), IsOk());
}

TEST_F(TlsServer, ProfilesAreChangedWithCertificateAndToken) {
  const std::string tokens = folder_.File("tokens");
  testing::WriteFile(tokens, "ops:0123456789abcdef\n");
  chmod(tokens.c_str(), 0600);
  Start([&](Config* config) { config->admin_token_file = tokens; });
  const auto channel = Connect(authority_.cert, client_);
  const auto denied = [](const std::string& why) {
    return StatusIs(Code::kPermissionDenied, why);
  };
  EXPECT_THAT(CreateProfile(channel, ""), denied("authorization: required"));
  EXPECT_THAT(CreateProfile(channel, "Bearer 0123456789abcdee"),
              denied("authorization: is not a token"));
  // A token without a certificate is worth nothing.
  EXPECT_THAT(CreateProfile(running_->NewChannel(), "Bearer 0123456789abcdef"),
              denied("client certificate and a token"));
  EXPECT_THAT(CreateProfile(channel, "Bearer 0123456789abcdef"), IsOk());
}

TEST_F(TlsServer, WithoutAnAuthorityAnyClientIsLetInButNoneWrites) {
  files_.client_ca.clear();
  testing::WriteFile(files_.cert, server_.cert);
  testing::WriteFile(files_.key, server_.key);
  running_ = std::make_unique<TestServer>([&](Config* config) {
    config->listen.push_back("127.0.0.1:0");
    config->tls = files_;
  });
  EXPECT_THAT(Ask(Connect(authority_.cert, {})), IsOk());
  EXPECT_THAT(CreateProfile(Connect(authority_.cert, client_), ""),
              StatusIs(Code::kPermissionDenied, ""));
  EXPECT_THAT(Ask(Connect(grpc::InsecureChannelCredentials())),
              StatusIs(Code::kUnavailable, ""));
}

// ---- while the files change
// ------------------------------------------------------

TEST_F(TlsServer, NewCertificatesDropNoStream) {
  Start();
  const auto stub =
      v1::SamplingService::NewStub(Connect(authority_.cert, client_));
  grpc::ClientContext context;
  const auto stream = stub->Sample(&context);
  const auto step = [&stream](uint32_t position) {
    v1::SampleRequest request;
    if (position == 0) testing::AddOpen(1, testing::kVocab, &request);
    testing::AddEntry(1, position, testing::RowAt(position), &request);
    v1::SampleResponse reply;
    return stream->Write(request) && stream->Read(&reply) &&
           reply.step().status_size() == 1 &&
           reply.step().status(0) == v1::ENTRY_STATUS_OK;
  };
  ASSERT_TRUE(step(0));

  const Identity authority = MakeAuthority("new");
  const Identity client = MakeIdentity("client", authority);
  Put(MakeIdentity("server", authority), authority.cert);
  EXPECT_TRUE(Comes([&] { return Ask(Connect(authority.cert, client)).ok(); }));
  EXPECT_THAT(Ask(Connect(authority_.cert, client_)),
              StatusIs(Code::kUnavailable, ""));
  EXPECT_TRUE(step(1)) << "the stream that stood when the files changed";
  context.TryCancel();
}

// A gRPC server with nothing but TLS, whose files are looked at often.
class TlsFollowed : public TlsTest {
 protected:
  void SetUp() override {
    Put(server_, authority_.cert);
    auto tls = Tls::Start(files_, absl::Milliseconds(20));
    ASSERT_THAT(tls, IsOk());
    tls_ = *std::move(tls);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", tls_->Credentials(), &port_);
    grpc_ = builder.BuildAndStart();
    ASSERT_NE(grpc_, nullptr);
  }
  void TearDown() override { grpc_.reset(); }

  bool LetsIn(const std::string& trusted, const Identity& own) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = trusted;
    options.pem_cert_chain = own.cert;
    options.pem_private_key = own.key;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel =
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                  grpc::SslCredentials(options), arguments);
    // With TLS 1.3 a client believes itself connected before the server has
    // looked at its certificate: what counts is an answer.
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    return grpc::health::v1::Health::NewStub(channel)
        ->Check(&context, {}, &response)
        .ok();
  }

  std::unique_ptr<Tls> tls_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> grpc_;
};

TEST_F(TlsFollowed, ABadSetChangesNothing) {
  ASSERT_TRUE(LetsIn(authority_.cert, client_));
  testing::WriteFile(files_.key, client_.key);
  ASSERT_TRUE(Comes([this] { return !tls_->health().ok(); }));
  EXPECT_THAT(tls_->health(), StatusIs(Code::kInvalidArgument, "--tls_key"));
  // Twice what gRPC needs to look.
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_TRUE(LetsIn(authority_.cert, client_));
  // And the next good one counts again.
  const Identity next = MakeIdentity("next", authority_, absl::Hours(3));
  Put(next, authority_.cert);
  EXPECT_TRUE(Comes([this] { return tls_->health().ok(); }));
  EXPECT_TRUE(
      Comes([this] { return tls_->expires() < absl::Now() + absl::Hours(4); }));
}

TEST_F(TlsFollowed, ANewClientAuthorityShutsTheOldOneOut) {
  ASSERT_TRUE(LetsIn(authority_.cert, client_));
  const Identity other = MakeAuthority("other");
  testing::WriteFile(files_.client_ca, other.cert);
  const Identity client = MakeIdentity("client", other);
  EXPECT_TRUE(Comes([&] { return LetsIn(authority_.cert, client); }));
  EXPECT_FALSE(LetsIn(authority_.cert, client_));
}

}  // namespace
}  // namespace logitd
