#include "tests/e2e/crew.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/e2e/processes.h"

namespace logitd::testing {
namespace {

// As many requests are unanswered at once: what the server allows.
constexpr size_t kGroups = 4;
constexpr auto kPause = std::chrono::milliseconds(5);

template <class Reply>
absl::StatusCode CodeOf(const Reply& reply) {
  return client::ToStatus(reply.error()).code();
}

// What a server that stops may say of what it has not begun.
bool IsOfAStop(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable ||
         code == absl::StatusCode::kCancelled;
}

}  // namespace

void Books::Add(const Books& other) {
  sent += other.sent;
  answered += other.answered;
  unanswered += other.unanswered;
  streams += other.streams;
  cut += other.cut;
  late += other.late;
  resumes += other.resumes;
  refused += other.refused;
  refused_opens += other.refused_opens;
  failed_entries += other.failed_entries;
  if (wrong.empty()) wrong = other.wrong;
}

// ---- Worker

Worker::Worker(Habits habits, std::vector<Generation> generations)
    : habits_(std::move(habits)),
      generations_(std::move(generations)),
      is_open_(generations_.size()) {}

void Worker::Run(const std::atomic<bool>* stop) {
  for (size_t turn = 0; !*stop && books_.wrong.empty(); ++turn) {
    const auto client =
        client::Client::Connect(habits_.targets[turn % habits_.targets.size()]);
    const size_t before = tokens_;
    if (client.ok()) Serve(*client, stop);
    if (tokens_ == before) std::this_thread::sleep_for(kPause);
  }
}

void Worker::Serve(const client::Client& client,
                   const std::atomic<bool>* stop) {
  stream_ = client.Sample();
  ++books_.streams;
  unanswered_.clear();
  is_open_.assign(generations_.size(), false);
  replies_ = 0;
  leaves_ = false;
  for (size_t group = 0; group < kGroups; ++group) StepGroup(group);
  while (!unanswered_.empty()) {
    Asked asked;
    if (!Receive(&asked)) return;
    leaves_ = leaves_ || *stop || replies_ >= habits_.stay;
    if (!leaves_) StepGroup(asked.group);
  }
  Leave();
}

void Worker::StepGroup(size_t group) {
  v1::SampleRequest request;
  Asked asked;
  asked.group = group;
  for (size_t i = group; i < generations_.size(); i += kGroups) {
    if (!is_open_[i]) {
      *request.add_open() = OpenHere(i, generations_[i]);
      asked.opens.push_back(i);
    }
    AddNext(i, generations_[i], request.mutable_step());
    asked.entries.push_back(i);
  }
  Send(std::move(request), std::move(asked));
}

// A stream that is over tells so when it is read.
void Worker::Send(v1::SampleRequest request, Asked asked) {
  request.set_request_id(++last_request_);
  unanswered_[last_request_] = std::move(asked);
  ++books_.sent;
  static_cast<void>(stream_->Send(request));
}

bool Worker::Receive(Asked* asked) {
  v1::SampleResponse reply;
  const absl::StatusOr<bool> received = stream_->Receive(&reply);
  if (!received.ok() || !*received) {
    TakeEnd(received.status());
    return false;
  }
  const auto found = unanswered_.find(reply.request_id());
  if (found == unanswered_.end()) {
    Wrong("a reply to nothing that is unanswered", reply.ShortDebugString());
    return false;
  }
  *asked = std::move(found->second);
  unanswered_.erase(found);
  ++books_.answered;
  ++replies_;
  if (reply.draining() && habits_.leaves_a_drain) leaves_ = true;
  TakeReply(reply, *asked);
  return books_.wrong.empty();
}

void Worker::TakeEnd(const absl::Status& end) {
  books_.unanswered += unanswered_.size();
  unanswered_.clear();
  if (std::count(is_open_.begin(), is_open_.end(), true) > 0) ++books_.cut;
  if (absl::IsUnavailable(end)) return;
  // gRPC itself drops a call that comes while it shuts down.
  if (!absl::IsCancelled(end) || replies_ > 0) {
    return Wrong("a stream's end", end.ToString());
  }
  ++books_.late;
}

// Complete in itself: an element for each that was asked, and nothing half.
void Worker::TakeReply(const v1::SampleResponse& reply, const Asked& asked) {
  // Nothing of it was done: it is sent again.
  if (absl::IsResourceExhausted(client::ToStatus(reply.error()))) {
    ++books_.refused;
    return std::this_thread::sleep_for(kPause);
  }
  if (reply.has_error() ||
      reply.opened_size() != static_cast<int>(asked.opens.size()) ||
      reply.closed_size() != static_cast<int>(asked.closes.size()) ||
      reply.has_step() != !asked.entries.empty()) {
    return Wrong("not what was asked", reply.ShortDebugString());
  }
  for (size_t k = 0; k < asked.opens.size(); ++k) {
    TakeOpened(reply.opened(static_cast<int>(k)), asked.opens[k]);
  }
  if (reply.has_step()) TakeStep(reply.step(), asked);
  for (size_t k = 0; k < asked.closes.size(); ++k) {
    const v1::SessionClosed& closed = reply.closed(static_cast<int>(k));
    const size_t i = asked.closes[k];
    is_open_[i] = false;
    if (IsOfAStop(CodeOf(closed))) continue;  // it goes with its stream
    const bool is_same =
        closed.fingerprint() == generations_[i].fingerprint &&
        closed.generated_count() == generations_[i].tokens.size();
    if (CodeOf(closed) != absl::StatusCode::kOk || !is_same) {
      return Wrong("the server counts other tokens", closed.ShortDebugString());
    }
  }
}

void Worker::TakeOpened(const v1::SessionOpened& opened, size_t i) {
  Generation& one = generations_[i];
  if (IsOfAStop(CodeOf(opened))) {
    ++books_.refused_opens;
    leaves_ = true;
    return;
  }
  if (CodeOf(opened) != absl::StatusCode::kOk || opened.session_id() != i ||
      opened.position() != one.position()) {
    return Wrong("not opened where it is", opened.ShortDebugString());
  }
  one.fingerprint = opened.fingerprint();
  is_open_[i] = true;
  if (!one.tokens.empty()) ++books_.resumes;
}

void Worker::TakeStep(const v1::StepResult& result, const Asked& asked) {
  const auto count = static_cast<int>(asked.entries.size());
  if (result.status_size() != count || result.token_size() != count ||
      result.kept_size() != count || result.finish_reason_size() != count) {
    return Wrong("half a step", result.ShortDebugString());
  }
  for (int entry = 0; entry < count; ++entry) {
    const size_t i = asked.entries[static_cast<size_t>(entry)];
    if (result.status(entry) != v1::ENTRY_STATUS_OK) {
      TakeFailed(result, entry, i);
      continue;
    }
    const bool is_whole =
        is_open_[i] && result.token(entry) < kGenerationVocab &&
        result.kept(entry) > 0 && result.final_logprob_size() == count &&
        std::isfinite(result.final_logprob(entry)) &&
        (result.error_index_size() == 0 ||
         result.error_index(entry) == client::kNone);
    if (!is_whole) return Wrong("half an entry", result.ShortDebugString());
    generations_[i].Take(result, entry);
    ++tokens_;
  }
}

void Worker::TakeFailed(const v1::StepResult& result, int entry, size_t i) {
  if (is_open_[i]) ++books_.failed_entries;
  const auto read = client::ReadEntry(result, entry);
  const bool is_failure =
      read.ok() && !read->token && read->status == v1::ENTRY_STATUS_ERROR;
  // There is no session where the open was refused.
  const bool is_expected =
      is_failure && (is_open_[i] ? IsOfAStop(read->error.code())
                                 : absl::IsNotFound(read->error));
  if (!is_expected)
    Wrong("a failure that has no reason", result.ShortDebugString());
}

void Worker::Leave() {
  v1::SampleRequest request;
  Asked asked;
  for (size_t i = 0; i < generations_.size(); ++i) {
    if (!is_open_[i]) continue;
    request.add_close()->set_session_id(i);
    asked.closes.push_back(i);
  }
  if (!asked.closes.empty()) {
    Send(std::move(request), asked);
    if (!Receive(&asked)) return;
  }
  const absl::Status end = stream_->Finish();
  if (!end.ok()) TakeEnd(end);
}

void Worker::Wrong(const std::string& what, const std::string& told) {
  if (books_.wrong.empty()) books_.wrong = absl::StrCat(what, ": ", told);
  is_wrong_ = true;
}

// ---- Crew

Crew::Crew(size_t worker_count, size_t generations_each, uint64_t first_seed,
           const Habits& habits) {
  for (size_t i = 0; i < worker_count; ++i) {
    Habits own = habits;
    std::rotate(own.targets.begin(),
                own.targets.begin() +
                    static_cast<std::ptrdiff_t>(i % own.targets.size()),
                own.targets.end());
    workers_.push_back(std::make_unique<Worker>(
        own,
        MakeGenerations(generations_each, first_seed + i * generations_each)));
  }
  for (const auto& worker : workers_) {
    threads_.emplace_back(
        [this, worker = worker.get()] { worker->Run(&stop_); });
  }
}

Crew::~Crew() { Stop(); }

bool Crew::Advances(size_t tokens) const {
  std::vector<size_t> before;
  for (const auto& worker : workers_) before.push_back(worker->tokens());
  bool is_wrong = false;
  const bool advanced = WaitUntil([&] {
    bool all = true;
    for (size_t i = 0; i < workers_.size(); ++i) {
      is_wrong = is_wrong || workers_[i]->is_wrong();
      all = all && workers_[i]->tokens() >= before[i] + tokens;
    }
    return all || is_wrong;
  });
  return advanced && !is_wrong;
}

size_t Crew::tokens() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->tokens();
  return sum;
}

std::string Crew::Wrong() const {
  for (const auto& worker : workers_) {
    // Its thread has left the books alone since.
    if (worker->is_wrong()) return worker->books().wrong;
  }
  return "";
}

void Crew::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Books Crew::books() const {
  Books sum;
  for (const auto& worker : workers_) sum.Add(worker->books());
  return sum;
}

std::vector<Generation> Crew::generations() const {
  std::vector<Generation> all;
  for (const auto& worker : workers_) {
    all.insert(all.end(), worker->generations().begin(),
               worker->generations().end());
  }
  return all;
}

}  // namespace logitd::testing
