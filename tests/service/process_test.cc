// The executable: exit codes, signals, one clear line on stderr.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

extern char** environ;

namespace logitd {
namespace {

using testing::TempFolder;
using Clock = std::chrono::steady_clock;

const char kProgram[] = LOGITD_BUILD_DIR "/bin/logitd";

// The program with its arguments; stderr goes to a file.
class Process {
 public:
  Process(const TempFolder& folder, std::vector<std::string> arguments)
      : errors_(folder.File("stderr." + std::to_string(++count_))) {
    arguments.insert(arguments.begin(), "logitd");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, errors_.c_str(),
                                     O_WRONLY | O_CREAT, 0600);
    posix_spawn(&pid_, kProgram, &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  void Signal(int number) const { kill(pid_, number); }
  // The exit code, or -1 if it is not over in 20 seconds or was killed.
  int Wait() {
    for (int i = 0; i < 4000; ++i) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      }
      usleep(5000);
    }
    return -1;
  }
  std::string Errors() const {
    std::ifstream in(errors_);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  static int count_;
  std::string errors_;
  pid_t pid_ = -1;
};

int Process::count_ = 0;

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access(kProgram, X_OK) != 0) GTEST_SKIP() << kProgram << " not built";
  }
  std::vector<std::string> Serve() const {
    return {"--listen", "unix:" + Socket(), "--admin_http", "off"};
  }
  std::string Socket() const { return folder_.File("logitd.sock"); }
  std::shared_ptr<grpc::Channel> Connect() const {
    auto channel = grpc::CreateChannel("unix:" + Socket(),
                                       grpc::InsecureChannelCredentials());
    EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                          std::chrono::seconds(20)));
    return channel;
  }
  void WaitForSocket() const {
    for (int i = 0; i < 4000 && access(Socket().c_str(), F_OK) != 0; ++i) {
      usleep(5000);
    }
  }

  TempFolder folder_;
};

TEST_F(ProcessTest, ExitsWithTwoAndOneLineWhenItCannotStart) {
  Process first(folder_, Serve());
  WaitForSocket();
  Connect();
  for (std::vector<std::string> arguments :
       {Serve(), std::vector<std::string>{"--max_rows", "x"},
        std::vector<std::string>{"--listen", "unix:/no/such/folder/s"}}) {
    Process process(folder_, arguments);
    EXPECT_EQ(process.Wait(), 2);
    const std::string errors = process.Errors();
    EXPECT_EQ(errors.rfind("logitd: ", 0), 0u) << errors;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
  }
}

TEST_F(ProcessTest, PrintsHelpVersionAndConfigAndExitsWithZero) {
  for (const char* flag : {"--help", "--version", "--print_config"}) {
    EXPECT_EQ(Process(folder_, {flag}).Wait(), 0) << flag;
  }
}

TEST_F(ProcessTest, DrainsOnSigtermAndRemovesItsSocket) {
  Process process(folder_, Serve());
  WaitForSocket();
  const auto stub = v1::SamplingService::NewStub(Connect());
  grpc::ClientContext context;
  const auto stream = stub->Sample(&context);
  v1::SampleRequest request;
  testing::AddOpen(1, testing::kVocab, &request);
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Write(request) && stream->Read(&reply));
  process.Signal(SIGTERM);
  usleep(100'000);
  // It still serves the session that is open.
  v1::SampleRequest step;
  testing::AddEntry(1, 0, testing::RowAt(0), &step);
  step.add_close()->set_session_id(9);
  ASSERT_TRUE(stream->Write(step) && stream->Read(&reply));
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_TRUE(reply.draining());
  v1::SampleRequest close;
  close.add_close()->set_session_id(1);
  ASSERT_TRUE(stream->Write(close) && stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_NE(access(Socket().c_str(), F_OK), 0);
}

TEST_F(ProcessTest, EndsAtOnceOnASecondSigterm) {
  Process process(folder_, Serve());
  WaitForSocket();
  const auto stub = v1::SamplingService::NewStub(Connect());
  grpc::ClientContext context;
  const auto stream = stub->Sample(&context);
  v1::SampleRequest request;
  testing::AddOpen(1, testing::kVocab, &request);
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Write(request) && stream->Read(&reply));
  process.Signal(SIGTERM);
  usleep(200'000);
  const auto begin = Clock::now();
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
  stream->Finish();
}

}  // namespace
}  // namespace logitd
