#include "service/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/status.h"

namespace logitd {
namespace {

// A stream that takes long itself may wait for longer: so many times its own
// time.
constexpr double kOwnTimes = 4;
// What is left of the work that a rate knows when more comes.
constexpr double kKept = 0.75;
// How far a client that is refused goes to the rate of all: so a wrong one
// cannot keep it out.
constexpr double kTowards = 0.125;
// Those who are refused come back with so much room between them, in times of
// what they take: two of three requests are then let in.
constexpr double kTurnSpacing = 2;
// What a client that is refused is told at least and at most.
constexpr absl::Duration kRetryMin = absl::Milliseconds(1);
constexpr absl::Duration kRetryMax = absl::Seconds(1);
// A row takes some time, however short it is: as much as so many of its bytes.
constexpr double kBytesOfARow = 64 << 10;
// So little is let in whatever there is: it closes sessions, say.
constexpr uint64_t kSmallBytes = 64 << 10;

std::string Rounded(absl::Duration duration) {
  return absl::FormatDuration(absl::Ceil(duration, absl::Microseconds(100)));
}

absl::Status Refusal(const std::string& why, absl::Duration retry) {
  absl::Status status = absl::ResourceExhaustedError(
      absl::StrCat(why, "; come back in ", Rounded(retry)));
  SetRetryDelay(retry, &status);
  return status;
}

void Add(const Load& more, Load* load) {
  load->seconds += more.seconds;
  load->rows += more.rows;
  load->bytes += more.bytes;
  ++load->requests;
}

void Subtract(const Load& less, Load* load) {
  load->seconds -= less.seconds;
  load->rows -= less.rows;
  load->bytes -= less.bytes;
  if (--load->requests == 0) *load = {};  // and what rounding left
}

// What of a load comes before the last of so many rows, when both take turns.
double BeforeRows(const Load& load, double rows) {
  return load.rows <= rows ? load.seconds : load.seconds * rows / load.rows;
}

template <class Holder>
void Erase(Holder* holder, std::vector<Holder*>* all) {
  all->erase(std::find(all->begin(), all->end(), holder));
}

}  // namespace

void WorkRate::Learn(double more_seconds, double more_units) {
  seconds = kKept * seconds + more_seconds;
  units = kKept * units + more_units;
}

void WorkRate::MoveTowards(const WorkRate& other) {
  seconds += kTowards * (other.value() * units - seconds);
}

// ---- tickets ----------------------------------------------------------------

Ticket& Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  Return();
  account_ = std::move(other.account_);
  admission_ = other.admission_;
  load_ = other.load_;
  units_ = other.units_;
  return *this;
}

void Ticket::Learn(double seconds, double part) {
  if (account_ != nullptr && part > 0) admission_->Learn(*this, seconds, part);
}

void Ticket::Return() {
  if (account_ == nullptr) return;
  admission_->Return(this);
  account_.reset();
}

void Admission::Learn(const Ticket& ticket, double seconds, double part) {
  const std::lock_guard lock(mu_);
  ticket.account_->client_->rate_.Learn(seconds, part * ticket.units_);
  rate_.Learn(seconds, part * ticket.units_);
}

void Admission::Return(Ticket* ticket) {
  Account* account = ticket->account_.get();
  Client* client = account->client_.get();
  const std::lock_guard lock(mu_);
  Subtract(ticket->load_, &load_);
  Subtract(ticket->load_, &account->load_);
  Subtract(ticket->load_, &client->load_);
  if (account->load_.requests == 0) Erase(account, &busy_accounts_);
  if (client->load_.requests == 0) Erase(client, &busy_clients_);
}

// ---- letting in -------------------------------------------------------------

std::shared_ptr<Account> Admission::NewAccount(const std::string& name) {
  const std::lock_guard lock(mu_);
  if (name.empty()) {
    return std::make_shared<Account>(std::make_shared<Client>(rate_));
  }
  for (auto it = clients_.begin(); it != clients_.end();) {
    it = it->second.expired() ? clients_.erase(it) : std::next(it);
  }
  std::weak_ptr<Client>& known = clients_[name];
  std::shared_ptr<Client> client = known.lock();
  if (client == nullptr) known = client = std::make_shared<Client>(rate_);
  return std::make_shared<Account>(std::move(client));
}

Admission::Wait Admission::WaitLocked(const Account& account,
                                      const Load& load) const {
  const Client& client = *account.client_;
  const double rows = account.load_.rows + load.rows;
  double together = rows;
  double others = 0;
  for (const Account* other : busy_accounts_) {
    if (other == &account || other->client_.get() != &client) continue;
    others += BeforeRows(other->load_, rows);
    together += std::min(other->load_.rows, rows);
  }
  for (const Client* other : busy_clients_) {
    if (other != &client) others += BeforeRows(other->load_, together);
  }
  // Requests of a stream run one after the other: each on as many threads as it
  // has rows.
  const Load& before = account.load_;
  const double rows_of_each =
      before.requests == 0 ? 1
                           : before.rows / static_cast<double>(before.requests);
  const double threads =
      std::clamp(rows_of_each, 1.0, std::max(thread_count_, 1.0));
  return {before.seconds / threads, others / thread_count_,
          load.seconds / std::clamp(load.rows, 1.0, thread_count_)};
}

