// A server inside the test's process, on a Unix socket in a folder of its own,
// and a client of one Sample stream that says what it means in few words.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_FIXTURE_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "service/config.h"
#include "service/server.h"

namespace logitd::testing {

// A folder that goes with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class TestServer {
 public:
  // `adjust` may change the configuration before the start.
  explicit TestServer(const std::function<void(Config*)>& adjust = {});

  Server& server() { return *server_; }
  const std::string& address() const { return address_; }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  std::unique_ptr<v1::SamplingService::Stub> NewStub() const;

  // GET of the admin port: the whole answer, head and body.
  std::string HttpGet(const std::string& path) const;
  // The value of one series of /metrics, such as
  // `logitd_rows_total{status="ok"}`; 0 if it is missing.
  double Metric(const std::string& series) const;
  // Waits until Metric(series) is `value`; false after a minute.
  bool WaitForMetric(const std::string& series, double value) const;

 private:
  TempFolder folder_;
  std::string address_;
  std::unique_ptr<Server> server_;
};

// One Sample stream. Every wait is bounded: a test fails, it does not hang.
class TestStream {
 public:
  explicit TestStream(const TestServer& server);
  explicit TestStream(std::unique_ptr<v1::SamplingService::Stub> stub);
  ~TestStream();  // cancels what is left

  bool Write(const v1::SampleRequest& request);
  bool Read(v1::SampleResponse* reply);
  // Writes one request and reads one reply; an empty reply if that fails.
  v1::SampleResponse Call(v1::SampleRequest request);
  void Cancel() { context_.TryCancel(); }
  void WritesDone() { stream_->WritesDone(); }
  // Reads what is left; the status of the stream.
  grpc::Status Finish();

 private:
  std::unique_ptr<v1::SamplingService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::SampleRequest, v1::SampleResponse>>
      stream_;
  bool finished_ = false;
};

// ---- requests
// -------------------------------------------------------------------

std::string IdBytes(const std::vector<uint32_t>& ids);
std::vector<uint32_t> IdsOf(const std::string& bytes);
std::string FloatBytes(const std::vector<float>& values);

v1::OpenSession* AddOpen(uint64_t id, uint32_t vocab_size,
                         v1::SampleRequest* request);

// Adds an entry with a row of its own to the request's step (FLOAT32).
void AddEntry(uint64_t id, uint32_t position, const std::vector<float>& row,
              v1::SampleRequest* request);

// Opens a session over kVocab tokens and seed 42; fails the test if it cannot.
void OpenSession(uint64_t id, TestStream* stream);
// One step of one session on RowAt(position).
v1::StepResult Step(uint64_t id, uint32_t position, TestStream* stream);

absl::Status StatusOf(const google::rpc::Status& status);
absl::Status StatusOf(const grpc::Status& status);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_FIXTURE_H_
