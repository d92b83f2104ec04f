// What the log tells of a call, and what it never tells.
#include "service/log_call.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using absl::StrContains;
using testing::AddEntry;
using testing::AddOpen;
using testing::kVocab;
using testing::RowAt;
using testing::TestServer;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

// The lines that a server writes while a stream with a trace is served, and
// one request of it is refused.
std::vector<std::string> LinesOfACall() {
  ::testing::internal::CaptureStderr();
  {
    TestServer server(
        [](Config* config) { config->log_level = LogLevel::kDebug; });
    auto stub = server.NewStub();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::minutes(1));
    context.AddMetadata("traceparent",
                        absl::StrCat("00-", kTrace, "-00f067aa0ba902b7-01"));
    const auto stream = stub->Sample(&context);
    v1::SampleRequest request;
    request.set_request_id(4711);
    v1::OpenSession* open = AddOpen(1, kVocab, &request);
    open->set_profile("a-name-of-the-clients");
    AddOpen(2, kVocab, &request);
    AddEntry(2, 0, RowAt(0), &request);
    v1::SampleResponse reply;
    EXPECT_TRUE(stream->Write(request) && stream->Read(&reply));
    request.Clear();
    request.set_request_id(4712);
    AddEntry(2, 1, RowAt(1), &request);
    request.mutable_step()->set_dtype(v1::DTYPE_UNSPECIFIED);
    EXPECT_TRUE(stream->Write(request) && stream->Read(&reply));
    EXPECT_TRUE(reply.has_error());
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  SetLogLevel(LogLevel::kInfo);
  return absl::StrSplit(::testing::internal::GetCapturedStderr(), '\n');
}

TEST(CallLog, CarriesTheCallersTraceAndNothingOfItsData) {
  // Other tests of this process may have used up what the sampler lets
  // through; only debug lines are written by this one alone.
  bool began = false;
  for (const std::string& line : LinesOfACall()) {
    if (StrContains(line, "\"msg\":\"call began\"")) {
      began = true;
      EXPECT_TRUE(absl::StartsWith(line, "{\"ts\":\"20")) << line;
      EXPECT_TRUE(StrContains(
          line,
          absl::StrCat("\"level\":\"debug\",\"msg\":\"call began\",\"method\":"
                       "\"Sample\",\"call\":\"")))
          << line;
    }
    if (StrContains(line, "\"method\":\"Sample\"")) {
      EXPECT_TRUE(StrContains(
          line, absl::StrCat("\"trace_id\":\"", kTrace,
                             "\",\"span_id\":\"00f067aa0ba902b7\"")))
          << line;
    }
    if (StrContains(line, "request refused")) {
      EXPECT_TRUE(StrContains(line, "\"request\":\"4712\"")) << line;
      EXPECT_TRUE(StrContains(line, "\"code\":\"INVALID_ARGUMENT\"")) << line;
    }
    EXPECT_FALSE(StrContains(line, "a-name-of-the-clients")) << line;
  }
  EXPECT_TRUE(began);
}

TEST(CallLog, NumbersCalls) {
  const CallLog one("Sample", {});
  const CallLog two("Sample", {});
  EXPECT_EQ(two.number(), one.number() + 1);
}

}  // namespace
}  // namespace logitd
