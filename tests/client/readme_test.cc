// The C++ example of the top README, compiled, run and compared with its text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "service/client/client.h"
#include "service/client/messages.h"
#include "tests/client/fake_server.h"

namespace logitd {
namespace {

std::string Read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(std::string(LOGITD_SOURCE_DIR "/") + file).rdbuf();
  return text.str();
}

// The code between two marks, or from a mark to the first blank line, without
// the breaks and blanks that a formatter makes.
std::string Code(const std::string& text, const std::string& first,
                 const std::string& last) {
  const std::size_t begin = text.find(first);
  const std::size_t end = text.find(last, begin);
  std::string code;
  for (const absl::string_view line :
       absl::StrSplit(text.substr(begin, end - begin), '\n')) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits("  // ", 1));
    code += parts.first;
  }
  return absl::StrReplaceAll(code, {{" ", ""}});
}

TEST(Readme, ItsExampleWorks) {
  client::FakeSampling service;
  service.on_sample = client::AnswerGreedily;
  const client::InProcessServer server({&service});
  const std::string address = server.target();
  const std::uint32_t vocab_size = 3;
  const std::vector<float> logits = {1, 3, 2};
  v1::SamplingParams params;
  params.set_temperature(0);

  // README: begin
  auto client = logitd::client::Client::Connect(address);
  auto stream = client->Sample();
  logitd::v1::SampleRequest request;  // one request is one engine iteration
  logitd::v1::SampleResponse reply;
  *request.add_open() = logitd::client::MakeOpen(1, vocab_size, params, 42);
  absl::Status rows =
      logitd::client::SetRows(logits, vocab_size, request.mutable_step());
  logitd::client::AddEntry(1, 0, 0, request.mutable_step());
  absl::Status status = stream->Step(request, &reply);
  auto token = logitd::client::ReadEntry(reply.step(), 0)->token;

  EXPECT_TRUE(rows.ok());
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(token, 1);
}

TEST(Readme, ItsExampleIsTheOneThatWorks) {
  const std::string begin = "auto client = logitd::client::Client::Connect";
  const std::string readme = absl::StrReplaceAll(
      Read("README.md"), {{"\"unix:/run/logitd/logitd.sock\"", "address"}});
  const std::string example = Code(readme, begin, "\n\n");
  EXPECT_THAT(example, ::testing::HasSubstr("ReadEntry"));
  const std::string test = Read("tests/client/readme_test.cc");
  EXPECT_EQ(example,
            Code(test.substr(test.find("// README: begin")), begin, "\n\n"));
}

}  // namespace
}  // namespace logitd
