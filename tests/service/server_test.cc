// The process from outside: sockets, health, reflection, admin pages, drain.
#include "service/server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using grpc::health::v1::HealthCheckResponse;
using testing::AddEntry;
using testing::AddOpen;
using testing::IsOk;
using testing::kVocab;
using testing::OpenSession;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using testing::TempFolder;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

HealthCheckResponse::ServingStatus Health(const TestServer& server) {
  const auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  grpc::ClientContext context;
  HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.status();
}

// One message of a bidirectional call of any method, and the first answer.
std::string CallRaw(const TestServer& server, const std::string& method,
                    const std::string& bytes) {
  grpc::GenericStub stub(server.NewChannel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  wait();
  const grpc::Slice slice(bytes);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  wait();
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  std::string text;
  if (wait()) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(answer.Dump(&slices).ok());
    for (const grpc::Slice& piece : slices) {
      text.append(reinterpret_cast<const char*>(piece.begin()), piece.size());
    }
  }
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  queue.Shutdown();
  wait();
  return text;
}

absl::Status StartOn(const std::string& address) {
  Config config;
  config.listen = {address};
  config.admin_http.clear();
  config.threads = 1;
  return Server::Start(config).status();
}

TEST(Server, MakesItsSocketForOwnerAndGroupOnly) {
  TestServer server;
  struct stat file = {};
  ASSERT_EQ(stat(server.address().substr(5).c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0660u);
}

TEST(Server, RefusesToStartWhereAnotherAnswers) {
  TestServer server;
  EXPECT_THAT(
      StartOn(server.address()),
      StatusIs(Code::kAlreadyExists, "--listen: another server answers at"));
  EXPECT_EQ(Health(server), HealthCheckResponse::SERVING);
}

TEST(Server, ReplacesTheSocketOfAServerThatIsGone) {
  TempFolder folder;
  const std::string path = folder.File("stale.sock");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
  close(fd);
  EXPECT_THAT(StartOn("unix:" + path), IsOk());
  EXPECT_NE(access(path.c_str(), F_OK), 0);  // and removes its own at the end
}

TEST(Server, LeavesAFileAloneThatIsNoSocket) {
  TempFolder folder;
  const std::string path = folder.File("notes.txt");
  std::ofstream(path) << "mine";
  EXPECT_THAT(StartOn("unix:" + path),
              StatusIs(Code::kAlreadyExists, "exists and is no socket"));
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST(Server, NamesADirectoryThatIsMissing) {
  TempFolder folder;
  EXPECT_THAT(StartOn("unix:" + folder.File("none/logitd.sock")),
              StatusIs(Code::kNotFound, "/none does not exist"));
}

TEST(Server, NamesAPathThatIsTooLong) {
  EXPECT_THAT(StartOn("unix:/tmp/" + std::string(120, 'x')),
              StatusIs(Code::kInvalidArgument, "longer than the 107 bytes"));
}

TEST(Server, ServesTcpWhenAskedAndNamesATakenPort) {
  TestServer server([](Config* config) { config->listen = {"127.0.0.1:0"}; });
  EXPECT_EQ(server.address().rfind("127.0.0.1:", 0), 0u);
  EXPECT_NE(server.address(), "127.0.0.1:0");
  TestStream stream(server);
  OpenSession(1, &stream);
  EXPECT_THAT(StartOn(server.address()),
              StatusIs(Code::kAlreadyExists, "cannot listen on 127.0.0.1:"));
}

TEST(Server, ServesOnSeveralAddresses) {
  TempFolder folder;
  TestServer server([&](Config* config) {
    config->listen.push_back("unix:" + folder.File("second.sock"));
    config->listen.push_back("127.0.0.1:0");
  });
  ASSERT_EQ(server.server().addresses().size(), 3u);
  for (const std::string& address : server.server().addresses()) {
    const auto stub = v1::SamplingService::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::GetServerInfoResponse info;
    EXPECT_TRUE(stub->GetServerInfo(&context, {}, &info).ok()) << address;
    EXPECT_EQ(info.version(), Version());
  }
}

TEST(Server, NamesAnAdminPortThatIsTaken) {
  TestServer server;
  TempFolder folder;
  Config config;
  config.listen = {"unix:" + folder.File("s")};
  config.admin_http = absl::StrCat("127.0.0.1:", server.server().admin_port());
  EXPECT_THAT(Server::Start(config).status(),
              StatusIs(Code::kUnavailable, "--admin_http: cannot listen on"));
}

TEST(Server, WritesTheAdminPortToAFile) {
  TempFolder folder;
  TestServer server([&](Config* config) {
    config->admin_http_port_file = folder.File("port");
  });
  int port = 0;
  std::ifstream(folder.File("port")) >> port;
  EXPECT_EQ(port, server.server().admin_port());
}

TEST(Server, IsHealthyByName) {
  TestServer server;
  EXPECT_EQ(Health(server), HealthCheckResponse::SERVING);
}

TEST(Server, DescribesItselfByReflection) {
  TestServer server;
  constexpr char kMethod[] =
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  // list_services
  const std::string services =
      CallRaw(server, kMethod, std::string("\x3a\x00", 2));
  for (const char* name :
       {"logitd.v1.SamplingService", "logitd.v1.ProfileService",
        "grpc.health.v1.Health"}) {
    EXPECT_NE(services.find(name), std::string::npos) << name;
  }
  // file_containing_symbol
  const std::string health = "grpc.health.v1.Health";
  const std::string file = CallRaw(
      server, kMethod,
      absl::StrCat("\x22", std::string(1, static_cast<char>(health.size())),
                   health));
  EXPECT_NE(file.find("health.proto"), std::string::npos);
}

// ---- admin pages
// --------------------------------------------------------------

TEST(Admin, ServesItsPages) {
  TestServer server;
  EXPECT_NE(server.HttpGet("/healthz").find("200 OK"), std::string::npos);
  EXPECT_NE(server.HttpGet("/readyz").find("\r\n\r\nready"), std::string::npos);
  EXPECT_NE(server.HttpGet("/nothing").find("404 Not Found"),
            std::string::npos);
  const std::string metrics = server.HttpGet("/metrics");
  EXPECT_NE(metrics.find("Content-Type: text/plain; version=0.0.4"),
            std::string::npos);
}

TEST(Admin, MetricsCountWhatHappened) {
  TestServer server;
  TestStream stream(server);
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_params()->set_max_tokens(3);
  AddOpen(2, kVocab, &request)->mutable_params()->set_top_p(7);
  for (uint32_t i = 0; i < 3; ++i) AddEntry(1, i, RowAt(i), &request);
  AddEntry(1, 3, RowAt(3), &request);  // skipped
  AddEntry(5, 0, RowAt(0), &request);  // unknown
  stream.Call(request);
  EXPECT_EQ(server.Metric("logitd_tokens_total{kind=\"sampled\"}"), 3);
  EXPECT_EQ(server.Metric("logitd_rows_total{status=\"ok\"}"), 3);
  EXPECT_EQ(server.Metric("logitd_rows_total{status=\"skipped\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_rows_total{status=\"error\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_errors_total{code=\"NOT_FOUND\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_errors_total{code=\"INVALID_ARGUMENT\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_finished_total{reason=\"max_tokens\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_steps_total"), 1);
  EXPECT_EQ(server.Metric("logitd_sessions_active"), 1);
  EXPECT_EQ(server.Metric("logitd_sessions_opened_total"), 1);
  EXPECT_EQ(server.Metric("logitd_streams_active"), 1);
  EXPECT_EQ(server.Metric("logitd_row_duration_seconds_count"), 3);
  EXPECT_EQ(server.Metric("logitd_kept_tokens_count"), 3);
  EXPECT_EQ(server.Metric("logitd_stage_duration_seconds_count{transport="
                          "\"inline\",stage=\"rows\"}"),
            1);
  EXPECT_EQ(server.Metric("logitd_received_bytes_total"),
            static_cast<double>(request.ByteSizeLong()));
  EXPECT_GT(server.Metric("logitd_sent_bytes_total"), 0);
  EXPECT_GT(server.Metric("process_start_time_seconds"), 1.7e9);
}

TEST(Admin, EveryMetricHasTheNameHelpAndLabelsOfTheConventions) {
  TestServer server;
  const std::string text = server.server().MetricsText();
  std::set<std::string> names;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words[0] != "#" || words[1] != "TYPE") continue;
    names.insert(words[2]);
    const bool total = absl::EndsWith(words[2], "_total");
    EXPECT_EQ(total, words[3] == "counter") << words[2];
    EXPECT_NE(text.find("# HELP " + words[2] + " "), std::string::npos);
  }
  EXPECT_GE(names.size(), 15u);
  EXPECT_NE(text.find("logitd_build_info{instruction_set="), std::string::npos);
}

