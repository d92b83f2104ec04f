#include "tests/support/service_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/support/service_session.h"

namespace logitd::testing {
namespace {

constexpr std::chrono::seconds kPatience(60);

}  // namespace

TempFolder::TempFolder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "logitd-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestServer::TestServer(const std::function<void(Config*)>& adjust) {
  Config config;
  config.listen = {"unix:" + folder_.File("logitd.sock")};
  config.admin_http = "127.0.0.1:0";
  config.threads = 2;
  if (adjust) adjust(&config);
  auto server = Server::Start(config);
  if (!server.ok()) {
    ADD_FAILURE() << server.status().ToString();
    std::abort();
  }
  server_ = *std::move(server);
  address_ = server_->addresses()[0];
}

std::shared_ptr<grpc::Channel> TestServer::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::unique_ptr<v1::SamplingService::Stub> TestServer::NewStub() const {
  return v1::SamplingService::NewStub(NewChannel());
}

std::string TestServer::HttpGet(const std::string& path) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server_->admin_port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
      0) {
    const std::string request =
        absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: test\r\n\r\n");
    (void)!write(fd, request.data(), request.size());
    char piece[4096];
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;) {
      answer.append(piece, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

double TestServer::Metric(const std::string& series) const {
  for (absl::string_view line : absl::StrSplit(server_->MetricsText(), '\n')) {
    if (!absl::ConsumePrefix(&line, series + " ")) continue;
    double value = 0;
    if (absl::SimpleAtod(line, &value)) return value;
  }
  return 0;
}

bool TestServer::WaitForMetric(const std::string& series, double value) const {
  for (int i = 0; i < 6000; ++i) {
    if (Metric(series) == value) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TestStream::TestStream(const TestServer& server)
    : TestStream(server.NewStub()) {}

TestStream::TestStream(std::unique_ptr<v1::SamplingService::Stub> stub)
    : stub_(std::move(stub)) {
  context_.set_deadline(std::chrono::system_clock::now() + kPatience);
  stream_ = stub_->Sample(&context_);
}

TestStream::~TestStream() {
  if (finished_) return;
  Cancel();
  Finish();
}

bool TestStream::Write(const v1::SampleRequest& request) {
  return stream_->Write(request);
}

bool TestStream::Read(v1::SampleResponse* reply) {
  return stream_->Read(reply);
}

v1::SampleResponse TestStream::Call(v1::SampleRequest request) {
  v1::SampleResponse reply;
  if (!Write(request) || !Read(&reply)) {
    ADD_FAILURE() << "the stream ended: " << Finish().error_message();
  }
  return reply;
}

grpc::Status TestStream::Finish() {
  v1::SampleResponse left;
  while (!finished_ && stream_->Read(&left)) {
  }
  if (finished_) return grpc::Status(grpc::StatusCode::UNKNOWN, "finished");
  finished_ = true;
  return stream_->Finish();
}

std::string IdBytes(const std::vector<uint32_t>& ids) {
  return std::string(reinterpret_cast<const char*>(ids.data()), 4 * ids.size());
}

std::vector<uint32_t> IdsOf(const std::string& bytes) {
  std::vector<uint32_t> ids(bytes.size() / 4);
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data(), 4 * ids.size());
  return ids;
}

std::string FloatBytes(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()),
                     4 * values.size());
}

v1::OpenSession* AddOpen(uint64_t id, uint32_t vocab_size,
                         v1::SampleRequest* request) {
  v1::OpenSession* open = request->add_open();
  open->set_session_id(id);
  open->set_vocab_size(vocab_size);
  open->set_seed(42);
  return open;
}

void AddEntry(uint64_t id, uint32_t position, const std::vector<float>& row,
              v1::SampleRequest* request) {
  v1::Step* step = request->mutable_step();
  step->set_dtype(v1::DTYPE_FLOAT32);
  step->set_row_width(static_cast<uint32_t>(row.size()));
  step->set_row_count(step->row_count() + 1);
  step->mutable_logits()->mutable_inline_()->append(FloatBytes(row));
  step->add_session_id(id);
  step->add_position(position);
}

void OpenSession(uint64_t id, TestStream* stream) {
  v1::SampleRequest request;
  AddOpen(id, kVocab, &request);
  const v1::SampleResponse reply = stream->Call(request);
  ASSERT_EQ(reply.opened_size(), 1);
  ASSERT_FALSE(reply.opened(0).has_error())
      << reply.opened(0).error().message();
}

v1::StepResult Step(uint64_t id, uint32_t position, TestStream* stream) {
  v1::SampleRequest request;
  AddEntry(id, position, RowAt(position), &request);
  return stream->Call(request).step();
}

absl::Status StatusOf(const google::rpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code()),
                      status.message());
}

absl::Status StatusOf(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace logitd::testing
