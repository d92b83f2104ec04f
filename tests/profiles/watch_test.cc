// Watching: everything exactly once, in order, or from the beginning again.
#include "service/profiles/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <thread>

#include "service/profiles/catalog.h"
#include "service/profiles/memory_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::ElementsAre;

class Watches : public testing::Test {
 protected:
  void Open() {
    catalog_ = *Catalog::Open(options_, std::make_unique<MemoryStore>(), {});
  }

  void Put(const std::string& id, double temperature) {
    const auto edit = [&](v1::Profile* profile) {
      profile->mutable_default_params()->set_temperature(temperature);
      return absl::OkStatus();
    };
    if (catalog_->Update(id, "", edit).ok()) return;
    ASSERT_TRUE(catalog_->Create(id, WithTemperature(temperature)).ok());
  }

  std::unique_ptr<Watcher> Watch(const std::string& token = "",
                                 std::function<void()> wake = nullptr) {
    auto watcher = catalog_->Watch(token, std::move(wake));
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return watcher.ok() ? *std::move(watcher) : nullptr;
  }

  // Everything there is now, as "PRESENT a@1".
  std::vector<std::string> Drain(Watcher* watcher) {
    std::vector<std::string> events;
    while (auto item = watcher->Next(absl::ZeroDuration())) {
      std::string text = v1::WatchEvent_Name(item->event).substr(12);
      if (item->profile != nullptr) {
        absl::StrAppend(&text, " ", item->profile->name().substr(9), "@",
                        item->profile->revision());
      }
      events.push_back(text);
      if (!item->resume_token.empty()) token_ = item->resume_token;
    }
    return events;
  }

  CatalogOptions options_;
  std::unique_ptr<Catalog> catalog_;
  std::string token_;  // the last one drained
};

TEST_F(Watches, BeginWithTheFullListThenTellEachChange) {
  Open();
  Put("b", 1);
  Put("a", 1);
  const auto watcher = Watch();
  EXPECT_THAT(Drain(watcher.get()),
              ElementsAre("PRESENT a@1", "PRESENT b@1", "SYNCED"));
  Put("a", 2);
  ASSERT_TRUE(catalog_->Delete("b", "").ok());
  Put("b", 3);
  EXPECT_THAT(Drain(watcher.get()),
              ElementsAre("REVISION a@2", "DELETED b@1", "REVISION b@2"));
  EXPECT_THAT(Drain(watcher.get()), ElementsAre());
}

TEST_F(Watches, DeletedTellsNameAndRevisionOnly) {
  Open();
  Put("a", 1);
  const auto watcher = Watch();
  Drain(watcher.get());
  ASSERT_TRUE(catalog_->Delete("a", "").ok());
  const auto item = watcher->Next(absl::ZeroDuration());
  v1::Profile expected;
  expected.set_name("profiles/a");
  expected.set_revision("1");
  EXPECT_EQ(item->profile->SerializeAsString(), expected.SerializeAsString());
}

// The list is of one moment; what comes during its sending comes after it.
TEST_F(Watches, ChangesDuringTheListComeAfterIt) {
  Open();
  Put("a", 1);
  Put("b", 1);
  const auto watcher = Watch();
  ASSERT_EQ(watcher->Next(absl::ZeroDuration())->profile->name(), "profiles/a");
  Put("b", 2);
  Put("c", 1);
  EXPECT_THAT(
      Drain(watcher.get()),
      ElementsAre("PRESENT b@1", "SYNCED", "REVISION b@2", "REVISION c@1"));
}

TEST_F(Watches, ResumeAfterTheTokensEvent) {
  Open();
  Put("a", 1);
  auto watcher = Watch();
  Drain(watcher.get());
  const std::string synced = token_;
  Put("a", 2);
  Drain(watcher.get());
  const std::string second = token_;
  watcher.reset();
  Put("a", 3);
  EXPECT_THAT(Drain(Watch(second).get()), ElementsAre("REVISION a@3"));
  EXPECT_THAT(Drain(Watch(synced).get()),
              ElementsAre("REVISION a@2", "REVISION a@3"));
}

TEST_F(Watches, TokensComeOnlyWhenTheListIsComplete) {
  Open();
  Put("a", 1);
  const auto watcher = Watch();
  EXPECT_EQ(watcher->Next(absl::ZeroDuration())->resume_token, "");
  EXPECT_NE(watcher->Next(absl::ZeroDuration())->resume_token, "");
}

