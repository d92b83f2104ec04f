// A thousand writers, each with the etag it has read: no update is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "service/profiles/catalog.h"
#include "service/profiles/memory_store.h"
#include "service/profiles/sqlite_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

constexpr int kWriters = 1000;

int CountOf(const v1::Profile& profile) {
  int count = 0;
  EXPECT_TRUE(absl::SimpleAtoi(profile.labels().at("count"), &count));
  return count;
}

// Reads, adds one, writes with the etag read; again until it succeeds.
void AddOne(Catalog* catalog, int writer, std::atomic<int>* conflicts) {
  while (true) {
    const ProfilePtr read = *catalog->Get("counter");
    const auto written =
        catalog->Update("counter", read->etag(), [&](v1::Profile* profile) {
          auto& labels = *profile->mutable_labels();
          labels["count"] = absl::StrCat(CountOf(*read) + 1);
          labels["writer"] = absl::StrCat(writer);
          return absl::OkStatus();
        });
    if (written.ok()) return;
    ASSERT_TRUE(absl::IsAborted(written.status())) << written.status();
    ++*conflicts;
    std::this_thread::yield();
  }
}

void RunWriters(std::unique_ptr<Store> store) {
  auto catalog = *Catalog::Open({}, std::move(store), {});
  v1::Profile counter;
  (*counter.mutable_labels())["count"] = "0";
  ASSERT_TRUE(catalog->Create("counter", counter).ok());
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back(AddOne, catalog.get(), w, &conflicts);
  }
  for (auto& writer : writers) writer.join();
  const ProfilePtr last = *catalog->Get("counter");
  EXPECT_EQ(CountOf(*last), kWriters);
  EXPECT_EQ(last->revision(), absl::StrCat(kWriters + 1));
  std::set<std::string> seen;
  std::string token;
  int expected = kWriters;
  do {
    const auto page = catalog->ListRevisions("counter", 1000, token);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& profile : page->profiles) {
      if (profile->revision() == "1") continue;
      EXPECT_EQ(CountOf(*profile), expected--);
      EXPECT_TRUE(seen.insert(profile->labels().at("writer")).second);
    }
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_EQ(seen.size(), size_t{kWriters});
  std::cout << kWriters << " writers, " << conflicts << " conflicts\n";
}

StoreLimits KeepAll() {
  StoreLimits limits;
  limits.revisions_max = 10'000;
  return limits;
}

// Without an etag nobody has to try again: nothing comes between read and
// write.
TEST(CatalogWriters, WithoutAnEtagEveryUpdateSucceeds) {
  constexpr int kThreads = 8;
  constexpr int kUpdates = 30;
  auto catalog = *Catalog::Open({}, std::make_unique<MemoryStore>(), {});
  v1::Profile counter;
  (*counter.mutable_labels())["count"] = "0";
  ASSERT_TRUE(catalog->Create("counter", counter).ok());
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&catalog] {
      for (int i = 0; i < kUpdates; ++i) {
        const auto written =
            catalog->Update("counter", "", [](v1::Profile* profile) {
              const int count = CountOf(*profile);
              absl::SleepFor(absl::Microseconds(200));  // time for another one
              (*profile->mutable_labels())["count"] = absl::StrCat(count + 1);
              return absl::OkStatus();
            });
        ASSERT_TRUE(written.ok()) << written.status();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(CountOf(**catalog->Get("counter")), kThreads * kUpdates);
}

TEST(CatalogWriters, NoUpdateIsLostInMemory) {
  RunWriters(std::make_unique<MemoryStore>(KeepAll()));
}

TEST(CatalogWriters, NoUpdateIsLostInSqlite) {
  TempFolder folder;
  RunWriters(*SqliteStore::Open(folder.path(), KeepAll()));
}

}  // namespace
}  // namespace logitd
