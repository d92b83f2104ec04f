#include "service/readiness.h"

#include <atomic>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace logitd {

namespace {

// Those that may wait for a disk; each answers by itself.
constexpr Lane kLanes[] = {Lane::kWrite, Lane::kRead, Lane::kOpen};

}  // namespace

struct ExecutorProbe::Asked {
  std::chrono::steady_clock::time_point at;
  std::atomic<size_t> left{std::size(kLanes)};  // that have not answered
};

ExecutorProbe::ExecutorProbe(Executor* executor) : executor_(executor) {}

std::string ExecutorProbe::Check(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mu_);
  if (asked_ == nullptr || asked_->left == 0) {
    auto asked = std::make_shared<Asked>();
    asked->at = now;
    for (const Lane lane : kLanes) {
      const auto answer = [asked] { --asked->left; };
      if (!executor_->Run(answer, lane)) {
        return absl::StrCat("more than ", executor_->waiting_max(),
                            " profile calls wait");
      }
    }
    asked_ = std::move(asked);
    return "";
  }
  const auto waited =
      std::chrono::duration_cast<std::chrono::seconds>(now - asked_->at);
  if (waited < kPatience) return "";
  return absl::StrCat("profile calls have waited for ", waited.count(), " s");
}

std::vector<Component> CheckComponents(const std::string& why_not,
                                       ProfileHost& profiles,
                                       ExecutorProbe* probe) {
  std::vector<Component> components;
  components.push_back({"listeners", why_not.empty(), why_not});
  const std::string stuck = probe->Check(std::chrono::steady_clock::now());
  components.push_back({"executor", stuck.empty(), stuck});
  Component store = {"store", true, ""};
  for (const StoreHealth& one : profiles.catalog().Health()) {
    if (one.status.ok()) continue;
    store.up = false;
    absl::StrAppend(&store.why, store.why.empty() ? "" : "; ", one.store, ": ",
                    one.status.ToString());
  }
  components.push_back(std::move(store));
  const absl::Status there = profiles.CheckDefault();
  components.push_back(
      {"default_profile", there.ok(), std::string(there.message())});
  return components;
}

ReadinessPage MakeReadinessPage(const std::vector<Component>& components) {
  ReadinessPage page;
  page.ready = !components.empty() && components[0].up;
  page.text = page.ready ? "ready\n" : "not ready\n";
  for (const Component& one : components) {
    absl::StrAppend(&page.text, one.name, ": ", one.up ? "ok" : one.why, "\n");
  }
  return page;
}

}  // namespace logitd
