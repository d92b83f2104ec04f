// logitd with few descriptors: who floods one of its doors takes no answers
// from those who are in, and the doors of those who are trusted more stay open.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "service/client/messages.h"
#include "service/socket.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/raw_connection.h"

namespace logitd {
namespace {

using testing::BinaryPath;
using ::testing::HasSubstr;
using testing::Process;
using testing::RawConnection;
using ::testing::StartsWith;
using testing::TempFolder;
using testing::Texts;
using testing::WaitUntil;
using testing::Words;

constexpr int kDescriptors = 64;
constexpr size_t kRawConnections = 300;

enum class Door { kTcp, kUnix, kAdmin, kHttp };  // the more trusted the later

const char* NameOf(Door door) {
  constexpr const char* kNames[] = {"Tcp", "UnixSocket", "AdminSocket",
                                    "AdminHttp"};
  return kNames[static_cast<int>(door)];
}

// The command, with at most this many open files.
std::vector<std::string> Limited(int files, std::vector<std::string> command) {
  const std::vector<std::string> shell = {
      "/bin/sh", "-c", absl::StrCat("ulimit -n ", files, " && exec \"$@\""),
      "sh"};
  command.insert(command.begin(), shell.begin(), shell.end());
  return command;
}

class Flood : public ::testing::TestWithParam<Door> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        WaitUntil([this] { return !process_.Running() || ReadPorts(); }));
    ASSERT_TRUE(process_.Running()) << Errors();
    for (const Door door :
         {Door::kTcp, Door::kUnix, Door::kAdmin, Door::kHttp}) {
      ASSERT_TRUE(Answers(door)) << Errors();
    }
    stream_ = client::Client::Connect(UnixTarget())->Sample();
    texts_ = std::make_unique<Texts>(stream_.get());
    texts_->Add(1, prompt_);
    v1::SampleRequest request;
    v1::SamplingParams params;
    params.set_temperature(.9);
    v1::OpenSession* open = request.add_open();
    *open = client::MakeOpen(1, testing::RealVocabSize(), params, 42);
    open->set_prompt_length(static_cast<uint32_t>(prompt_.size()));
    ASSERT_EQ(texts_->Step(request)[0].status(0), v1::ENTRY_STATUS_OK);
  }

  std::string UnixTarget() const { return "unix:" + SocketPath(Door::kUnix); }
  std::string SocketPath(Door door) const {
    return folder_.File(door == Door::kAdmin ? "l-admin.sock" : "l.sock");
  }
  std::string Errors() const { return process_.Errors(); }

  // What the server said of its free ports.
  bool ReadPorts() {
    std::ifstream(folder_.File("port")) >> http_port_;
    const std::vector<std::string> pieces =
        absl::StrSplit(Errors(), "127.0.0.1:");
    if (http_port_ == 0 || pieces.size() < 2) return false;
    return absl::SimpleAtoi(pieces[1].substr(0, pieces[1].find('"')),
                            &tcp_port_);
  }

  // A new client on a connection of its own, which leaves again.
  bool Answers(Door door) const {
    if (door == Door::kHttp) return HttpAnswers();
    const std::string target = door == Door::kTcp
                                   ? absl::StrCat("127.0.0.1:", tcp_port_)
                                   : absl::StrCat("unix:", SocketPath(door));
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(
        target, grpc::InsecureChannelCredentials(), arguments);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
    if (door == Door::kAdmin) {
      v1::CreateProfileRequest request;
      request.set_profile_id("flooded");
      request.set_validate_only(true);
      v1::Profile profile;
      return v1::ProfileService::NewStub(channel)
          ->CreateProfile(&context, request, &profile)
          .ok();
    }
    v1::GetServerInfoResponse info;
    return v1::SamplingService::NewStub(channel)
        ->GetServerInfo(&context, {}, &info)
        .ok();
  }

  bool HttpAnswers() const {
    RawConnection connection(http_port_);
    const std::string request = "GET /healthz HTTP/1.0\r\n\r\n";
    return WaitUntil([&] { return connection.Send(request); }) &&
           WaitUntil([&] { return connection.IsClosed(); }) &&
           absl::EndsWith(connection.received(), "\r\n\r\nok\n");
  }

  std::unique_ptr<RawConnection> Connect(Door door) const {
    if (door == Door::kTcp) return std::make_unique<RawConnection>(tcp_port_);
    if (door == Door::kHttp) return std::make_unique<RawConnection>(http_port_);
    return std::make_unique<RawConnection>(SocketPath(door));
  }

  // Connects until the door closes what is too much; meanwhile the stream goes
  // on.
  void Fill() {
    std::erase_if(raw_, [](const auto& raw) { return raw->IsClosed(); });
    while (raw_.size() < kRawConnections) raw_.push_back(Connect(GetParam()));
    // The admin pages close in the order of arrival whom they gave a second to
    // ask; a few show it.
    const size_t held_max =
        GetParam() == Door::kHttp
            ? kRawConnections - HttpConnectionsFor(kDescriptors)
            : kDescriptors;
    EXPECT_TRUE(WaitUntil([&] {
      ExpectSteps(1);
      return HasFailure() || HeldCount() <= held_max;
    })) << HeldCount();
  }
  size_t HeldCount() const {
    return static_cast<size_t>(
        std::count_if(raw_.begin(), raw_.end(),
                      [](const auto& raw) { return !raw->IsClosed(); }));
  }

  // A new client is answered, and not because the flood has ebbed meanwhile:
  // gRPC's keepalive drops the silent after a while.
  bool AnswersInTheFlood(Door door) {
    Fill();
    const size_t before = HeldCount();
    if (!Answers(door)) return false;
    const size_t after = HeldCount();
    return GetParam() == Door::kHttp ? after > HttpConnectionsFor(kDescriptors)
                                     : after == before;
  }

  void ExpectSteps(int count) {
    for (int i = 0; i < count; ++i) {
      const std::vector<v1::StepResult> entries = texts_->Step();
      ASSERT_EQ(entries.size(), 1u) << i;
      EXPECT_EQ(entries[0].status(0), v1::ENTRY_STATUS_OK) << i;
    }
  }

  // The metrics tell which door was flooded.
  void ExpectShedOnlyHere() const {
    const std::string page = testing::HttpGet(http_port_, "/metrics");
    const std::pair<Door, const char*> listeners[] = {
        {Door::kTcp, "tcp"}, {Door::kUnix, "unix"}, {Door::kAdmin, "admin"}};
    for (const auto& [door, listener] : listeners) {
      const std::string none = absl::StrCat(
          "\nlogitd_connections_shed_total{listener=\"", listener, "\"} 0\n");
      EXPECT_EQ(absl::StrContains(page, none), door != GetParam()) << listener;
    }
  }

  // While somebody waits to be let in, the server uses no processor.
  void ExpectAtRest() {
    const RawConnection waiting(http_port_);
    const double before = process_.CpuSeconds();
    const auto begin = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::chrono::duration<double> passed =
        std::chrono::steady_clock::now() - begin;
    EXPECT_LT(process_.CpuSeconds() - before, passed.count() / 2);
  }

  const TempFolder folder_;
  Process process_{
      Limited(kDescriptors,
              {BinaryPath("logitd"), "--listen", UnixTarget(), "--listen",
               "127.0.0.1:0", "--admin_http", "127.0.0.1:0",
               "--admin_http_port_file", folder_.File("port"),
               "--allow_tcp_without_mtls", "true", "--threads", "1"}),
      folder_.File("errors")};
  int tcp_port_ = 0;
  int http_port_ = 0;
  const testing::Ids prompt_ = Words("the members of the committee");
  std::unique_ptr<client::Stream> stream_;
  std::unique_ptr<Texts> texts_;
  std::vector<std::unique_ptr<RawConnection>> raw_;
};

