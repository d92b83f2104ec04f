// logitd as a process: how it starts, refuses to start, drains, and what
// happens to the others when a client is gone.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"

namespace logitd {
namespace {

using testing::BinaryPath;
using testing::Exchange;
using ::testing::HasSubstr;
using testing::Logitd;
using testing::Process;
using testing::TempFolder;
using testing::Texts;
using testing::WaitUntil;
using testing::Words;

v1::OpenSession OpenReal(uint64_t id, const testing::Ids& prompt) {
  v1::SamplingParams params;
  params.set_temperature(.9);
  params.set_top_p(.95);
  v1::OpenSession open =
      client::MakeOpen(id, testing::RealVocabSize(), params, 1000 + id);
  open.set_prompt_length(static_cast<uint32_t>(prompt.size()));
  return open;
}

// ---- start

class Start : public ::testing::Test {
 protected:
  std::string Listen() const { return "unix:" + folder_.File("logitd.sock"); }
  std::string Errors() { return folder_.File("refused"); }
  std::vector<std::string> Command(const std::string& listen) const {
    return {BinaryPath("logitd"), "--listen", listen, "--admin_http", "off"};
  }
  // Exit code 2, and one line on stderr that says `why`.
  void ExpectRefusal(const std::vector<std::string>& command,
                     const std::string& why) {
    Process process(command, Errors());
    EXPECT_EQ(process.Wait(), 2);
    const std::string errors = process.Errors();
    EXPECT_EQ(errors.rfind("logitd: ", 0), 0u) << errors;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_THAT(errors, HasSubstr(why));
  }

  // Makes the command one that somebody without rights runs, on a copy of the
  // program that he can reach.
  void BecomeNobody(std::vector<std::string>* command) const {
    const std::string copy = folder_.File("logitd");
    std::ifstream in(command->front(), std::ios::binary);
    std::ofstream(copy, std::ios::binary) << in.rdbuf();
    EXPECT_EQ(chmod(copy.c_str(), 0755), 0);
    command->front() = copy;
    const std::vector<std::string> nobody = {"setpriv", "--reuid=65534",
                                             "--regid=65534", "--clear-groups"};
    command->insert(command->begin(), nobody.begin(), nobody.end());
  }

  const TempFolder folder_;
};

TEST_F(Start, RefusesASocketThatAnotherServerAnswersAt) {
  Logitd first(folder_, "1");
  ASSERT_TRUE(first.Serves()) << first.process().Errors();
  ExpectRefusal(Command(Listen()), "another server answers at");
  EXPECT_TRUE(first.Connect().GetServerInfo().ok());
}

TEST_F(Start, RefusesAMissingDirectory) {
  ExpectRefusal(Command("unix:" + folder_.File("missing/logitd.sock")),
                folder_.File("missing") + " does not exist");
}

TEST_F(Start, RefusesADirectoryThatItMayNotWriteTo) {
  const std::string locked = folder_.File("locked");
  ASSERT_EQ(mkdir(locked.c_str(), 0555), 0);
  // A folder of mkdtemp is closed to others.
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  std::vector<std::string> command = Command("unix:" + locked + "/logitd.sock");
  if (geteuid() == 0) {
    // Root may write everywhere.
    BecomeNobody(&command);
    std::vector<std::string> version(command.begin(), command.begin() + 5);
    version.emplace_back("--version");
    if (Process(version, Errors()).Wait() != 0) {
      GTEST_SKIP() << "user 65534 cannot run a program in " << folder_.path();
    }
  }
  ExpectRefusal(command, "Permission denied");
}

TEST_F(Start, RefusesAFileThatIsNoSocket) {
  std::ofstream(folder_.File("logitd.sock")) << "precious";
  ExpectRefusal(Command(Listen()), "is no socket");
}

TEST_F(Start, RefusesAnAdminPortThatIsTaken) {
  Logitd first(folder_, "1");
  ASSERT_TRUE(first.Serves()) << first.process().Errors();
  std::string port;
  std::ifstream(folder_.File("port")) >> port;
  std::vector<std::string> command =
      Command("unix:" + folder_.File("other.sock"));
  command.back() = "127.0.0.1:" + port;
  ExpectRefusal(command, "admin_http");
}

TEST_F(Start, RefusesAValueThatAFlagDoesNotKnow) {
  std::vector<std::string> command = Command(Listen());
  command.insert(command.end(), {"--kernels", "ABACUS"});
  ExpectRefusal(command, "ABACUS");
  command.back() = "auto";
  command.insert(command.end(), {"--threads", "several"});
  ExpectRefusal(command, "several");
  command = Command(Listen());
  command.insert(command.end(), {"--max_rows", "x"});
  ExpectRefusal(command, "max_rows");
}

TEST_F(Start, RefusesAFlagThatItDoesNotKnow) {
  std::vector<std::string> command = Command(Listen());
  command.emplace_back("--no_such_flag");
  ExpectRefusal(command, "no_such_flag");
}

TEST_F(Start, PrintsHelpVersionAndConfigAndExitsWithZero) {
  for (const char* flag : {"--help", "--version", "--print_config"}) {
    Process process({BinaryPath("logitd"), flag}, Errors());
    EXPECT_EQ(process.Wait(), 0) << flag;
    EXPECT_EQ(process.Errors(), "") << flag;
  }
}

TEST_F(Start, TakesOverTheSocketOfAServerThatWasKilled) {
  {
    Logitd killed(folder_, "1");
    ASSERT_TRUE(killed.Serves()) << killed.process().Errors();
  }
  ASSERT_EQ(access(folder_.File("logitd.sock").c_str(), F_OK), 0);
  Logitd next(folder_, "1");
  EXPECT_TRUE(next.Serves()) << next.process().Errors();
}

// ---- drain

class Drain : public ::testing::Test {
 protected:
  // A server that drains, with session 1 open.
  void SetUp() override {
    ASSERT_TRUE(server_.Serves()) << server_.process().Errors();
    stream_ = server_.Connect().Sample();
    texts_ = std::make_unique<Texts>(stream_.get());
    texts_->Add(1, prompt_);
    v1::SampleRequest request;
    *request.add_open() = OpenReal(1, prompt_);
    ASSERT_EQ(texts_->Step(request)[0].status(0), v1::ENTRY_STATUS_OK);
    server_.process().Signal(SIGTERM);
    const client::Client client = server_.Connect();
    ASSERT_TRUE(WaitUntil([&client] {
      const auto health = client.CheckHealth();
      return health.ok() && *health == "NOT_SERVING";
    }));
  }

