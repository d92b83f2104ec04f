// Profiles change a hundred times a second while sessions run: 64 sessions of
// 500 steps (2,000 with LOGITD_LONG=1) from two processes stay at the revision
// that they pinned, by fingerprint and by token; watches tell each change
// exactly once. Beside them runs the control: sessions that rebind at each step
// show other tokens, so the test would see a session that does not keep its
// pin.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/churn_client.h"
#include "tests/e2e/churn_ledger.h"
#include "tests/e2e/churn_watcher.h"
#include "tests/e2e/churn_writer.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"
#include "tests/support/effort.h"

namespace logitd {
namespace {

using testing::Change;
using testing::ChurnPlan;
using testing::ChurnSessions;
using testing::ChurnTask;
using testing::ChurnTold;
using testing::ChurnWatcher;
using testing::InForce;
using testing::Ledger;
using testing::Logitd;
using testing::Process;
using testing::TempFolder;
using testing::WaitUntil;

constexpr char kTask[] = "LOGITD_E2E_CHURN";
constexpr uint32_t kSessions = 32;  // of each process
constexpr uint64_t kFirstSeed = 7000;
// Between two changes.
constexpr auto kPause = std::chrono::milliseconds(10);
// What makes the comparison worth something.
constexpr size_t kChangesOfOneProfile = 30;
// A watch may be 1,024 changes behind (service/profiles/catalog.h). Those that
// must miss nothing are never further behind than this...
constexpr size_t kBehind = 256;
// ...and the slow one this far: what gRPC keeps for it is some 150.
constexpr size_t kFarBehind = 1024 + 400;
constexpr size_t kAfterReset = 50;
// Where the late watcher joins, and how long the one that leaves stays away.
constexpr size_t kLate = 100;
constexpr size_t kAway = 20;

uint32_t TokenCount() { return tests::IsLong() ? 2000 : 500; }

// The server, the writer and the watchers of one run.
class ChurnRun {
 public:
  void Start() {
    ASSERT_TRUE(server_.Serves()) << server_.process().Errors();
    const auto admin = client::Client::Connect(server_.admin_target());
    ASSERT_TRUE(admin.ok()) << admin.status().ToString();
    writer_ = std::make_unique<testing::ChurnWriter>(*admin, &ledger_);
    const absl::Status begun = writer_->Begin();
    ASSERT_TRUE(begun.ok()) << begun.ToString();
    StartWatcher(&steady_, &ChurnRun::FollowToTheEnd);
    StartWatcher(&late_, &ChurnRun::JoinLate);
    StartWatcher(&leaver_, &ChurnRun::LeaveAndComeBack);
    StartWatcher(&slow_, &ChurnRun::ReadSlowly);
    EXPECT_TRUE(WaitUntil([this] { return slow_->is_synced(); }));
  }

  // Runs the client processes while the writer writes, and ends the churn.
  void Run(const std::vector<ChurnTask>& tasks) {
    std::thread writing([this] { Write(); });
    std::vector<std::unique_ptr<Process>> clients;
    for (const ChurnTask& task : tasks) {
      clients.push_back(std::make_unique<Process>(
          std::vector<std::string>{"/proc/self/exe", "--gtest_filter=Churn.*"},
          task.result_file + ".errors",
          std::vector<std::string>{absl::StrCat(kTask, "=", task.ToText())}));
    }
    for (const auto& client : clients) {
      // Each wait of a client is bounded.
      while (client->Running()) std::this_thread::sleep_for(kPause);
      EXPECT_EQ(client->Wait(), 0) << client->Errors();
    }
    sessions_are_over_ = true;
    writing.join();
    JoinWatchers();
  }

  // Each change exactly once and in order; the slow one with a new beginning.
  void ExpectAllTold() const {
    ExpectTold("steady", *steady_, 0);
    ExpectTold("late", *late_, 0);
    ExpectTold("leaving", *leaver_, 0);
    EXPECT_GT(visits_, 10u);
    ExpectTold("slow", *slow_, 1);
  }

  const Ledger& ledger() const { return ledger_; }
  ChurnTask NewTask(const std::string& name) const {
    ChurnTask task;
    task.target = server_.target();
    task.progress_file = progress_file_;
    task.result_file = folder_.File(name);
    task.session_count = kSessions;
    task.token_count = TokenCount();
    return task;
  }