TEST(Admin, StaysThereForAScrapeWhileSlowClientsHang) {
  TestServer server;
  std::vector<int> slow;
  for (int i = 0; i < 20; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<uint16_t>(server.server().admin_port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(write(fd, "GET /met", 8), 8);
    slow.push_back(fd);
  }
  EXPECT_NE(server.HttpGet("/metrics").find("logitd_steps_total"),
            std::string::npos);
  for (const int fd : slow) close(fd);
}

// ---- drain
// ----------------------------------------------------------------------

TEST(Drain, LetsLiveSessionsStepAndRefusesNewOnes) {
  TestServer server;
  TestStream stream(server);
  OpenSession(1, &stream);
  server.server().BeginDrain();
  EXPECT_EQ(Health(server), HealthCheckResponse::NOT_SERVING);
  EXPECT_NE(server.HttpGet("/readyz").find("503"), std::string::npos);
  EXPECT_NE(server.HttpGet("/healthz").find("200 OK"), std::string::npos);
  v1::SampleRequest request;
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::SampleResponse reply = stream.Call(request);
  EXPECT_TRUE(reply.draining());
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kUnavailable, "the server drains"));
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_FALSE(server.server().Drained());
  grpc::ClientContext context;
  v1::SampleOnceRequest once;
  once.mutable_open()->set_vocab_size(5);
  v1::SampleOnceResponse response;
  EXPECT_THAT(StatusOf(server.NewStub()->SampleOnce(&context, once, &response)),
              StatusIs(Code::kUnavailable, "the server drains"));
}