TEST_P(Flood, LeavesTheOthersTheirAnswers) {
  Fill();
  ExpectSteps(5);
  if (GetParam() != Door::kHttp) ExpectShedOnlyHere();
  ExpectAtRest();
  if (GetParam() != Door::kHttp) {
    const auto late = Connect(GetParam());
    EXPECT_TRUE(WaitUntil([&late] { return late->IsClosed(); }));
    EXPECT_THAT(Errors(), HasSubstr("out of descriptors"));
  }
  for (const Door door : {Door::kTcp, Door::kUnix, Door::kAdmin, Door::kHttp}) {
    const bool stays_open =
        GetParam() == Door::kHttp ? door != Door::kHttp : door > GetParam();
    if (!stays_open) continue;
    EXPECT_TRUE(WaitUntil([&] { return AnswersInTheFlood(door); }))
        << NameOf(door);
  }
  ExpectSteps(5);
  raw_.clear();
  for (const Door door : {Door::kTcp, Door::kUnix, Door::kAdmin, Door::kHttp}) {
    EXPECT_TRUE(WaitUntil([&] {
      ExpectSteps(1);
      return HasFailure() || Answers(door);
    })) << NameOf(door);
  }
  ExpectSteps(5);
  EXPECT_TRUE(process_.Running());
}

INSTANTIATE_TEST_SUITE_P(Of, Flood,
                         ::testing::Values(Door::kTcp, Door::kUnix,
                                           Door::kAdmin, Door::kHttp),
                         [](const ::testing::TestParamInfo<Door>& door) {
                           return NameOf(door.param);
                         });

// ---- what does not start

class Refusal : public ::testing::Test {
 protected:
  // Exit code 2, and one line that says `why`.
  void Expect(const std::vector<std::string>& command, const std::string& why) {
    Process process(command, folder_.File("errors"));
    EXPECT_EQ(process.Wait(), 2);
    const std::string errors = process.Errors();
    EXPECT_THAT(errors, StartsWith("logitd: --"));
    EXPECT_THAT(errors, HasSubstr(why));
    EXPECT_EQ(errors.find('\n'), errors.size() - 1) << errors;
  }
  std::vector<std::string> Command() const {
    return {BinaryPath("logitd"), "--listen", "unix:" + folder_.File("l.sock"),
            "--admin_http", "off"};
  }

  const TempFolder folder_;
};

TEST_F(Refusal, OfTooFewDescriptors) {
  Expect(Limited(kDescriptors - 1, Command()),
         "--listen: the process may have only 63 files open; allow 64");
}

TEST_F(Refusal, OfTokensThatEveryUserMayRead) {
  const std::string tokens = folder_.File("tokens");
  std::ofstream(tokens) << "deploy:0123456789abcdef\n";
  ASSERT_EQ(chmod(tokens.c_str(), 0644), 0);
  std::vector<std::string> command = Command();
  command.insert(command.end(), {"--admin_token_file", tokens});
  Expect(command, "--admin_token_file: " + tokens + ": has mode 0644");
}

}  // namespace
}  // namespace logitd
