#include "tests/e2e/processes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

extern char** environ;

namespace logitd::testing {
namespace {

constexpr std::chrono::seconds kPatience(60);
constexpr std::chrono::milliseconds kPause(5);
// What a shell says of a program that it could not start.
constexpr int kNotStarted = 127;

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string FileText(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Between fork and exec: system calls only.
[[noreturn]] void Become(char** argv, char** variables, int errors) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(argv[0], argv, variables);
  constexpr char kWhy[] = "the program could not be started\n";
  static_cast<void>(!write(STDERR_FILENO, kWhy, sizeof(kWhy) - 1));
  _exit(kNotStarted);
}

std::vector<std::string> LogitdCommand(const TempFolder& folder,
                                       const std::string& threads,
                                       const std::string& kernels,
                                       const std::vector<std::string>& flags,
                                       std::vector<std::string> command) {
  const std::string own[] = {
      BinaryPath("logitd"), "--listen",    "unix:" + folder.File("logitd.sock"),
      "--admin_http",       "127.0.0.1:0", "--admin_http_port_file",
      folder.File("port"),  "--threads",   threads,
      "--kernels",          kernels};
  command.insert(command.end(), std::begin(own), std::end(own));
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

}  // namespace

bool WaitUntil(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

std::string BinaryPath(const std::string& name) {
  return LOGITD_BUILD_DIR "/bin/" + name;
}

Process::Process(std::vector<std::string> argv, std::string errors_file,
                 const std::vector<std::string>& environment)
    : errors_file_(std::move(errors_file)) {
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  const std::vector<char*> arguments = Pointers(&argv);
  const std::vector<char*> settings = Pointers(&variables);
  const int errors = open(errors_file_.c_str(),
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  pid_ = fork();
  if (pid_ == 0) {
    Become(const_cast<char**>(arguments.data()),
           const_cast<char**>(settings.data()), errors);
  }
  close(errors);
  EXPECT_GT(pid_, 0);
}

Process::~Process() { KillAtOnce(); }

void Process::Signal(int number) const {
  if (pid_ > 0 && !exit_) kill(pid_, number);
}

void Process::KillAtOnce() {
  Signal(SIGKILL);
  static_cast<void>(Wait());
}

bool Process::Running() { return !Reap(); }

bool Process::Reap() {
  if (exit_ || pid_ <= 0) return true;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

std::optional<int> Process::Wait() {
  WaitUntil([this] { return Reap(); });
  return exit_;
}

double Process::CpuSeconds() const {
  const std::string text = FileText(absl::StrCat("/proc/", pid_, "/stat"));
  // After the name, which may hold anything: the fields from the third on.
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(text.rfind(')') + 2), ' ');
  constexpr size_t kUser = 11;
  double user = 0, system = 0;
  EXPECT_TRUE(absl::SimpleAtod(fields[kUser], &user));
  EXPECT_TRUE(absl::SimpleAtod(fields[kUser + 1], &system));
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double Process::ResidentBytes() const {
  const std::string text = FileText(absl::StrCat("/proc/", pid_, "/statm"));
  const std::vector<std::string> fields = absl::StrSplit(text, ' ');
  double pages = 0;
  EXPECT_TRUE(fields.size() > 1 && absl::SimpleAtod(fields[1], &pages));
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::string Process::Errors() const { return FileText(errors_file_); }

Logitd::Logitd(const TempFolder& folder, const std::string& threads,
               const std::string& kernels,
               const std::vector<std::string>& flags,
               std::vector<std::string> launcher)
    : target_("unix:" + folder.File("logitd.sock")),
      admin_target_("unix:" + folder.File("logitd-admin.sock")),
      port_file_(folder.File("port")),
      process_(
          (unlink(port_file_.c_str()),
           LogitdCommand(folder, threads, kernels, flags, std::move(launcher))),
          folder.File("errors")) {}

bool Logitd::Serves() {
  const bool serves = WaitUntil([this] {
    if (!process_.Running()) return true;
    if (access(port_file_.c_str(), F_OK) != 0) return false;
    const auto client = client::Client::Connect(target_);
    if (!client.ok()) return false;
    const auto health = client->CheckHealth();
    return health.ok() && *health == "SERVING";
  });
  return serves && process_.Running();
}

client::Client Logitd::Connect() const {
  return *client::Client::Connect(target_);
}

int Logitd::admin_port() const {
  int port = 0;
  return absl::SimpleAtoi(FileText(port_file_), &port) ? port : 0;
}

std::string Logitd::MetricsText() const {
  return HttpGet(admin_port(), "/metrics");
}

double Logitd::Metric(const std::string& series) const {
  const std::string text = MetricsText();
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, series + " ") &&
        absl::SimpleAtod(line, &value)) {
      return value;
    }
  }
  return -1;
}

std::string HttpAnswer(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: test\r\n\r\n");
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char piece[4096];
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;) {
      answer.append(piece, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

std::string HttpGet(int port, const std::string& path) {
  const std::string answer = HttpAnswer(port, path);
  const size_t head = answer.find("\r\n\r\n");
  return head == std::string::npos ? "" : answer.substr(head + 4);
}

}  // namespace logitd::testing
