#include "tests/e2e/open_load.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "grpcpp/grpcpp.h"
#include "grpcpp/support/client_callback.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "service/client/channel.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::testing {

using Clock = std::chrono::steady_clock;

namespace {

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

// A row on which top_p keeps many, so that its tokens cost more than its bytes.
std::vector<float> WideRow() {
  std::vector<float> row(OpenLoad::kVocab);
  for (uint32_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(i * 7919 % 1021) / 512;
  }
  return row;
}

v1::SampleRequest FirstStep() {
  v1::SampleRequest request;
  v1::SamplingParams params;
  params.set_top_p(.95);
  params.set_repetition_penalty(1.1);
  for (uint32_t id = 0; id < OpenLoad::kSessions; ++id) {
    *request.add_open() =
        client::MakeOpen(id, OpenLoad::kVocab, params, id + 1);
    client::AddEntry(id, 0, 0, request.mutable_step());
  }
  (void)client::SetRows(WideRow(), OpenLoad::kVocab, request.mutable_step());
  return request;
}

}  // namespace

LoadResult& LoadResult::operator+=(const LoadResult& other) {
  seconds += other.seconds;
  offered += other.offered;
  withheld += other.withheld;
  admitted += other.admitted;
  refused += other.refused;
  wrong += other.wrong;
  admitted_ms.insert(admitted_ms.end(), other.admitted_ms.begin(),
                     other.admitted_ms.end());
  refused_ms.insert(refused_ms.end(), other.refused_ms.begin(),
                    other.refused_ms.end());
  return *this;
}

double Quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto last = static_cast<double>(values.size() - 1);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(p * last);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

// One stream. All of them draw the same tokens: same seeds, same rows.
class LoadWorker
    : public grpc::ClientBidiReactor<v1::SampleRequest, v1::SampleResponse> {
 public:
  // Tokens by position, of the first stream that got there.
  struct Expected {
    std::mutex mu;
    std::vector<std::vector<uint32_t>> tokens;
  };

  LoadWorker(std::unique_ptr<v1::SamplingService::Stub> stub,
             std::shared_ptr<Expected> expected)
      : stub_(std::move(stub)),
        expected_(std::move(expected)),
        request_(FirstStep()) {
    stub_->async()->Sample(&context_, this);
    StartRead(&reply_);
    StartCall();
  }

  // A step is to be sent.
  void Arrive() {
    const std::lock_guard lock(mu_);
    ++result_.offered;
    if (pending_ > 0 || over_ || Clock::now() < held_until_) {
      ++result_.withheld;
      return;
    }
    SendLocked();
  }

  // From now on, until told otherwise, a step follows the last.
  void SetClosed(bool closed) {
    {
      const std::lock_guard lock(mu_);
      closed_ = closed;
    }
    if (closed) Arrive();
  }

  // Waits for what is unanswered, and begins anew.
  LoadResult Take() {
    std::unique_lock lock(mu_);
    idle_.wait(lock, [this] { return pending_ == 0 || over_; });
    held_until_ = {};
    return std::exchange(result_, {});
  }

  void End() {
    {
      const std::lock_guard lock(mu_);
      closed_ = false;
    }
    context_.TryCancel();
    std::unique_lock lock(mu_);
    idle_.wait(lock, [this] { return done_; });
  }

 private:
  void SendLocked() {
    pending_ = 2;
    sent_ = Clock::now();
    StartWrite(&request_);
  }

  void OnReadDone(bool ok) override {
    const std::lock_guard lock(mu_);
    if (!ok) {
      over_ = true;
      result_.wrong += pending_ > 0 ? 1 : 0;
      idle_.notify_all();
      return;
    }
    TakeReplyLocked();
    StartRead(&reply_);
    DoneLocked();
  }

  // May come after the reply.
  void OnWriteDone(bool) override {
    const std::lock_guard lock(mu_);
    DoneLocked();
  }

  // With one of the two.
  void DoneLocked() {
    if (--pending_ > 0) return;
    if (closed_ && Clock::now() >= held_until_) {
      ++result_.offered;
      SendLocked();
    } else {
      idle_.notify_all();
    }
  }

  void OnDone(const grpc::Status&) override {
    const std::lock_guard lock(mu_);
    over_ = done_ = true;
    idle_.notify_all();
  }

  void TakeReplyLocked() {
    request_.clear_open();  // done even if the step was refused
    const auto retry = client::RetryDelay(reply_.error());
    if (reply_.error().code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
        retry) {
      ++result_.refused;
      result_.refused_ms.push_back(MillisecondsSince(sent_));
      held_until_ = Clock::now() + absl::ToChronoNanoseconds(*retry);
      return;
    }
    if (!IsRight(reply_.step())) {
      ++result_.wrong;
      return;
    }
    ++result_.admitted;
    result_.admitted_ms.push_back(MillisecondsSince(sent_));
    ++position_;
    v1::Step* step = request_.mutable_step();
    for (int i = 0; i < step->position_size(); ++i) {
      step->set_position(i, position_);
    }
  }

  bool IsRight(const v1::StepResult& result) const {
    if (result.token_size() != static_cast<int>(OpenLoad::kSessions)) {
      return false;
    }
    std::vector<uint32_t> tokens(result.token().begin(), result.token().end());
    const std::lock_guard lock(expected_->mu);
    if (expected_->tokens.size() == position_) {
      expected_->tokens.push_back(tokens);
    }
    return expected_->tokens.at(position_) == tokens;
  }

  const std::unique_ptr<v1::SamplingService::Stub> stub_;
  const std::shared_ptr<Expected> expected_;
  grpc::ClientContext context_;
  v1::SampleResponse reply_;

  std::mutex mu_;  // guards what follows
  std::condition_variable idle_;
  v1::SampleRequest request_;
  uint32_t position_ = 0;
  int pending_ = 0;  // of a step: its write and its reply
  bool closed_ = false;
  bool over_ = false;
  bool done_ = false;
  Clock::time_point sent_{};
  Clock::time_point held_until_{};
  LoadResult result_;
};

