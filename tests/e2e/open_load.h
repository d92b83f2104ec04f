// Open load: model workers that send steps when it is time to, not when the
// last one is answered, as far as the contract lets them: one step at a time on
// each stream, and none before the server said to come back.
// Threads: for one thread. Each worker's state has a lock of its own.
#ifndef LOGITD_TESTS_E2E_OPEN_LOAD_H_
#define LOGITD_TESTS_E2E_OPEN_LOAD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace logitd::testing {

// What a phase of load came to.
struct LoadResult {
  double seconds = 0;
  uint64_t offered = 0;   // steps that were to be sent
  uint64_t withheld = 0;  // of these: the stream waited for a reply, or was
                          // told to come back later
  uint64_t admitted = 0;  // answered with tokens
  uint64_t refused = 0;   // answered RESOURCE_EXHAUSTED with a RetryInfo
  uint64_t wrong = 0;     // any other answer, or other tokens than they must be
  std::vector<double> admitted_ms;  // from send to answer
  std::vector<double> refused_ms;

  LoadResult& operator+=(const LoadResult& other);
  double Goodput() const { return static_cast<double>(admitted) / seconds; }
};

// The value below which the p-th part of them lies, 0 if there are none.
double Quantile(std::vector<double> values, double p);

class LoadWorker;

// Streams to a server, each with kSessions sessions that step on one row.
class OpenLoad {
 public:
  static constexpr uint32_t kSessions = 64;
  static constexpr uint32_t kVocab = 4096;

  OpenLoad(const std::string& target, int streams);
  ~OpenLoad();  // ends the streams
  OpenLoad(const OpenLoad&) = delete;
  OpenLoad& operator=(const OpenLoad&) = delete;

  // Every one of `streams` sends as soon as the last step is answered.
  LoadResult Closed(int streams, absl::Duration duration);
  // Steps come by chance, so many a second, each to a stream by chance.
  LoadResult Open(double per_second, absl::Duration duration);

  // All that was sent so far.
  const LoadResult& total() const { return total_; }

 private:
  LoadResult Collect(std::chrono::steady_clock::time_point begin);

  std::vector<std::unique_ptr<LoadWorker>> workers_;
  uint64_t seed_ = 1;
  LoadResult total_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_OPEN_LOAD_H_