TEST(Drain, IsOverWhenTheLastSessionIsClosed) {
  TestServer server;
  TestStream stream(server);
  TestStream idle(server);
  idle.Call({});
  OpenSession(1, &stream);
  server.server().BeginDrain();
  while (server.Metric("logitd_streams_active") > 1) {
    EXPECT_FALSE(server.server().Drained());
    usleep(10'000);
  }
  EXPECT_THAT(StatusOf(idle.Finish()),
              StatusIs(Code::kUnavailable, "server: drained"));
  v1::SampleRequest request;
  request.add_close()->set_session_id(1);
  stream.Call(request);
  for (int i = 0; i < 500 && !server.server().Drained(); ++i) usleep(10'000);
  EXPECT_TRUE(server.server().Drained());
  EXPECT_THAT(StatusOf(stream.Finish()),
              StatusIs(Code::kUnavailable, "server: drained"));
}

TEST(Drain, EndsStreamsWithUnavailableWhenItsTimeIsOver) {
  TestServer server(
      [](Config* config) { config->drain_timeout = absl::Milliseconds(200); });
  TestStream stream(server);
  OpenSession(1, &stream);
  server.server().BeginDrain();
  while (!server.server().Drained()) usleep(10'000);
  std::thread stopper([&] { server.server().Stop(); });
  EXPECT_THAT(StatusOf(stream.Finish()),
              StatusIs(Code::kUnavailable, "open the sessions again"));
  stopper.join();
}

TEST(Drain, AnswersTheStepThatRunsWhenItStops) {
  TestServer server;
  TestStream stream(server);
  OpenSession(1, &stream);
  v1::SampleRequest request;
  AddEntry(1, 0, RowAt(0), &request);
  ASSERT_TRUE(stream.Write(request));
  std::thread stopper([&] { server.server().Stop(); });
  v1::SampleResponse reply;
  if (stream.Read(&reply)) {  // else it had not arrived
    EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  }
  EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

}  // namespace
}  // namespace logitd
