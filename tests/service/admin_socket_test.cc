#include "service/admin_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::StatusOf;
using testing::TempFolder;
using testing::TestServer;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;
using Code = absl::StatusCode;

constexpr uid_t kServer = 65534;
constexpr uid_t kStranger = 54321;

// Acts as another user, whom the kernel then names to the other end of a
// connection. For root only.
class ActAs {
 public:
  explicit ActAs(uid_t uid) { EXPECT_EQ(seteuid(uid), 0); }
  ~ActAs() { EXPECT_EQ(seteuid(0), 0); }
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;
};

// Answers Get with who the server takes the caller for.
class WhoAmI final : public v1::ProfileService::Service {
 public:
  explicit WhoAmI(std::string who) : who_(std::move(who)) {}
  grpc::Status GetProfile(grpc::ServerContext*, const v1::GetProfileRequest*,
                          v1::Profile* profile) override {
    profile->set_description(who_);
    return grpc::Status::OK;
  }

 private:
  const std::string who_;
};

std::vector<std::unique_ptr<grpc::Service>> MakeServices(
    const std::string& who) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<WhoAmI>(who));
  return services;
}

class AdminDoor : public ::testing::Test {
 protected:
  void Start() {
    auto admin = AdminSocket::Start(
        path_, [](grpc::ServerBuilder*) {}, MakeServices, [](Peers) {},
        &watch_);
    ASSERT_THAT(admin, testing::IsOk());
    admin_ = *std::move(admin);
  }
  // Runs the server as a user who is not root, behind a file that lets
  // everybody through: the kernel's word alone decides.
  void StartAsAnotherUser() {
    ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
    {
      const ActAs server(kServer);
      Start();
    }
    ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  }
  // What a new client is told.
  std::string Who() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::ProfileService::NewStub(grpc::CreateCustomChannel(
        "unix:" + path_, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::minutes(1));
    v1::Profile profile;
    const absl::Status status =
        StatusOf(stub->GetProfile(&context, {}, &profile));
    return status.ok() ? profile.description() : status.ToString();
  }
  // A connection on which nothing is said is closed by the server.
  bool IsTurnedAway() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address)),
              0);
    pollfd polled = {fd, POLLIN, 0};
    char byte = 0;
    const bool closed =
        poll(&polled, 1, 60000) == 1 && recv(fd, &byte, 1, 0) <= 0;
    close(fd);
    return closed;
  }

  const TempFolder folder_;
  const std::string path_ = folder_.File("admin.sock");
  ConnectionWatch watch_{std::chrono::hours(1)};
  std::unique_ptr<AdminSocket> admin_;
};

TEST_F(AdminDoor, IsAFileForItsOwnerThatGoesWithTheServer) {
  Start();
  struct stat file = {};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_EQ(file.st_uid, geteuid());
  admin_.reset();
  EXPECT_NE(stat(path_.c_str(), &file), 0);
}

TEST_F(AdminDoor, KnowsTheServersOwnUser) {
  Start();
  EXPECT_EQ(Who(), "uid:" + std::to_string(geteuid()) + " admin socket");
}

TEST_F(AdminDoor, KnowsRootAndTheServersUserApart) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can act as others";
  StartAsAnotherUser();
  EXPECT_EQ(Who(), "uid:0 admin socket");
  const ActAs server(kServer);
  EXPECT_EQ(Who(), "uid:65534 admin socket");
}

TEST_F(AdminDoor, TurnsAStrangerAwayWhateverTheFileAllows) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can act as others";
  StartAsAnotherUser();
  CaptureStderr();
  {
    const ActAs stranger(kStranger);
    EXPECT_TRUE(IsTurnedAway());
  }
  const std::string log = GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("admin socket: a connection was refused"));
  EXPECT_THAT(log, HasSubstr("\"uid\":\"54321\""));
  EXPECT_EQ(Who(), "uid:0 admin socket");
}

TEST_F(AdminDoor, ErrorsNameTheSettingOnce) {
  std::ofstream(path_) << "precious";
  Config config;
  config.listen = {"unix:" + folder_.File("s")};
  config.admin_http.clear();
  config.admin_socket = path_;
  const auto server = Server::Start(config);
  ASSERT_THAT(server, StatusIs(Code::kAlreadyExists, "is no socket"));
  const std::string text(server.status().message());
  EXPECT_EQ(text.rfind("--admin_socket: " + path_, 0), 0u) << text;
}

// ---- the other doors

class OtherDoors : public ::testing::Test {
 protected:
  // All four ways to write, at this address.
  void ExpectAllDenied(const std::string& address) {
    const auto stub = v1::ProfileService::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    v1::Profile profile;
    const auto denied = [](const grpc::Status& status) {
      EXPECT_THAT(StatusOf(status),
                  StatusIs(Code::kPermissionDenied,
                           "profiles: may be changed through --admin_socket"));
    };
    v1::CreateProfileRequest create;
    create.set_profile_id("chat");
    denied(stub->CreateProfile(Context(), create, &profile));
    v1::UpdateProfileRequest update;
    update.mutable_profile()->set_name("profiles/chat");
    denied(stub->UpdateProfile(Context(), update, &profile));
    v1::RollbackProfileRequest rollback;
    rollback.set_name("profiles/chat");
    rollback.set_revision("1");
    denied(stub->RollbackProfile(Context(), rollback, &profile));
    v1::DeleteProfileRequest remove;
    remove.set_name("profiles/chat");
    google::protobuf::Empty nothing;
    denied(stub->DeleteProfile(Context(), remove, &nothing));
  }

 private:
  // Of a call with a token, which helps nobody without a certificate.
  grpc::ClientContext* Context() {
    contexts_.push_back(std::make_unique<grpc::ClientContext>());
    contexts_.back()->AddMetadata("authorization", "Bearer 0123456789abcdef");
    return contexts_.back().get();
  }
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
};

TEST_F(OtherDoors, DenyEveryWriteAndSayWhereWritesGo) {
  const TempFolder folder;
  const std::string tokens = folder.File("tokens");
  std::ofstream(tokens) << "deploy:0123456789abcdef\n";
  ASSERT_EQ(chmod(tokens.c_str(), 0600), 0);
  TestServer server([&](Config* config) {
    config->listen.emplace_back("127.0.0.1:0");
    config->admin_token_file = tokens;
  });
  ExpectAllDenied(server.address());
  ExpectAllDenied(server.server().addresses()[1]);
}

}  // namespace
}  // namespace logitd
