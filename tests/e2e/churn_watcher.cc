#include "tests/e2e/churn_watcher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "tests/e2e/churn_writer.h"

namespace logitd::testing {
namespace {

// Judges event by event.
class Judging {
 public:
  explicit Judging(const std::vector<Change>& ledger) : ledger_(ledger) {
    for (const Change& change : ledger) {
      if (change.event == v1::WATCH_EVENT_REVISION) {
        params_[KeyOf(change)] = change.params.SerializeAsString();
      }
    }
  }

  // Empty: as it must be.
  std::string Take(const Change& event, Verdict* verdict) {
    switch (event.event) {
      case v1::WATCH_EVENT_RESET:
        ++verdict->resets;
        list_.clear();
        is_in_list_ = true;
        return "";
      case v1::WATCH_EVENT_PRESENT:
        return Present(event);
      case v1::WATCH_EVENT_SYNCED:
        return Synced();
      default:
        ++verdict->events;
        return Next(event);
    }
  }

  std::string AtEnd() const {
    if (!is_in_list_ && at_ == ledger_.size()) return "";
    return absl::StrCat("was told ", at_, " of ", ledger_.size(), " changes");
  }

 private:
  std::string Present(const Change& event) {
    const auto found = params_.find(KeyOf(event));
    const bool is_right = is_in_list_ && found != params_.end() &&
                          found->second == event.params.SerializeAsString() &&
                          list_.emplace(event.name, event.revision).second;
    return is_right ? "" : "not a part of a list: " + TextOf(event);
  }

  // A list is what was in force at one moment, not before what was told.
  std::string Synced() {
    if (!is_in_list_) return "SYNCED without a list";
    is_in_list_ = false;
    while (in_force_ != list_) {
      if (at_ == ledger_.size()) return "this list was never in force";
      Apply(ledger_[at_++], &in_force_);
    }
    return "";
  }

  std::string Next(const Change& event) {
    if (is_in_list_) return "inside a list: " + TextOf(event);
    const std::string due =
        at_ < ledger_.size() ? TextOf(ledger_[at_]) : "nothing more";
    if (due != TextOf(event)) {
      return absl::StrCat("change ", at_, " is ", due, ", told was ",
                          TextOf(event));
    }
    Apply(ledger_[at_++], &in_force_);
    return "";
  }

  const std::vector<Change>& ledger_;
  std::map<std::string, std::string> params_;  // by key
  size_t at_ = 0;                              // changes told or listed
  InForce in_force_;                           // after them
  bool is_in_list_ = true;
  InForce list_;
};

}  // namespace

ChurnWatcher::ChurnWatcher(const std::string& target, const Ledger* ledger)
    : ledger_(ledger), size_at_begin_(ledger->size()) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // the window stays at 64 KiB
  stub_ = v1::ProfileService::NewStub(grpc::CreateCustomChannel(
      target, grpc::InsecureChannelCredentials(), arguments));
}

void ChurnWatcher::Begin() {
  v1::WatchProfilesRequest request;
  request.set_resume_token(token_);
  const std::lock_guard lock(mu_);
  call_ = std::make_unique<grpc::ClientContext>();
  reader_ = stub_->WatchProfiles(call_.get(), request);
}

bool ChurnWatcher::Next() {
  v1::WatchProfilesResponse event;
  if (!reader_->Read(&event)) return false;
  const v1::Profile& profile = event.profile();
  told_.push_back({event.event(), profile.name(), profile.revision(),
                   profile.default_params()});
  if (!event.resume_token().empty()) token_ = event.resume_token();
  if (event.event() == v1::WATCH_EVENT_RESET) {
    is_synced_ = false;
    ++resets_;
  }
  if (event.event() == v1::WATCH_EVENT_SYNCED) is_synced_ = true;
  if (profile.name() == std::string("profiles/") + kTheEnd) is_done_ = true;
  const std::lock_guard lock(mu_);
  if (event.has_profile()) last_ = told_.back();
  return true;
}

// An event may come before the writer has its reply: what is not in the ledger
// is newer than all that is.
size_t ChurnWatcher::seen() const {
  const std::lock_guard lock(mu_);
  if (last_.name.empty()) return size_at_begin_;
  const size_t count = ledger_->CountUpTo(last_.event, KeyOf(last_));
  return count > 0 ? count : ledger_->size();
}

void ChurnWatcher::Leave() {
  Cancel();
  v1::WatchProfilesResponse unread;
  while (reader_->Read(&unread)) {
  }
  static_cast<void>(reader_->Finish());
}

void ChurnWatcher::Cancel() {
  const std::lock_guard lock(mu_);
  if (call_ != nullptr) call_->TryCancel();
}

Verdict Judge(const std::vector<Change>& told,
              const std::vector<Change>& ledger) {
  Verdict verdict;
  Judging judging(ledger);
  for (const Change& event : told) {
    verdict.wrong = judging.Take(event, &verdict);
    if (!verdict.wrong.empty()) return verdict;
  }
  verdict.wrong = judging.AtEnd();
  return verdict;
}

}  // namespace logitd::testing