OpenLoad::OpenLoad(const std::string& target, int streams) {
  const auto expected = std::make_shared<LoadWorker::Expected>();
  constexpr int kStreamsOfOne = 10;  // connection
  std::shared_ptr<grpc::Channel> channel;
  for (int i = 0; i < streams; ++i) {
    if (i % kStreamsOfOne == 0) {
      channel = client::ConnectChannel(target, {}).value();
    }
    workers_.push_back(std::make_unique<LoadWorker>(
        v1::SamplingService::NewStub(channel), expected));
  }
}

OpenLoad::~OpenLoad() {
  for (const auto& worker : workers_) worker->End();
}

LoadResult OpenLoad::Closed(int streams, absl::Duration duration) {
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < streams; ++i) {
    workers_[static_cast<size_t>(i)]->SetClosed(true);
  }
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(duration));
  for (int i = 0; i < streams; ++i) {
    workers_[static_cast<size_t>(i)]->SetClosed(false);
  }
  return Collect(begin);
}

LoadResult OpenLoad::Open(double per_second, absl::Duration duration) {
  std::mt19937_64 random(seed_++);
  std::exponential_distribution<double> gap(per_second);
  std::uniform_int_distribution<size_t> stream(0, workers_.size() - 1);
  const Clock::time_point begin = Clock::now();
  const double end = absl::ToDoubleSeconds(duration);
  double next = gap(random);
  while (next < end) {
    const double now = MillisecondsSince(begin) / 1000;
    for (; next < std::min(now, end); next += gap(random)) {
      workers_[stream(random)]->Arrive();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return Collect(begin);
}

LoadResult OpenLoad::Collect(Clock::time_point begin) {
  LoadResult all;
  for (const auto& worker : workers_) all += worker->Take();
  all.seconds = MillisecondsSince(begin) / 1000;
  total_ += all;
  return all;
}

}  // namespace logitd::testing
