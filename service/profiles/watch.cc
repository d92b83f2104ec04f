#include "service/profiles/watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace logitd {
namespace {

constexpr absl::Duration kTimeoutMax = absl::Hours(1);

absl::Status BadToken() {
  return absl::InvalidArgumentError("resume_token: is none of this service's");
}

}  // namespace

// Outlives its watcher in the hands of a thread that rings it just then.
struct Watcher::Bell {
  bool armed = false;  // guarded by WatchLog::mu_

  std::mutex mu;  // guards what follows, and is held while it runs
  std::function<void()> wake;
};

// ---- Watcher ----------------------------------------------------------------

Watcher::Watcher(WatchLog* log, std::optional<uint64_t> position,
                 std::shared_ptr<Bell> bell, bool reset)
    : log_(log), bell_(std::move(bell)) {
  if (position.has_value()) {
    position_ = *position;
  } else {
    list_due_ = true;
    reset_due_ = reset;
  }
}

Watcher::~Watcher() {
  log_->Leave(bell_.get());
  std::lock_guard<std::mutex> lock(bell_->mu);  // a wake that runs is awaited
  bell_->wake = nullptr;
}

std::optional<WatchItem> Watcher::Next(absl::Duration timeout) {
  const auto deadline =
      std::chrono::steady_clock::now() +
      absl::ToChronoMilliseconds(std::min(timeout, kTimeoutMax));
  while (true) {
    if (list_due_) BeginList();
    if (in_list_) return NextOfList();
    WatchItem item;
    switch (log_->Read(position_, deadline, bell_.get(), &item)) {
      case WatchLog::Found::kEvent:
        ++position_;
        return item;
      case WatchLog::Found::kNothing:
        return std::nullopt;
      case WatchLog::Found::kTooOld:
        list_due_ = true;
        reset_due_ = true;
    }
  }
}

void Watcher::BeginList() {
  WatchSnapshot snapshot = log_->snapshot_();
  list_ = std::move(snapshot.profiles);
  position_ = snapshot.sequence;
  next_in_list_ = 0;
  list_due_ = false;
  in_list_ = true;
}

WatchItem Watcher::NextOfList() {
  if (reset_due_) {
    reset_due_ = false;
    return {v1::WATCH_EVENT_RESET, nullptr, ""};
  }
  if (next_in_list_ < list_.size()) {
    // Moved out: what was sent is not kept alive by a slow watcher.
    ProfilePtr profile = std::move(list_[next_in_list_++]);
    return {v1::WATCH_EVENT_PRESENT, std::move(profile), ""};
  }
  list_.clear();
  list_.shrink_to_fit();
  in_list_ = false;
  return {v1::WATCH_EVENT_SYNCED, nullptr, log_->Token(position_)};
}

// ---- WatchLog ---------------------------------------------------------------

WatchLog::WatchLog(size_t log_max, size_t watchers_max, uint64_t epoch,
                   std::function<WatchSnapshot()> snapshot)
    : log_max_(log_max),
      watchers_max_(watchers_max),
      epoch_(epoch),
      snapshot_(std::move(snapshot)) {}

WatchLog::~WatchLog() = default;

void WatchLog::Append(v1::WatchEvent event, ProfilePtr profile) {
  std::lock_guard<std::mutex> lock(mu_);
  ++sequence_;
  log_.push_back({event, std::move(profile), Token(sequence_)});
  if (log_.size() > log_max_) log_.pop_front();
  added_.notify_all();
}

void WatchLog::Ring() {
  std::vector<std::shared_ptr<Watcher::Bell>> due;
  {
    std::lock_guard<std::mutex> lock(mu_);
    for (const auto& bell : bells_) {
      if (std::exchange(bell->armed, false)) due.push_back(bell);
    }
  }
  for (const auto& bell : due) {
    std::lock_guard<std::mutex> lock(bell->mu);
    if (bell->wake) bell->wake();
  }
}

uint64_t WatchLog::sequence() const {
  std::lock_guard<std::mutex> lock(mu_);
  return sequence_;
}

size_t WatchLog::watcher_count() const {
  std::lock_guard<std::mutex> lock(mu_);
  return bells_.size();
}

absl::StatusOr<std::unique_ptr<Watcher>> WatchLog::Watch(
    absl::string_view resume_token, std::function<void()> wake) {
  bool reset = false;
  std::optional<uint64_t> position;
  if (!resume_token.empty()) {
    uint64_t sequence = 0;
    bool is_ours = false;
    if (!ReadToken(resume_token, &is_ours, &sequence)) return BadToken();
    if (is_ours) {
      position = sequence;
    } else {
      reset = true;
    }
  }
  auto bell = std::make_shared<Watcher::Bell>();
  bell->wake = std::move(wake);
  std::lock_guard<std::mutex> lock(mu_);
  if (position.has_value() && *position > sequence_) return BadToken();
  if (bells_.size() >= watchers_max_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("watch: ", bells_.size() + 1,
                     " watchers are more than --max_watchers ", watchers_max_));
  }
  bells_.push_back(bell);
  return std::unique_ptr<Watcher>(
      new Watcher(this, position, std::move(bell), reset));
}

WatchLog::Found WatchLog::Read(uint64_t position, Deadline deadline,
                               Watcher::Bell* bell, WatchItem* item) {
  std::unique_lock<std::mutex> lock(mu_);
  added_.wait_until(lock, deadline, [&] { return sequence_ > position; });
  if (sequence_ == position) {
    bell->armed = true;
    return Found::kNothing;
  }
  const uint64_t first = sequence_ - log_.size() + 1;
  if (position + 1 < first) return Found::kTooOld;
  *item = log_[position + 1 - first];
  return Found::kEvent;
}

std::string WatchLog::Token(uint64_t sequence) const {
  return absl::StrCat(absl::Hex(epoch_, absl::kZeroPad16), "-", sequence);
}

bool WatchLog::ReadToken(absl::string_view token, bool* is_ours,
                         uint64_t* sequence) const {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(token, absl::MaxSplits('-', 1));
  uint64_t epoch = 0;
  if (parts.first.size() != 16 || !absl::SimpleHexAtoi(parts.first, &epoch) ||
      !absl::SimpleAtoi(parts.second, sequence)) {
    return false;
  }
  *is_ours = epoch == epoch_;
  return true;
}

void WatchLog::Leave(Watcher::Bell* bell) {
  std::lock_guard<std::mutex> lock(mu_);
  const auto found =
      std::find_if(bells_.begin(), bells_.end(),
                   [bell](const auto& b) { return b.get() == bell; });
  if (found != bells_.end()) bells_.erase(found);
}

}  // namespace logitd
