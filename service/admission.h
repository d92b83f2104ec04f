// Admission: which requests are let in, judged before anything is allocated.
//
// Two bounds. The bytes of all unanswered requests together stay within
// --max_unanswered_bytes, and one client's within what it leaves free to the
// others. And nobody waits for others longer than --max_queue_delay, or in all
// longer than its own deadline: each stream has an account of the work that was
// let in and is not done. Clients take turns, a row at a time, and so do the
// streams of one (workers.h): a request that brings its stream to x rows waits
// until each other stream of its client has had x rows, or all of its own; and
// if that makes y together, each other client y. What would wait longer is
// refused at once and told when to come back, one after the other, so that
// those who heed it come as fast as they can be served. Work is judged by the
// bytes that it comes with, at the rate of the client's last rows. Knows no
// messages. Thread-safe; O(streams with work) under one lock.
#ifndef LOGITD_SERVICE_ADMISSION_H_
#define LOGITD_SERVICE_ADMISSION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "service/limits.h"
#include "service/metrics.h"
#include "service/workers.h"

namespace logitd {

class Admission;

// Seconds for each unit of work: of the last work, by how much it was.
struct WorkRate {
  double seconds = 2.5e-10;  // a float32 a nanosecond, to begin with
  double units = 1;

  double value() const { return seconds / units; }
  void Learn(double more_seconds, double more_units);
  // A part of the way to another's rate.
  void MoveTowards(const WorkRate& other);
};

// What was let in and is not done.
struct Load {
  double seconds = 0;  // of one thread
  double rows = 0;
  uint64_t bytes = 0;
  size_t requests = 0;
};

// One client: its line at the workers, and the load of all its streams.
class Client {
 public:
  explicit Client(const WorkRate& rate)
      : line_(Workers::NewLine()), rate_(rate) {}

 private:
  friend class Account;
  friend class Admission;
  const std::shared_ptr<Line> line_;
  // Guarded by Admission::mu_.
  WorkRate rate_;
  Load load_;
};

// Of one stream, or call.
class Account {
 public:
  explicit Account(std::shared_ptr<Client> client)
      : client_(std::move(client)) {}
  const std::shared_ptr<Line>& line() const { return client_->line_; }

 private:
  friend class Admission;
  const std::shared_ptr<Client> client_;
  // Guarded by Admission::mu_.
  Load load_;
  std::chrono::steady_clock::time_point turn_{};  // that was promised
};

// What a request was let in with. Gives it back when it goes; then the
// admission must still be there. Not thread-safe.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept { *this = std::move(other); }
  Ticket& operator=(Ticket&& other) noexcept;
  ~Ticket() { Return(); }

  bool holds() const { return account_ != nullptr; }
  // Its rows ran, or this part of them, for so long on one thread. Before it is
  // given back.
  void Learn(double seconds, double part);
  void Return();

 private:
  friend class Admission;
  std::shared_ptr<Account> account_;  // nullptr: nothing was let in
  Admission* admission_ = nullptr;
  Load load_;
  double units_ = 0;
};

class Admission {
 public:
  Admission(const Limits& limits, size_t thread_count, Metrics* metrics)
      : limits_(limits),
        thread_count_(static_cast<double>(thread_count)),
        metrics_(*metrics) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // A new one, of the client of this name; "": of a client of its own.
  std::shared_ptr<Account> NewAccount(const std::string& client);

  struct Request {
    uint64_t bytes = 0;
    double rows = 0;       // that will be sampled; 0: may wait for ever
    double row_bytes = 0;  // that each of them looks at
    // How long it may wait, and the field that says so.
    absl::Duration patience = absl::InfiniteDuration();
    const char* patience_field = "";
    bool to_the_end = false;  // of its rows, not until the first
  };

  // OK: *ticket, which was empty, holds what it was let in with. Else
  // RESOURCE_EXHAUSTED with a RetryInfo (status.h), counted. With `rows_may_go`
  // a request is let in without its rows rather than not at all: *ticket holds
  // the rest, and the status is why.
  absl::Status Admit(const Request& request,
                     const std::shared_ptr<Account>& account, bool rows_may_go,
                     Ticket* ticket);

  // For the metrics.
  uint64_t bytes() const;
  double queue_seconds() const;

 private:
  friend class Ticket;
  // In seconds.
  struct Wait {
    double before = 0;  // for earlier requests of its stream
    double others = 0;  // and for other streams
    double itself = 0;  // what it takes
  };

  Wait WaitLocked(const Account& account, const Load& load) const;
  absl::Duration PromiseLocked(double excess_seconds, double itself_seconds,
                               Account* account);
  absl::Status CheckBytesLocked(uint64_t bytes, Account* account);
  absl::Status CheckWaitLocked(const Request& request, const Wait& wait,
                               Account* account);
  void LetInLocked(const Load& load, double units,
                   const std::shared_ptr<Account>& account, Ticket* ticket);
  void Return(Ticket* ticket);
  void Learn(const Ticket& ticket, double seconds, double part);

  const Limits& limits_;
  const double thread_count_;
  Metrics& metrics_;

  mutable std::mutex mu_;  // guards what follows
  std::map<std::string, std::weak_ptr<Client>> clients_;
  std::vector<Account*> busy_accounts_;  // those with requests
  std::vector<Client*> busy_clients_;
  Load load_;
  WorkRate rate_;
  std::chrono::steady_clock::time_point turns_end_{};  // that were promised
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ADMISSION_H_
