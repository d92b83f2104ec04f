// Model workers under load: each steps many generations over one stream, with
// several requests unanswered, keeps the books of what was sent and answered,
// and goes on elsewhere, from what it has, when a server ends.
// Threads: a Worker is its own thread's until it is joined, but for tokens()
// and is_wrong(); Crew belongs to the main thread.
#ifndef LOGITD_TESTS_E2E_CREW_H_
#define LOGITD_TESTS_E2E_CREW_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "service/client/client.h"
#include "tests/e2e/generation.h"

namespace logitd::testing {

// How a worker behaves.
struct Habits {
  // Where it goes, in turn.
  std::vector<std::string> targets;
  // Leaves when it reads `draining`; else it steps until it is turned out.
  bool leaves_a_drain = false;
  // Replies after which it leaves a stream of its own accord.
  size_t stay = std::numeric_limits<size_t>::max();
};

// What was sent, and what became of it.
struct Books {
  size_t sent = 0;
  size_t answered = 0;    // each once
  size_t unanswered = 0;  // of streams that did not end with OK
  size_t streams = 0;
  size_t cut = 0;   // of these, ended while a session was open
  size_t late = 0;  // of these, came when gRPC was down already
  size_t resumes = 0;
  size_t refused = 0;  // of those answered: for overload
  size_t refused_opens = 0;
  size_t failed_entries = 0;  // of sessions that were open
  std::string wrong;          // the first thing that must not be; "" if none

  void Add(const Books& other);
};

class Worker {
 public:
  Worker(Habits habits, std::vector<Generation> generations);

  // Generates until `stop`, then ends its stream.
  void Run(const std::atomic<bool>* stop);

  size_t tokens() const { return tokens_; }
  bool is_wrong() const { return is_wrong_; }
  const Books& books() const { return books_; }
  const std::vector<Generation>& generations() const { return generations_; }

 private:
  // A request that is not answered yet: indices of generations.
  struct Asked {
    size_t group = 0;
    std::vector<size_t> opens, entries, closes;
  };

  // One stream, from its first request to its end.
  void Serve(const client::Client& client, const std::atomic<bool>* stop);
  void StepGroup(size_t group);
  void Send(v1::SampleRequest request, Asked asked);
  // Reads a reply; false at the end of the stream.
  bool Receive(Asked* asked);
  void TakeEnd(const absl::Status& end);
  void TakeReply(const v1::SampleResponse& reply, const Asked& asked);
  void TakeOpened(const v1::SessionOpened& opened, size_t i);
  void TakeStep(const v1::StepResult& result, const Asked& asked);
  void TakeFailed(const v1::StepResult& result, int entry, size_t i);
  // Closes what is open and ends the stream.
  void Leave();
  void Wrong(const std::string& what, const std::string& told);

  const Habits habits_;
  std::vector<Generation> generations_;
  Books books_;
  std::atomic<size_t> tokens_ = 0;
  std::atomic<bool> is_wrong_ = false;
  uint64_t last_request_ = 0;
  // Of the stream.
  std::unique_ptr<client::Stream> stream_;
  std::map<uint64_t, Asked> unanswered_;
  std::vector<bool> is_open_;
  size_t replies_ = 0;
  bool leaves_ = false;
};

// Workers with a thread each.
class Crew {
 public:
  // Worker i begins at the target of that number.
  Crew(size_t worker_count, size_t generations_each, uint64_t first_seed,
       const Habits& habits);
  ~Crew();

  // Waits until each worker has made so many tokens more; false if it does not
  // or something is wrong.
  bool Advances(size_t tokens) const;
  size_t tokens() const;
  // Why somebody does not go on, if it is known; "" else.
  std::string Wrong() const;
  // Stops the work; then come the books.
  void Stop();
  Books books() const;
  std::vector<Generation> generations() const;

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_ = false;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_CREW_H_