TEST_F(Watches, ATokenTooOldOrOfAnotherProcessGetsAReset) {
  options_.watch_log_max = 4;
  Open();
  Put("a", 1);
  auto watcher = Watch();
  Drain(watcher.get());
  const std::string old = token_;
  for (int i = 0; i < 4; ++i) Put("a", i);
  EXPECT_EQ(Drain(Watch(old).get()).size(), 4u);  // it just reaches
  Put("a", 9);
  EXPECT_THAT(Drain(Watch(old).get()),
              ElementsAre("RESET", "PRESENT a@6", "SYNCED"));
  EXPECT_THAT(Drain(Watch("0123456789abcdef-1").get()),
              ElementsAre("RESET", "PRESENT a@6", "SYNCED"));
}

TEST_F(Watches, BadTokensAreRefused) {
  Open();
  Put("a", 1);
  Drain(Watch().get());
  std::string future = token_;
  future.back() = '9';
  for (const std::string& token :
       {std::string("x"), std::string("-1"), future, token_ + "x",
        std::string("0123456789abcdeg-1"), std::string(1000, '1')}) {
    EXPECT_EQ(Code(catalog_->Watch(token, nullptr).status()),
              "INVALID_ARGUMENT")
        << token;
  }
}

TEST_F(Watches, ASlowWatcherGetsAResetNotAQueue) {
  options_.watch_log_max = 10;
  Open();
  const auto watcher = Watch();
  Drain(watcher.get());
  for (int i = 0; i < 11; ++i) Put("a", i);
  EXPECT_THAT(Drain(watcher.get()),
              ElementsAre("RESET", "PRESENT a@11", "SYNCED"));
  Put("a", 1);
  EXPECT_THAT(Drain(watcher.get()), ElementsAre("REVISION a@12"));
}

TEST_F(Watches, WatchersHaveALimit) {
  options_.watchers_max = 2;
  Open();
  const auto first = Watch();
  auto second = Watch();
  const auto third = catalog_->Watch("", nullptr);
  EXPECT_EQ(Code(third.status()), "RESOURCE_EXHAUSTED");
  EXPECT_THAT(std::string(third.status().message()),
              testing::HasSubstr("--max_watchers"));
  second.reset();
  EXPECT_NE(Watch(), nullptr);
  EXPECT_EQ(catalog_->watcher_count(), 1u);
}

TEST_F(Watches, WakeComesOnceForEachTimeThereWasNothing) {
  Open();
  std::atomic<int> wakes = 0;
  const auto watcher = Watch("", [&] { ++wakes; });
  Put("a", 1);
  EXPECT_EQ(wakes, 0) << "nobody has waited yet";
  Drain(watcher.get());
  Put("a", 2);
  EXPECT_EQ(wakes, 1);
  Put("a", 3);
  EXPECT_EQ(wakes, 1) << "it has not looked since";
  Drain(watcher.get());
  ASSERT_TRUE(catalog_->Delete("a", "").ok());
  EXPECT_EQ(wakes, 2);
}

TEST_F(Watches, NextWaits) {
  Open();
  const auto watcher = Watch();
  Drain(watcher.get());
  EXPECT_FALSE(watcher->Next(absl::Milliseconds(20)).has_value());
  std::thread writer([this] {
    absl::SleepFor(absl::Milliseconds(20));
    Put("a", 1);
  });
  EXPECT_TRUE(watcher->Next(absl::Minutes(1)).has_value());
  writer.join();
}

// Whoever goes while it is being woken is gone when its destructor returns.
TEST_F(Watches, NoWakeAfterTheDestructor) {
  Open();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) Put("a", i % 100);
  });
  for (int i = 0; i < 2000; ++i) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto watcher = Watch("", [flag = alive.get()] { ASSERT_TRUE(*flag); });
    Drain(watcher.get());
    watcher.reset();
    *alive = false;
  }
  done = true;
  writer.join();
}

// ---- many writers, many watchers --------------------------------------------

// Follows a watch as a client would and checks what must hold.
class Follower {
 public:
  void Take(const WatchItem& item) {
    switch (item.event) {
      case v1::WATCH_EVENT_RESET:
        ++resets;
        view.clear();
        last.clear();  // what is gone now may have had any number
        break;
      case v1::WATCH_EVENT_PRESENT:
        view[item.profile->name()] = item.profile->revision();
        last[item.profile->name()] = RevisionNumber(item.profile->revision());
        break;
      case v1::WATCH_EVENT_REVISION:
        TakeRevision(*item.profile);
        break;
      case v1::WATCH_EVENT_DELETED:
        EXPECT_EQ(view[item.profile->name()], item.profile->revision());
        view.erase(item.profile->name());
        break;
      default:
        break;
    }
    if (!item.resume_token.empty()) token = item.resume_token;
    ++events;
  }

  std::map<std::string, std::string> view;
  std::map<std::string, uint64_t> last;
  std::string token;
  int resets = 0;
  int events = 0;

