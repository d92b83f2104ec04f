#include "tests/e2e/paced_session.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/support/rows.h"

namespace logitd::testing {

PacedSession::PacedSession(const client::Client& client)
    : stream_(client.Sample()) {
  tests::Dice dice(5);
  for (float& logit : row_) logit = dice.Normal();
}

bool PacedSession::Step() {
  const auto width = static_cast<uint32_t>(row_.size());
  v1::SampleRequest request;
  if (position_ == 0) *request.add_open() = client::MakeOpen(1, width, {}, 3);
  EXPECT_TRUE(client::SetRows(row_, width, request.mutable_step()).ok());
  client::AddEntry(1, position_, 0, request.mutable_step());
  v1::SampleResponse reply;
  if (!stream_->Step(request, &reply).ok() || reply.step().status_size() != 1 ||
      reply.step().status(0) != v1::ENTRY_STATUS_OK) {
    return false;
  }
  ++position_;
  return true;
}

PacedResult PacedSession::Run(std::chrono::nanoseconds every,
                              const std::function<bool()>& goes_on) {
  using Clock = std::chrono::steady_clock;
  PacedResult result;
  Clock::time_point due = Clock::now();
  do {
    std::this_thread::sleep_until(due);
    if (Step()) {
      const std::chrono::duration<double, std::milli> took = Clock::now() - due;
      result.times_ms.push_back(took.count());
    } else {
      ++result.failed;
    }
    due = every.count() > 0 ? due + every : Clock::now();
  } while (goes_on());
  return result;
}

PacedResult StepTogether(
    const std::vector<std::unique_ptr<PacedSession>>& sessions,
    std::chrono::nanoseconds every, const std::function<void()>& meanwhile) {
  std::atomic<bool> over = false;
  std::vector<PacedResult> results(sessions.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < sessions.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = sessions[i]->Run(every, [&over] { return !over; });
    });
  }
  meanwhile();
  over = true;
  for (std::thread& thread : threads) thread.join();
  PacedResult all;
  for (const PacedResult& one : results) {
    all.failed += one.failed;
    all.times_ms.insert(all.times_ms.end(), one.times_ms.begin(),
                        one.times_ms.end());
  }
  return all;
}

}  // namespace logitd::testing
