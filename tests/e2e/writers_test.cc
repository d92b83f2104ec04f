// A thousand writers at once, each with the etag that it has read, through the
// admin socket to a server over SQLite: no update is lost.
#include <atomic>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/client/client.h"
#include "service/client/status.h"
#include "tests/e2e/processes.h"

namespace logitd {
namespace {

using testing::Logitd;
using testing::TempFolder;

constexpr int kWriters = 1000;
constexpr int kConnections = 8;
constexpr int kProfiles = 20;  // with as many writers each

int CountOf(const v1::Profile& profile) {
  int count = -1;
  const auto found = profile.labels().find("count");
  if (found != profile.labels().end()) {
    EXPECT_TRUE(absl::SimpleAtoi(found->second, &count));
  }
  return count;
}

class Writers : public ::testing::Test {
 protected:
  using Stub = v1::ProfileService::Stub;

  void SetUp() override {
    ASSERT_TRUE(server_.Serves()) << server_.process().Errors();
    for (int i = 0; i < kConnections; ++i) {
      const auto client = client::Client::Connect(server_.admin_target());
      ASSERT_TRUE(client.ok()) << client.status();
      stubs_.push_back(client->Profiles());
    }
  }

  template <class Request, class Response>
  static absl::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                        const Request&,
                                                        Response*),
                           const Request& request, Response* reply,
                           Stub* stub) {
    grpc::ClientContext context;
    context.set_deadline(client::DeadlineAfter(absl::Minutes(5)));
    return client::ToStatus((stub->*method)(&context, request, reply));
  }

  v1::Profile Create(const std::string& id) {
    v1::CreateProfileRequest request;
    request.set_profile_id(id);
    (*request.mutable_profile()->mutable_labels())["count"] = "0";
    v1::Profile made;
    const absl::Status status =
        Call(&Stub::CreateProfile, request, &made, stubs_[0].get());
    EXPECT_TRUE(status.ok()) << status;
    return made;
  }
  v1::Profile Get(const std::string& id, Stub* stub) {
    v1::GetProfileRequest request;
    request.set_name(id);
    v1::Profile read;
    const absl::Status status = Call(&Stub::GetProfile, request, &read, stub);
    EXPECT_TRUE(status.ok()) << status;
    return read;
  }
  absl::Status SetCount(const v1::Profile& read, int writer, Stub* stub) {
    v1::UpdateProfileRequest request;
    v1::Profile* const profile = request.mutable_profile();
    profile->set_name(read.name());
    profile->set_etag(read.etag());
    auto& labels = *profile->mutable_labels();
    labels["count"] = absl::StrCat(CountOf(read) + 1);
    labels["writer"] = absl::StrCat(writer);
    request.mutable_update_mask()->add_paths("labels");
    v1::Profile written;
    return Call(&Stub::UpdateProfile, request, &written, stub);
  }

  // All at once.
  template <class Body>
  void RunWriters(const Body& body) {
    std::vector<std::thread> threads;
    for (int w = 0; w < kWriters; ++w) {
      Stub* const stub = stubs_[static_cast<size_t>(w % kConnections)].get();
      threads.emplace_back([&body, w, stub] { body(w, stub); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::vector<v1::Profile> Revisions(const std::string& id) {
    v1::ListProfileRevisionsRequest request;
    request.set_name(id);
    request.set_page_size(1000);
    v1::ListProfileRevisionsResponse response;
    const absl::Status status =
        Call(&Stub::ListProfileRevisions, request, &response, stubs_[0].get());
    EXPECT_TRUE(status.ok()) << status;
    return {response.profiles().begin(), response.profiles().end()};
  }

  const TempFolder folder_;
  Logitd server_{folder_, "2", "auto", {"--data_dir", folder_.path()}};
  std::vector<std::unique_ptr<Stub>> stubs_;
};

TEST_F(Writers, WithTheSameEtagExactlyOneWrites) {
  const v1::Profile read = Create("chat");
  std::atomic<int> written = 0;
  std::atomic<int> aborted = 0;
  RunWriters([&](int writer, Stub* stub) {
    const absl::Status status = SetCount(read, writer, stub);
    if (status.ok()) ++written;
    if (absl::IsAborted(status)) ++aborted;
  });
  EXPECT_EQ(written, 1);
  EXPECT_EQ(aborted, kWriters - 1);
  EXPECT_EQ(Revisions("chat").size(), 2u);
}

TEST_F(Writers, ThatReadAgainWhenTheyLostLoseNoUpdate) {
  for (int i = 0; i < kProfiles; ++i) Create(absl::StrCat("p", i));
  std::atomic<int> conflicts = 0;
  RunWriters([&](int writer, Stub* stub) {
    const std::string id = absl::StrCat("p", writer % kProfiles);
    absl::Status status;
    do {
      status = SetCount(Get(id, stub), writer, stub);
      if (absl::IsAborted(status)) ++conflicts;
    } while (absl::IsAborted(status));
    EXPECT_TRUE(status.ok()) << status;
  });
  constexpr int kEach = kWriters / kProfiles;
  std::set<std::string> writers;
  for (int i = 0; i < kProfiles; ++i) {
    int expected = kEach;
    const std::vector<v1::Profile> revisions = Revisions(absl::StrCat("p", i));
    ASSERT_EQ(revisions.size(), static_cast<size_t>(kEach + 1));
    for (const v1::Profile& profile : revisions) {
      EXPECT_EQ(profile.revision(), absl::StrCat(expected + 1));
      EXPECT_EQ(CountOf(profile), expected--);
      if (expected < 0) continue;
      EXPECT_TRUE(writers.insert(profile.labels().at("writer")).second);
    }
  }
  EXPECT_EQ(writers.size(), size_t{kWriters});
  std::printf("%d writers through RPC, %d conflicts, no update lost\n",
              kWriters, conflicts.load());
}

}  // namespace
}  // namespace logitd