 private:
  void TakeRevision(const v1::Profile& profile) {
    const uint64_t number = RevisionNumber(profile.revision());
    const bool is_known = last.count(profile.name()) > 0 || resets == 0;
    uint64_t& before = last[profile.name()];
    if (is_known) {
      EXPECT_EQ(number, before + 1) << profile.name() << ": missed or twice";
    }
    before = number;
    view[profile.name()] = profile.revision();
  }
};

class Storm : public Watches {
 protected:
  static constexpr int kWriters = 4;
  static constexpr int kWrites = 3000;

  void Write() {
    std::vector<std::thread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([this, w] {
        for (int i = 0; i < kWrites; ++i) {
          const std::string id = absl::StrCat("p", (i * 7 + w) % 5);
          ++written_;
          if (i % 10 == 9) {
            (void)catalog_->Delete(id, "");
          } else if (!catalog_->Create(id, WithTemperature(i % 100)).ok()) {
            (void)catalog_->Update(id, "", [i](v1::Profile* profile) {
              profile->mutable_default_params()->set_temperature(i % 100);
              return absl::OkStatus();
            });
          }
        }
      });
    }
    for (auto& writer : writers) writer.join();
    ASSERT_TRUE(catalog_->Create("the-end", {}).ok());
  }

  // Until `writes` more have begun, or no more come.
  void NapWhileWritten(int writes) {
    const int end = std::min(written_ + writes, kWriters * kWrites);
    while (written_ < end) absl::SleepFor(absl::Milliseconds(1));
  }

  std::atomic<int> written_ = 0;

  std::map<std::string, std::string> InForce() {
    std::map<std::string, std::string> in_force;
    const auto page = catalog_->List(1000, "", "");
    for (const auto& profile : page->profiles) {
      in_force[profile->name()] = profile->revision();
    }
    return in_force;
  }
};

TEST_F(Storm, EachRevisionExactlyOnceInOrder) {
  options_.watch_log_max = 100'000;
  Open();
  std::vector<Follower> followers(4);
  std::vector<std::thread> threads;
  for (auto& follower : followers) {
    std::shared_ptr<Watcher> watcher = Watch();
    ASSERT_THAT(Drain(watcher.get()), ElementsAre("SYNCED"));
    threads.emplace_back([watcher, &follower] {
      while (follower.view.count("profiles/the-end") == 0) {
        const auto item = watcher->Next(absl::Minutes(2));
        ASSERT_TRUE(item.has_value());
        follower.Take(*item);
      }
    });
  }
  Write();
  for (auto& thread : threads) thread.join();
  for (auto& follower : followers) {
    EXPECT_EQ(follower.resets, 0);
    EXPECT_EQ(follower.view, InForce());
  }
}

// They leave, come back with their token, and miss nothing.
TEST_F(Storm, ResumingMissesNothing) {
  options_.watch_log_max = 100'000;
  Open();
  Follower follower;
  Drain(Watch().get());
  follower.token = token_;
  std::thread thread([&] {
    for (int round = 0; follower.view.count("profiles/the-end") == 0; ++round) {
      const auto watcher = Watch(follower.token);
      for (int i = 0; i < round % 30; ++i) {
        const auto item = watcher->Next(absl::Milliseconds(50));
        if (!item.has_value()) break;
        follower.Take(*item);
      }
    }
  });
  Write();
  thread.join();
  EXPECT_EQ(follower.resets, 0);
  EXPECT_EQ(follower.view, InForce());
}

// With a short log, and naps longer than it: resets, and the same view in the
// end.
TEST_F(Storm, SlowWatchersConvergeThroughResets) {
  options_.watch_log_max = 16;
  Open();
  Follower follower;
  std::mutex mu;
  std::condition_variable woken;
  bool rung = false;
  const std::shared_ptr<Watcher> watcher = Watch("", [&] {
    std::lock_guard<std::mutex> lock(mu);
    rung = true;
    woken.notify_one();
  });
  ASSERT_THAT(Drain(watcher.get()), ElementsAre("SYNCED"));
  std::thread thread([&] {
    while (follower.view.count("profiles/the-end") == 0) {
      while (auto item = watcher->Next(absl::ZeroDuration())) {
        follower.Take(*item);
        if (follower.events % 50 == 1) NapWhileWritten(64);
      }
      // As a reactor: nothing but the wake brings it back.
      std::unique_lock<std::mutex> lock(mu);
      if (follower.view.count("profiles/the-end") > 0) break;
      ASSERT_TRUE(woken.wait_for(lock, std::chrono::minutes(2),
                                 [&] { return std::exchange(rung, false); }));
    }
  });
  Write();
  thread.join();
  EXPECT_GT(follower.resets, 0);
  EXPECT_EQ(follower.view, InForce());
}

}  // namespace
}  // namespace logitd
