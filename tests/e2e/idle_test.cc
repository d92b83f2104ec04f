// Streams of clients that do nothing for a while: nobody is taken for dead.
//
// A synchronous gRPC client that waits for nothing looks at its connections
// every 5 s only, pings included. LOGITD_LONG=1 idles longer.
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"
#include "tests/support/effort.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using testing::Logitd;

bool StepOnce(uint32_t position, client::Stream* stream) {
  const std::vector<float> row = {1, 2, 3, 4};
  v1::SampleRequest request;
  if (position == 0) *request.add_open() = client::MakeOpen(1, 4, {}, 42);
  EXPECT_TRUE(client::SetRows(row, 4, request.mutable_step()).ok());
  client::AddEntry(1, position, 0, request.mutable_step());
  v1::SampleResponse reply;
  const absl::Status status = stream->Step(request, &reply);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return status.ok() && reply.step().status(0) == v1::ENTRY_STATUS_OK;
}

TEST(IdleClients, GoOnWithTheirStreams) {
  constexpr int kClients = 8;
  const int seconds = tests::IsLong() ? 90 : 22;
  const testing::TempFolder folder;
  Logitd server(folder, "2");
  ASSERT_TRUE(server.Serves());
  std::vector<client::Client> clients;
  std::vector<std::unique_ptr<client::Stream>> streams;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(server.Connect());
    streams.push_back(clients.back().Sample());
    ASSERT_TRUE(StepOnce(0, streams.back().get()));
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  for (const auto& stream : streams) EXPECT_TRUE(StepOnce(1, stream.get()));
}

}  // namespace
}  // namespace logitd