  const TempFolder folder_;
  const testing::Ids prompt_ = Words("the members of the committee");
  Logitd server_{folder_, "1"};
  std::unique_ptr<client::Stream> stream_;
  std::unique_ptr<Texts> texts_;
};

TEST_F(Drain, LetsALiveSessionStepAndRefusesNewOnes) {
  v1::SampleRequest request;
  *request.add_open() = OpenReal(2, prompt_);
  request.set_request_id(77);
  v1::SampleResponse reply;
  ASSERT_TRUE(stream_->Step(request, &reply).ok());
  EXPECT_TRUE(reply.draining());
  EXPECT_EQ(client::ToStatus(reply.opened(0).error()).code(),
            absl::StatusCode::kUnavailable)
      << reply.ShortDebugString();
  const auto entries = texts_->Step();
  EXPECT_EQ(entries[0].status(0), v1::ENTRY_STATUS_OK);
  EXPECT_TRUE(server_.process().Running());
}

TEST_F(Drain, RefusesNewSessionsOnANewConnectionToo) {
  const auto stream = server_.Connect().Sample();
  v1::SampleRequest request;
  *request.add_open() = OpenReal(1, prompt_);
  v1::SampleResponse reply;
  const absl::Status status = stream->Step(request, &reply);
  const absl::Status open = status.ok() && reply.opened_size() == 1
                                ? client::ToStatus(reply.opened(0).error())
                                : status;
  EXPECT_EQ(open.code(), absl::StatusCode::kUnavailable) << open.ToString();
}

TEST_F(Drain, EndsWithZeroOnceTheLastSessionIsClosed) {
  EXPECT_EQ(texts_->Step()[0].status(0), v1::ENTRY_STATUS_OK);
  EXPECT_TRUE(server_.process().Running());
  v1::SampleRequest request;
  request.add_close()->set_session_id(1);
  EXPECT_EQ(Exchange(stream_.get(), request).closed(0).generated_count(), 2u);
  v1::SampleResponse reply;
  EXPECT_EQ(stream_->Receive(&reply).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.process().Wait(), 0);
  EXPECT_NE(access(folder_.File("logitd.sock").c_str(), F_OK), 0);
}

TEST_F(Drain, EndsAtOnceOnASecondSignal) {
  server_.process().Signal(SIGTERM);
  EXPECT_EQ(server_.process().Wait(), 0);
  EXPECT_THAT(server_.process().Errors(), HasSubstr("second signal"));
  v1::SampleResponse reply;
  const auto received = stream_->Receive(&reply);
  EXPECT_EQ(received.status().code(), absl::StatusCode::kUnavailable)
      << received.status().ToString();
}

// ---- the log

// Libraries have a say in it, and quote what clients sent.
TEST(LogLines, AreJsonWhateverClientsSend) {
  const TempFolder folder;
  Logitd server(folder, "1");
  ASSERT_TRUE(server.Serves());
  const auto stream = server.Connect().Sample();
  v1::SampleRequest request;
  request.add_open()->set_profile("no text: \xff");
  ASSERT_TRUE(stream->Send(request).ok());
  v1::SampleResponse reply;
  EXPECT_EQ(stream->Receive(&reply).status().code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(testing::WaitUntil([&] {
    return absl::StrContains(server.process().Errors(), "\"protobuf\"");
  }));
  std::istringstream lines(server.process().Errors());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(absl::StartsWith(line, "{\"ts\":") && absl::EndsWith(line, "}"))
        << line;
  }
}

}  // namespace
}  // namespace logitd