 private:
  // A hundred a second while sessions run, as far as the machine can, and at
  // least one for each of their steps; then as fast as they go, until the slow
  // watcher is too far behind, and some more that it sees after its reset.
  void Write() {
    const auto begin = std::chrono::steady_clock::now();
    const size_t before = ledger_.size();
    auto next = begin;
    while (!sessions_are_over_ && WriteOne()) {
      next += kPause;
      std::this_thread::sleep_until(next);
    }
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - begin;
    const size_t changes = ledger_.size() - before;
    std::printf("%zu changes in %.1f s while sessions ran: %.0f a second\n",
                changes, took.count(),
                static_cast<double>(changes) / took.count());
    EXPECT_GE(changes, TokenCount());
    while (ledger_.size() < kFarBehind && WriteOne()) {
    }
    is_far_behind_ = true;
    EXPECT_TRUE(WaitUntil(
        [this] { return slow_->resets() > 0 && slow_->is_synced(); }));
    for (size_t i = 0; i < kAfterReset && WriteOne(); ++i) {
    }
    const absl::Status ended = writer_->End();
    EXPECT_TRUE(ended.ok()) << ended.ToString();
    writer_is_done_ = true;
  }

  // False when there is no sense in going on.
  bool WriteOne() {
    const absl::Status written = writer_->ChangeOne();
    EXPECT_TRUE(written.ok()) << written.ToString();
    const bool is_followed = WaitUntil([this] {
      const size_t least =
          std::min({steady_->seen(), late_->seen(), leaver_->seen()});
      return least + kBehind > ledger_.size();
    });
    EXPECT_TRUE(is_followed)
        << "a watch does not follow: " << steady_->seen() << " "
        << late_->seen() << " " << leaver_->seen() << " " << ledger_.size();
    return written.ok() && is_followed;
  }

  // ---- watchers

  using Body = void (ChurnRun::*)(ChurnWatcher* watcher);
  void StartWatcher(std::unique_ptr<ChurnWatcher>* watcher, Body body) {
    *watcher = std::make_unique<ChurnWatcher>(server_.target(), &ledger_);
    ++watching_;
    threads_.emplace_back([this, body, watcher = watcher->get()] {
      (this->*body)(watcher);
      --watching_;
    });
  }

