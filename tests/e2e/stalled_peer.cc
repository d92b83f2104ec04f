#include "tests/e2e/stalled_peer.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "service/client/messages.h"
#include "tests/e2e/two_roads.h"
#include "tests/support/rows.h"

namespace logitd::testing {
namespace {

constexpr uint32_t kVocab = 512;
constexpr uint32_t kTop = 128;
constexpr uint64_t kFloodSessions = 256;
constexpr uint64_t kFewSessions = 4;
constexpr uint32_t kInFlight = 4;

// How the stream ended.
absl::Status StepToTheEnd(const std::string& target, const PeerTask& task) {
  const auto stream = StreamOfItsOwn(target);
  const uint32_t in_flight = task.floods ? kInFlight : 1;
  v1::SampleResponse reply;
  const v1::SampleRequest open = OpenMany(task.sessions(), task.floods);
  // A server that the other peers flood may refuse it as a whole.
  while (absl::IsResourceExhausted(stream->Step(open, &reply)) &&
         !stream->ended()) {
  }
  for (uint32_t sent = 1;; ++sent) {
    // The stream's end is read below.
    static_cast<void>(stream->Send(PeekAtMany(sent, task.sessions())));
    if (sent < in_flight) continue;
    const absl::StatusOr<bool> received = stream->Receive(&reply);
    if (!received.ok() || !*received) return received.status();
  }
}

}  // namespace

v1::SampleRequest OpenMany(uint64_t count, bool reports) {
  v1::SampleRequest request;
  for (uint64_t id = 0; id < count; ++id) {
    v1::OpenSession* const open = request.add_open();
    *open = client::MakeOpen(id, kVocab, {}, id);
    if (!reports) continue;
    open->mutable_report()->set_top_n_final(kTop);
    open->mutable_report()->set_top_n_raw(kTop);
  }
  return request;
}

v1::SampleRequest PeekAtMany(uint64_t request_id, uint64_t count) {
  v1::SampleRequest request;
  request.set_request_id(request_id);
  for (uint64_t id = 0; id < count; ++id) {
    client::AddEntry(id, 0, 0, request.mutable_step());
    request.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  }
  tests::Dice dice(request_id);
  std::vector<float> row(kVocab);
  for (float& logit : row) logit = dice.Normal();
  static_cast<void>(client::SetRows(row, kVocab, request.mutable_step()));
  return request;
}

uint64_t PeerTask::sessions() const {
  return floods ? kFloodSessions : kFewSessions;
}

std::string PeerTask::ToText() const {
  return absl::StrCat(connections, ",", floods ? 1 : 0, ",",
                      absl::StrJoin(targets, ","));
}

PeerTask PeerTask::FromText(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, ',');
  PeerTask task;
  task.connections = std::stoi(fields.at(0));
  task.floods = fields.at(1) == "1";
  task.targets.assign(fields.begin() + 2, fields.end());
  return task;
}

bool RunPeers(const PeerTask& task) {
  std::atomic<bool> all_failed = true;
  std::vector<std::thread> threads;
  for (const std::string& target : task.targets) {
    for (int i = 0; i < task.connections; ++i) {
      threads.emplace_back([&task, &all_failed, target] {
        const absl::Status end = StepToTheEnd(target, task);
        if (end.ok()) all_failed = false;
        std::fprintf(stderr, "%s: %s\n", target.c_str(),
                     end.ToString().c_str());
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  return all_failed;
}

}  // namespace logitd::testing
