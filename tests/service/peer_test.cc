// ClientOf: whom gRPC knows its peers by.
#include "service/peer.h"

#include <memory>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "tests/support/service_certificates.h"
#include "tests/support/service_fixture.h"

namespace logitd {
namespace {

using testing::Identity;

// Says who calls.
class Mirror : public v1::SamplingService::CallbackService {
  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* context, const v1::GetServerInfoRequest*,
      v1::GetServerInfoResponse* response) override {
    response->set_version(ClientOf(*context));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class PeerTest : public ::testing::Test {
 protected:
  void Serve(const std::string& address,
             const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, credentials, &port);
    builder.RegisterService(&mirror_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    target_ =
        address.substr(0, address.find(":0")) + ":" + std::to_string(port);
    if (address.rfind("unix:", 0) == 0) target_ = address;
  }

  // Of a new connection.
  std::string Ask(const std::shared_ptr<grpc::ChannelCredentials>& mine =
                      grpc::InsecureChannelCredentials()) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    const grpc::Status status =
        v1::SamplingService::NewStub(
            grpc::CreateCustomChannel(target_, mine, arguments))
            ->GetServerInfo(&context, {}, &response);
    return status.ok() ? response.version()
                       : "FAILED " + status.error_message();
  }

  Mirror mirror_;
  std::string target_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(PeerTest, OverTcpIsTheAddressWithoutThePort) {
  Serve("127.0.0.1:0", grpc::InsecureServerCredentials());
  EXPECT_EQ(Ask(), "ipv4:127.0.0.1");
  EXPECT_EQ(Ask(), "ipv4:127.0.0.1");
}

TEST_F(PeerTest, OnAUnixSocketIsNobody) {
  const testing::TempFolder folder;
  Serve("unix:" + folder.File("s"), grpc::InsecureServerCredentials());
  EXPECT_EQ(Ask(), "");
}

TEST_F(PeerTest, WithACertificateIsTheNameInIt) {
  const Identity authority = testing::MakeAuthority("authority");
  const Identity own = testing::MakeIdentity("server", authority);
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = authority.cert;
  options.pem_key_cert_pairs.push_back({own.key, own.cert});
  Serve("127.0.0.1:0", grpc::SslServerCredentials(options));
  const Identity client = testing::MakeIdentity("client", authority);
  const auto credentials =
      grpc::SslCredentials({authority.cert, client.key, client.cert});
  EXPECT_EQ(Ask(credentials), "tls:localhost");
}

}  // namespace
}  // namespace logitd