  void JoinWatchers() {
    EXPECT_TRUE(WaitUntil([this] { return watching_ == 0; }))
        << "a watch was not told the end";
    give_up_ = true;
    while (watching_ > 0) {
      for (const auto* watcher : {&steady_, &late_, &leaver_, &slow_}) {
        (*watcher)->Cancel();
      }
      std::this_thread::sleep_for(kPause);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  template <class Condition>
  void Await(const Condition& holds) const {
    while (!give_up_ && !holds()) std::this_thread::sleep_for(kPause);
  }

  void FollowToTheEnd(ChurnWatcher* watcher) {
    watcher->Begin();
    while (!watcher->is_done() && watcher->Next()) {
    }
    watcher->Leave();
  }

  void JoinLate(ChurnWatcher* watcher) {
    Await([this] { return ledger_.size() >= kLate; });
    FollowToTheEnd(watcher);
  }

  void LeaveAndComeBack(ChurnWatcher* watcher) {
    for (size_t visit = 0; !give_up_ && !watcher->is_done(); ++visit) {
      watcher->Begin();
      for (size_t i = 0; i < 10 + visit % 30 && !watcher->is_done(); ++i) {
        if (!watcher->Next()) break;
      }
      watcher->Leave();
      visits_ = visit + 1;
      const size_t back_at = ledger_.size() + kAway;
      Await([&] { return ledger_.size() >= back_at || writer_is_done_; });
    }
  }

  void ReadSlowly(ChurnWatcher* watcher) {
    watcher->Begin();
    while (!watcher->is_synced() && watcher->Next()) {
    }
    Await([this] { return is_far_behind_.load(); });
    while (!watcher->is_done() && watcher->Next()) {
    }
    watcher->Leave();
  }

  void ExpectTold(const char* name, const ChurnWatcher& watcher,
                  int resets) const {
    const testing::Verdict verdict =
        testing::Judge(watcher.told(), ledger_.changes());
    EXPECT_EQ(verdict.wrong, "") << name;
    EXPECT_EQ(verdict.resets, resets) << name;
    std::printf("the %s watch: %d changes of %zu, %d resets\n", name,
                verdict.events, ledger_.size(), verdict.resets);
  }

  const TempFolder folder_;
  const std::string progress_file_ = folder_.File("progress");
  Ledger ledger_{progress_file_};
  Logitd server_{folder_, "2", "auto", {"--data_dir", folder_.path()}};
  std::unique_ptr<testing::ChurnWriter> writer_;
  std::unique_ptr<ChurnWatcher> steady_, late_, leaver_, slow_;
  std::vector<std::thread> threads_;
  std::atomic<int> watching_ = 0;
  std::atomic<size_t> visits_ = 0;
  std::atomic<bool> sessions_are_over_ = false;
  std::atomic<bool> is_far_behind_ = false;
  std::atomic<bool> writer_is_done_ = false;
  std::atomic<bool> give_up_ = false;
};

// ---- what sessions must have been told

// A server without profiles, which is told each revision's parameters.
class Reference {
 public:
  explicit Reference(std::vector<Change> ledger) : ledger_(std::move(ledger)) {
    EXPECT_TRUE(server_.Serves()) << server_.process().Errors();
    for (const Change& change : ledger_) {
      if (change.event != v1::WATCH_EVENT_REVISION) continue;
      params_[KeyOf(change)] = change.params;
    }
    AskFingerprints();
  }

  const std::vector<Change>& ledger() const { return ledger_; }
  // By "profiles/p0@3".
  const std::map<std::string, std::string>& fingerprints() const {
    return fingerprints_;
  }

  // The same sessions with the parameters that each had at its open.
  std::vector<ChurnTold> Run(std::vector<ChurnPlan> plans,
                             const std::vector<ChurnTold>& told) const {
    for (size_t i = 0; i < plans.size(); ++i) {
      v1::OpenSession open = plans[i].open;
      open.clear_profile();
      *open.mutable_params() = params_.at(told[i].opened_at);
      plans[i] = {};
      plans[i].open = open;
    }
    ChurnSessions sessions(std::move(plans), TokenCount(), [] { return 0; });
    const auto stream = server_.Connect().Sample();
    const absl::Status status =
        sessions.Run(stream.get(), [](uint32_t) { return absl::OkStatus(); });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return sessions.told();
  }

 private:
  void AskFingerprints() {
    std::set<std::string> all_params, all_fingerprints;
    const auto stream = server_.Connect().Sample();
    for (const auto& [key, params] : params_) {
      v1::SampleRequest request;
      *request.add_open() =
          client::MakeOpen(1, testing::kChurnVocab, params, 1);
      const v1::SampleResponse opened =
          testing::Exchange(stream.get(), request);
      request.Clear();
      request.add_close()->set_session_id(1);
      testing::Exchange(stream.get(), request);
      fingerprints_[key] = opened.opened(0).fingerprint();
      all_params.insert(params.SerializeAsString());
      all_fingerprints.insert(fingerprints_[key]);
    }
    // Otherwise a wrong revision would not be seen.
    EXPECT_EQ(all_params.size(), all_fingerprints.size());
  }

  const std::vector<Change> ledger_;
  const TempFolder folder_;
  Logitd server_{folder_, "1"};
  std::map<std::string, v1::SamplingParams> params_;  // by key
  std::map<std::string, std::string> fingerprints_;
};

// A session by name gets what was in force between question and answer: one
// change may have been made that was not acknowledged yet.
bool WasInForce(const ChurnTold& told, const std::vector<Change>& ledger) {
  const std::string name = told.opened_at.substr(0, told.opened_at.find('@'));
  const std::string revision = told.opened_at.substr(name.size() + 1);
  InForce in_force;
  for (size_t count = 0; count <= told.after_open + 1; ++count) {
    const auto found = in_force.find(name);
    if (count >= told.before_open && found != in_force.end() &&
        found->second == revision) {
      return true;
    }
    if (count == ledger.size()) break;
    Apply(ledger[count], &in_force);
  }
  return false;
}

// How often its profile changed while the session ran, and was deleted.
std::pair<size_t, size_t> ChangesBeside(const ChurnTold& told,
                                        const std::vector<Change>& ledger) {
  std::pair<size_t, size_t> counts;
  for (size_t i = told.after_open + 1; i < told.at_end; ++i) {
    if (told.opened_at.rfind(ledger[i].name + "@", 0) != 0) continue;
    ++counts.first;
    if (ledger[i].event == v1::WATCH_EVENT_DELETED) ++counts.second;
  }
  return counts;
}

void ExpectPinned(const ChurnTold& told, const ChurnPlan& plan,
                  const Reference& reference) {
  const std::string& asked = plan.open.profile();
  if (asked.find('@') != std::string::npos) {
    EXPECT_EQ(told.opened_at, asked);
  } else {
    EXPECT_TRUE(WasInForce(told, reference.ledger())) << told.opened_at;
  }
  const auto found = reference.fingerprints().find(told.opened_at);
  ASSERT_NE(found, reference.fingerprints().end()) << told.opened_at;
  for (const auto& [revision, fingerprint] : told.bindings) {
    ASSERT_TRUE(revision.empty() || revision == told.opened_at) << revision;
    ASSERT_EQ(fingerprint, found->second) << told.opened_at;
  }
  // Its open and its receipt; an answer to each question; two for each move.
  const uint32_t moves =
      plan.moves_every == 0 ? 0 : (TokenCount() - 1) / plan.moves_every;
  EXPECT_EQ(told.bindings.size(),
            2 + (plan.asks ? TokenCount() : 0) + 2 * moves);
  const auto [changes, deletions] = ChangesBeside(told, reference.ledger());
  EXPECT_GE(changes, kChangesOfOneProfile);
  EXPECT_GT(deletions, 0u);
}

// The sessions of one process that pin.
void ExpectAllPinned(const ChurnTask& task, const Reference& reference) {
  const auto told = ReadResult(task);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  const std::vector<ChurnPlan> plans = PlansOf(task);
  size_t bindings = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", plans[i].open.seed()));
    ASSERT_NO_FATAL_FAILURE(ExpectPinned((*told)[i], plans[i], reference));
    bindings += (*told)[i].bindings.size();
  }
  const std::vector<ChurnTold> quiet = reference.Run(plans, *told);
  for (size_t i = 0; i < plans.size(); ++i) {
    ASSERT_EQ((*told)[i].tokens, quiet[i].tokens)
        << "seed " << plans[i].open.seed() << " at " << (*told)[i].opened_at;
  }
  std::printf("%zu sessions kept their pin: %zu fingerprints, %zu tokens\n",
              plans.size(), bindings, plans.size() * TokenCount());
}

// The control: what ExpectAllPinned looks at is not so without a pin.
void ExpectAllMoved(const ChurnTask& task, const Reference& reference) {
  const auto told = ReadResult(task);
  ASSERT_TRUE(told.ok()) << told.status().ToString();
  const std::vector<ChurnTold> quiet = reference.Run(PlansOf(task), *told);
  size_t different = 0, moved = 0;
  for (size_t i = 0; i < told->size(); ++i) {
    std::set<std::string> revisions;
    for (const auto& [revision, fingerprint] : (*told)[i].bindings) {
      if (revision.empty()) continue;
      ASSERT_EQ(fingerprint, reference.fingerprints().at(revision));
      revisions.insert(revision);
    }
    EXPECT_GE(revisions.size(), kChangesOfOneProfile);
    size_t tokens = 0;
    for (size_t at = 0; at < quiet[i].tokens.size(); ++at) {
      if ((*told)[i].tokens[at] != quiet[i].tokens[at]) ++tokens;
    }
    different += tokens;
    if (tokens > 0) ++moved;
  }
  EXPECT_EQ(moved, told->size());
  std::printf("%zu of %zu sessions without a pin: %zu of %zu tokens differ\n",
              moved, told->size(), different, told->size() * TokenCount());
}

// The part of a client, in a process of its own.
void RunAsClient(const char* task) {
  const absl::Status status =
      testing::RunChurnClient(ChurnTask::FromText(task));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  ASSERT_TRUE(status.ok());
}

TEST(Churn, MovesNoSessionThatPinnedAndIsToldByEachWatch) {
  if (const char* task = std::getenv(kTask)) return RunAsClient(task);
  ChurnRun churn;
  ASSERT_NO_FATAL_FAILURE(churn.Start());
  std::vector<ChurnTask> tasks(3);
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i] = churn.NewTask(absl::StrCat("client", i));
    tasks[i].first_seed = kFirstSeed + i % 2 * kSessions;
  }
  ChurnTask& control = tasks.back();  // with the seeds of the first
  control.rebinds = true;
  churn.Run(tasks);
  const Reference reference(churn.ledger().changes());
  ExpectAllPinned(tasks[0], reference);
  ExpectAllPinned(tasks[1], reference);
  ExpectAllMoved(control, reference);
  churn.ExpectAllTold();
}

}  // namespace
}  // namespace logitd
