// Many clients of one server: one that is killed in the middle of its steps
// disturbs nobody and leaves nothing behind, and the metrics tell what the
// clients counted.
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using testing::EntryOf;
using testing::Ids;
using testing::Logitd;
using testing::Process;
using testing::TempFolder;
using testing::WaitUntil;
using testing::Words;

constexpr char kFlood[] = "LOGITD_E2E_FLOOD";
constexpr uint32_t kFloodSessions = 256;
constexpr int kInFlight = 4;

// Step `number` of all sessions of the flood, on one row.
v1::SampleRequest FloodStep(uint32_t number, const std::vector<float>& row) {
  v1::SampleRequest request;
  request.set_request_id(number + 1);
  const auto width = static_cast<uint32_t>(row.size());
  for (uint64_t id = 0; id < kFloodSessions; ++id) {
    if (number == 0) {
      v1::SamplingParams params;
      params.set_top_p(.9);
      *request.add_open() = client::MakeOpen(id, width, params, id);
      *request.mutable_open(static_cast<int>(id))->mutable_report() =
          testing::FullReport();
    }
    client::AddEntry(id, number, 0, request.mutable_step());
  }
  EXPECT_TRUE(client::SetRows(row, width, request.mutable_step()).ok());
  return request;
}

// A client that always has several steps unanswered. Ends when it is killed.
void Flood(const std::string& target) {
  tests::Dice dice(3);
  std::vector<float> row(70'000);
  for (float& logit : row) logit = 2 * dice.Normal();
  const auto client = client::Client::Connect(target);
  ASSERT_TRUE(client.ok()) << client.status().ToString();
  const auto stream = client->Sample();
  v1::SampleResponse reply;
  for (uint32_t sent = 0;; ++sent) {
    ASSERT_TRUE(stream->Send(FloodStep(sent, row)).ok());
    if (sent >= kInFlight) {
      ASSERT_TRUE(stream->Receive(&reply).ok());
    }
  }
}

// Eight clients with a stream and a session each, stepped side by side.
class EightClients {
 public:
  explicit EightClients(const Logitd& server) {
    for (uint64_t i = 0; i < 8; ++i) {
      streams_.push_back(server.Connect().Sample());
      tokens_.push_back(Words(i % 2 == 0 ? "the end of" : "we said that"));
    }
  }

  // Sends a step on every stream, then reads all replies.
  void Step() {
    for (size_t i = 0; i < streams_.size(); ++i) {
      v1::SampleRequest request;
      if (step_ == 0) *request.add_open() = Opening(i);
      v1::Step* step = request.mutable_step();
      client::AddEntry(i, static_cast<uint32_t>(tokens_[i].size()),
                       testing::AddRealRow(tokens_[i], step), step);
      ASSERT_TRUE(streams_[i]->Send(request).ok());
    }
    for (size_t i = 0; i < streams_.size(); ++i) {
      v1::SampleResponse reply;
      ASSERT_TRUE(streams_[i]->Receive(&reply).ok());
      ASSERT_EQ(reply.step().status_size(), 1) << reply.ShortDebugString();
      ASSERT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
      tokens_[i].push_back(reply.step().token(0));
      told_.push_back(EntryOf(reply.step(), 0).SerializeAsString());
    }
    ++step_;
  }

  // All that was told so far.
  const std::vector<std::string>& told() const { return told_; }

 private:
  v1::OpenSession Opening(uint64_t i) const {
    v1::SamplingParams params;
    params.set_temperature(.8 + .1 * static_cast<double>(i));
    params.set_top_p(.95);
    params.set_frequency_penalty(.2);
    v1::OpenSession open =
        client::MakeOpen(i, testing::RealVocabSize(), params, 500 + i);
    open.set_prompt(client::PackIds(tokens_[i]));
    *open.mutable_report() = testing::FullReport();
    return open;
  }

  std::vector<std::unique_ptr<client::Stream>> streams_;
  std::vector<Ids> tokens_;
  std::vector<std::string> told_;
  int step_ = 0;
};

// Starts a flood, lets the clients step beside it, and kills it while its
// steps are unanswered.
void FloodAndKill(const TempFolder& folder, const Logitd& server,
                  EightClients* clients) {
  const std::string rows = "logitd_rows_total{status=\"ok\"}";
  const double before = server.Metric(rows);
  Process flood({"/proc/self/exe", "--gtest_filter=Clients.OneThatIsKilled*"},
                folder.File("flood"), {kFlood + ("=" + server.target())});
  ASSERT_TRUE(WaitUntil([&] {
    return !flood.Running() || server.Metric(rows) >= before + kFloodSessions;
  }));
  ASSERT_TRUE(flood.Running()) << flood.Errors();
  EXPECT_EQ(server.Metric("logitd_streams_active"), 9);
  EXPECT_EQ(server.Metric("logitd_sessions_active"), 8 + kFloodSessions);
  ASSERT_NO_FATAL_FAILURE(clients->Step());
  EXPECT_TRUE(flood.Running()) << flood.Errors();
  flood.KillAtOnce();
  ASSERT_NO_FATAL_FAILURE(clients->Step());
}

TEST(Clients, OneThatIsKilledInTheMiddleOfAStepLeavesTheOthersAsTheyWere) {
  // The part of the client that is killed, in a process of its own.
  if (const char* target = std::getenv(kFlood)) return Flood(target);
  const TempFolder folder;
  Logitd server(folder, "2");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  std::vector<std::string> alone;
  {
    EightClients clients(server);
    for (int i = 0; i < 10; ++i) ASSERT_NO_FATAL_FAILURE(clients.Step());
    alone = clients.told();
  }
  EXPECT_TRUE(
      WaitUntil([&] { return server.Metric("logitd_streams_active") == 0; }));
  EightClients clients(server);
  ASSERT_NO_FATAL_FAILURE(clients.Step());
  for (int kill = 0; kill < 3; ++kill) {
    ASSERT_NO_FATAL_FAILURE(FloodAndKill(folder, server, &clients));
    EXPECT_TRUE(WaitUntil([&] {
      return server.Metric("logitd_streams_active") == 8 &&
             server.Metric("logitd_sessions_active") == 8;
    })) << server.MetricsText();
    ASSERT_NO_FATAL_FAILURE(clients.Step());
  }
  EXPECT_EQ(clients.told(), alone);
}

// ---- metrics

// A stream that counts what goes over it.
class CountingStream {
 public:
  explicit CountingStream(const Logitd& server)
      : stream_(server.Connect().Sample()) {}

  v1::SampleResponse Call(const v1::SampleRequest& request) {
    v1::SampleResponse reply;
    EXPECT_TRUE(stream_->Step(request, &reply).ok());
    sent_ += static_cast<double>(request.ByteSizeLong());
    received_ += static_cast<double>(reply.ByteSizeLong());
    return reply;
  }
  double sent() const { return sent_; }
  double received() const { return received_; }

 private:
  std::unique_ptr<client::Stream> stream_;
  double sent_ = 0;
  double received_ = 0;
};

// Four entries on one row that holds a NaN if `spoilt`.
v1::SampleRequest StepOf(const std::vector<uint32_t>& positions,
                         bool spoilt = false) {
  constexpr uint32_t kWidth = 300;
  tests::Dice dice(positions[0]);
  std::vector<float> row(kWidth);
  for (float& logit : row) logit = dice.Normal();
  if (spoilt) row[7] = std::nanf("");
  v1::SampleRequest request;
  EXPECT_TRUE(client::SetRows(row, kWidth, request.mutable_step()).ok());
  for (size_t i = 0; i < positions.size(); ++i) {
    client::AddEntry(i, positions[i], 0, request.mutable_step());
  }
  return request;
}

// Steps of every outcome; 10 sampled, 1 given, 5 appended tokens.
void MakeTraffic(CountingStream* stream) {
  v1::SampleRequest first = StepOf({0, 0, 0, 0});
  for (uint64_t id = 0; id < 4; ++id) {
    *first.add_open() = client::MakeOpen(id, 300, {}, id);
  }
  first.mutable_open(3)->mutable_params()->set_max_tokens(1);
  stream->Call(first);                 // 4 ok, one of them finishes
  stream->Call(StepOf({1, 1, 1, 1}));  // 3 ok, 1 skipped
  stream->Call(StepOf({1, 1, 1}));     // 3 replayed
  stream->Call(StepOf({2, 9}, true));  // 2 errors: a NaN and a position
  v1::SampleRequest modes = StepOf({2, 2, 2});
  modes.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  modes.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
  modes.mutable_step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  for (int i = 0; i < 3; ++i) modes.mutable_step()->add_given_token(5);
  stream->Call(modes);  // 1 peeked, 2 ok
  v1::SampleRequest append = StepOf({2, 3});
  append.add_append()->set_session_id(2);
  append.mutable_append(0)->set_tokens(client::PackIds({1, 2, 3, 4, 5}));
  append.add_close()->set_session_id(3);
  stream->Call(append);  // 2 ok
}

TEST(Metrics, AddUpToWhatTheClientCounted) {
  const TempFolder folder;
  Logitd server(folder, "2");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  CountingStream stream(server);
  MakeTraffic(&stream);
  // A reply may be here before it is counted there.
  EXPECT_TRUE(WaitUntil([&] {
    return server.Metric("logitd_sent_bytes_total") >= stream.received();
  }));
  const std::pair<const char*, double> expected[] = {
      {"logitd_sent_bytes_total", stream.received()},
      {"logitd_received_bytes_total", stream.sent()},
      {"logitd_steps_total", 6},
      {"logitd_rows_total{status=\"ok\"}", 11},
      {"logitd_rows_total{status=\"skipped\"}", 1},
      {"logitd_rows_total{status=\"replayed\"}", 3},
      {"logitd_rows_total{status=\"error\"}", 2},
      {"logitd_rows_total{status=\"peeked\"}", 1},
      {"logitd_tokens_total{kind=\"sampled\"}", 10},
      {"logitd_tokens_total{kind=\"given\"}", 1},
      {"logitd_tokens_total{kind=\"appended\"}", 5},
      {"logitd_finished_total{reason=\"max_tokens\"}", 1},
      {"logitd_errors_total{code=\"INVALID_ARGUMENT\"}", 1},
      {"logitd_errors_total{code=\"FAILED_PRECONDITION\"}", 1},
      {"logitd_sessions_opened_total", 4},
      {"logitd_sessions_active", 3},
      {"logitd_streams_active", 1},
      {"logitd_kept_tokens_count", 12},
      {"logitd_row_duration_seconds_count", 12},
      {"logitd_stage_duration_seconds_count{transport=\"inline\",stage="
       "\"rows\"}",
       6},
  };
  for (const auto& [series, value] : expected) {
    EXPECT_EQ(server.Metric(series), value) << series;
  }
}

}  // namespace
}  // namespace logitd