// A place in the line of those who are to come back. Who has one keeps it: to
// ask again is no way to push the others back.
absl::Duration Admission::PromiseLocked(double excess_seconds,
                                        double itself_seconds,
                                        Account* account) {
  const auto now = std::chrono::steady_clock::now();
  const auto after = [](double seconds) {
    return absl::ToChronoNanoseconds(
        std::clamp(absl::Seconds(seconds), absl::ZeroDuration(), kRetryMax));
  };
  if (account->turn_ <= now) {
    account->turn_ = std::max(now + after(excess_seconds), turns_end_);
    turns_end_ = std::min(account->turn_ + after(kTurnSpacing * itself_seconds),
                          now + absl::ToChronoNanoseconds(kRetryMax));
  }
  return std::clamp(absl::FromChrono(account->turn_ - now), kRetryMin,
                    kRetryMax);
}

// A client may take what is free but for as much as it has: alone a half, two a
// third each. Its first request needs room only.
absl::Status Admission::CheckBytesLocked(uint64_t bytes, Account* account) {
  const uint64_t most = limits_.max_unanswered_bytes;
  const uint64_t left = most - std::min(most, load_.bytes);
  const uint64_t own = account->client_->load_.bytes;
  if (bytes <= kSmallBytes ||
      (bytes <= left && (own == 0 || own <= left - bytes))) {
    return absl::OkStatus();
  }
  metrics_.AddShed(ShedReason::kBytes);
  const double all = load_.seconds / thread_count_;
  const double each =
      all / static_cast<double>(std::max<size_t>(load_.requests, 1));
  return Refusal(absl::StrCat("request: its ", bytes, " bytes, beside the ",
                              own, " of its client and the ", load_.bytes,
                              " of all unanswered requests, are more than "
                              "--max_unanswered_bytes ",
                              most, " leaves to one client"),
                 PromiseLocked(each, each, account));
}

absl::Status Admission::CheckWaitLocked(const Request& request,
                                        const Wait& wait, Account* account) {
  const absl::Duration others = absl::Seconds(wait.others);
  const absl::Duration all = absl::Seconds(
      wait.before + wait.others + (request.to_the_end ? wait.itself : 0));
  if (all > request.patience) {
    metrics_.AddShed(ShedReason::kDeadline);
    return Refusal(
        absl::StrCat(
            request.patience_field, ": would take about ", Rounded(all),
            request.to_the_end ? "" : " to its turn", ", longer than it may (",
            Rounded(std::max(request.patience, absl::ZeroDuration())), ")"),
        PromiseLocked(absl::ToDoubleSeconds(all - request.patience),
                      wait.itself, account));
  }
  // What a stream sends ahead is its own affair, and --max_inflight's.
  const absl::Duration most =
      std::max(limits_.max_queue_delay,
               absl::Seconds(kOwnTimes * (wait.before + wait.itself)));
  if (limits_.max_queue_delay == absl::ZeroDuration() || others <= most) {
    return absl::OkStatus();
  }
  metrics_.AddShed(ShedReason::kQueueDelay);
  return Refusal(
      absl::StrCat("request: would wait about ", Rounded(others),
                   " for others, longer than --max_queue_delay allows (",
                   Rounded(most), ")"),
      PromiseLocked(absl::ToDoubleSeconds(others - most), wait.itself,
                    account));
}

void Admission::LetInLocked(const Load& load, double units,
                            const std::shared_ptr<Account>& account,
                            Ticket* ticket) {
  Client* client = account->client_.get();
  if (account->load_.requests == 0) busy_accounts_.push_back(account.get());
  if (client->load_.requests == 0) busy_clients_.push_back(client);
  Add(load, &account->load_);
  Add(load, &client->load_);
  Add(load, &load_);
  ticket->account_ = account;
  ticket->admission_ = this;
  ticket->load_ = load;
  ticket->units_ = units;
}

absl::Status Admission::Admit(const Request& request,
                              const std::shared_ptr<Account>& account,
                              bool rows_may_go, Ticket* ticket) {
  double units = request.rows * (request.row_bytes + kBytesOfARow);
  const std::lock_guard lock(mu_);
  LOGITD_RETURN_IF_ERROR(CheckBytesLocked(request.bytes, account.get()));
  Client* client = account->client_.get();
  Load load = {units * client->rate_.value(), request.rows, request.bytes};
  absl::Status status;
  if (request.rows > 0) {
    status =
        CheckWaitLocked(request, WaitLocked(*account, load), account.get());
  }
  if (!status.ok()) {
    client->rate_.MoveTowards(rate_);
    if (!rows_may_go) return status;
    load.seconds = load.rows = units = 0;
  }
  LetInLocked(load, units, account, ticket);
  return status;
}

uint64_t Admission::bytes() const {
  const std::lock_guard lock(mu_);
  return load_.bytes;
}

double Admission::queue_seconds() const {
  const std::lock_guard lock(mu_);
  return load_.seconds / thread_count_;
}

}  // namespace logitd
