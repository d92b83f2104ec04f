// ProfileService over a store that hangs: what waits, and what does not.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "service/audit_log.h"
#include "service/executor.h"
#include "service/metrics.h"
#include "service/profile_service.h"
#include "service/profiles/calls.h"
#include "tests/support/hanging_store.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::HangingStore;
using ::testing::HasSubstr;
using testing::TempFolder;

class ProfileCallsOverAHangingStore : public ::testing::Test {
 protected:
  void SetUp() override {
    limits_.max_profile_calls = 2;
    audit_ = *AuditLog::Open(log_);
    auto store = std::make_unique<HangingStore>();
    store_ = store.get();
    catalog_ = *Catalog::Open({}, std::move(store), {});
    calls_ = std::make_unique<ProfileCalls>(limits_, tokens_, catalog_.get(),
                                            audit_.get());
    executor_ = std::make_unique<Executor>(limits_.max_profile_calls);
    service_ = std::make_unique<ProfileServiceImpl>(
        limits_, calls_.get(), executor_.get(), &metrics_, "uid:0");
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::ProfileService::NewStub(
        server_->InProcessChannel(grpc::ChannelArguments()));
    v1::Profile profile;
    ASSERT_TRUE(catalog_->Create("chat", profile).ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Update().ok());
  }
  void TearDown() override {
    store_->GoOn();
    for (std::thread& writer : writers_) writer.join();
    server_->Shutdown();
  }

  // Bounded, so that a call which waits for the disk fails its test.
  template <class Request, class Response>
  grpc::Status Call(grpc::Status (v1::ProfileService::Stub::*method)(
                        grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::minutes(1));
    return (stub_.get()->*method)(&context, request, response);
  }
  grpc::Status Get(const std::string& name) {
    v1::GetProfileRequest request;
    request.set_name(name);
    v1::Profile profile;
    return Call(&v1::ProfileService::Stub::GetProfile, request, &profile);
  }
  grpc::Status Update() {
    v1::UpdateProfileRequest request;
    request.mutable_profile()->set_name("profiles/chat");
    request.mutable_profile()->set_description(absl::StrCat(++count_));
    v1::Profile profile;
    return Call(&v1::ProfileService::Stub::UpdateProfile, request, &profile);
  }
  void UpdateAside() {
    writers_.emplace_back([this] {
      const grpc::Status status = Update();
      const std::lock_guard lock(mu_);
      if (!status.ok()) refused_.push_back(status);
      told_.notify_all();
    });
  }

  const TempFolder folder_;
  const std::string log_ = folder_.File("audit.jsonl");
  Limits limits_;
  AdminTokens tokens_;
  Metrics metrics_{{}};
  std::unique_ptr<AuditLog> audit_;
  HangingStore* store_ = nullptr;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ProfileCalls> calls_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<ProfileServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::ProfileService::Stub> stub_;
  std::atomic<int> count_ = 0;
  std::vector<std::thread> writers_;
  std::mutex mu_;  // guards refused_
  std::condition_variable told_;
  std::vector<grpc::Status> refused_;
};

TEST_F(ProfileCallsOverAHangingStore, WhatIsInMemoryIsReadBesideAWrite) {
  store_->Hang();
  UpdateAside();
  store_->AwaitCaller();
  EXPECT_TRUE(Get("chat").ok());
  EXPECT_TRUE(Get("profiles/chat@6").ok());
  EXPECT_TRUE(Get("chat@3").ok());
  EXPECT_EQ(Get("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ListProfilesResponse list;
  EXPECT_TRUE(Call(&v1::ProfileService::Stub::ListProfiles, {}, &list).ok());
  EXPECT_EQ(list.profiles_size(), 1);
  v1::LintProfileResponse lint;
  EXPECT_TRUE(Call(&v1::ProfileService::Stub::LintProfile, {}, &lint).ok());
}

TEST_F(ProfileCallsOverAHangingStore, AnOldRevisionWaitsForTheDiskAlone) {
  store_->Hang();
  std::thread reader([this] { EXPECT_TRUE(Get("chat@1").ok()); });
  store_->AwaitCaller();
  EXPECT_TRUE(Get("chat").ok());
  store_->GoOn();
  reader.join();
}

TEST_F(ProfileCallsOverAHangingStore, AReadOfTheDiskDoesNotWaitForAWrite) {
  store_->HangWrites();
  UpdateAside();
  store_->AwaitCaller();
  EXPECT_TRUE(Get("chat@1").ok());
  v1::ListProfileRevisionsRequest request;
  request.set_name("profiles/chat");
  v1::ListProfileRevisionsResponse list;
  EXPECT_TRUE(
      Call(&v1::ProfileService::Stub::ListProfileRevisions, request, &list)
          .ok());
  EXPECT_EQ(list.profiles_size(), 6);
}

TEST_F(ProfileCallsOverAHangingStore, TooManyNameTheFlag) {
  store_->Hang();
  UpdateAside();
  store_->AwaitCaller();
  for (int i = 0; i < 3; ++i) UpdateAside();  // two may wait
  std::unique_lock lock(mu_);
  ASSERT_TRUE(told_.wait_for(lock, std::chrono::minutes(2),
                             [this] { return !refused_.empty(); }));
  EXPECT_EQ(refused_[0].error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused_[0].error_message(), HasSubstr("--max_profile_calls"));
  EXPECT_TRUE(Get("chat").ok());
}

// Nobody waits for it any more: it must not be done behind his back.
TEST_F(ProfileCallsOverAHangingStore, AWriteWhoseTimeIsOverIsNotDone) {
  store_->HangWrites();
  UpdateAside();
  store_->AwaitCaller();
  v1::UpdateProfileRequest request;
  request.mutable_profile()->set_name("profiles/chat");
  request.mutable_profile()->set_description("late");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(100));
  v1::Profile profile;
  EXPECT_EQ(stub_->UpdateProfile(&context, request, &profile).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  store_->GoOn();
  writers_.back().join();
  writers_.clear();
  ASSERT_TRUE(Update().ok());  // behind the late one
  const auto revisions = catalog_->ListRevisions("chat", 0, "");
  ASSERT_TRUE(revisions.ok());
  for (const ProfilePtr& one : revisions->profiles) {
    EXPECT_NE(one->description(), "late");
  }
}

TEST_F(ProfileCallsOverAHangingStore, AWriteThatCannotBeReadIsAudited) {
  v1::CreateProfileRequest request;
  request.set_profile_id("large");
  request.mutable_profile()->set_description(std::string(100'000, 'x'));
  v1::Profile profile;
  EXPECT_EQ(Call(&v1::ProfileService::Stub::CreateProfile, request, &profile)
                .error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  std::ifstream file(log_);
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  EXPECT_THAT(last, HasSubstr("\"who\":\"uid:0\""));
  EXPECT_THAT(last, HasSubstr("\"method\":\"CreateProfile\",\"name\":\"\""));
  EXPECT_THAT(last, HasSubstr("\"refused\":\"RESOURCE_EXHAUSTED: request: "));
}

}  // namespace
}  // namespace logitd
