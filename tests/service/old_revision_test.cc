// Opens at a revision that is no more in memory, over a store whose disk hangs:
// such an open waits, and nobody else does.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "service/executor.h"
#include "service/metrics.h"
#include "service/profiles/binding.h"
#include "service/profiles/catalog.h"
#include "service/sampling_service.h"
#include "tests/support/hanging_store.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::HangingStore;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestStream;
using Code = absl::StatusCode;

// More than gRPC has threads, and than there are workers.
constexpr int kManyCalls = 24;

class OldRevisions : public ::testing::Test {
 protected:
  OldRevisions() {
    auto store = std::make_unique<HangingStore>();
    store_ = store.get();
    catalog_ = *Catalog::Open({}, std::move(store), {});
    v1::Profile profile;
    EXPECT_TRUE(catalog_->Create("chat", profile).ok());
    for (int i = 2; i <= 8; ++i) {
      const auto edit = [i](v1::Profile* edited) {
        edited->mutable_default_params()->set_top_k(static_cast<uint32_t>(i));
        return absl::OkStatus();
      };
      EXPECT_TRUE(catalog_->Update("chat", "", edit).ok());
    }
    rules_.catalog = catalog_.get();
    service_ = std::make_unique<SamplingServiceImpl>(
        Environment{limits_, sampler_, workers_, admission_, seeds_, metrics_,
                    draining_, rules_, executor_},
        &streams_, "test");
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
  }
  ~OldRevisions() override {
    store_->GoOn();
    server_->Shutdown();
  }

  std::unique_ptr<v1::SamplingService::Stub> NewStub() {
    return v1::SamplingService::NewStub(
        server_->InProcessChannel(grpc::ChannelArguments()));
  }

  static v1::SampleRequest OpenOf(const std::vector<std::string>& profiles) {
    v1::SampleRequest request;
    for (const std::string& profile : profiles) {
      const auto id = static_cast<uint64_t>(request.open_size() + 1);
      AddOpen(id, kVocab, &request)->set_profile(profile);
    }
    return request;
  }

  static v1::SampleOnceRequest OnceOf(const std::string& profile) {
    v1::SampleOnceRequest request;
    request.mutable_open()->set_vocab_size(kVocab);
    request.mutable_open()->set_seed(42);
    request.mutable_open()->set_profile(profile);
    request.set_dtype(v1::DTYPE_FLOAT32);
    request.mutable_logits()->set_inline_(testing::FloatBytes(RowAt(0)));
    return request;
  }

  grpc::Status Once(const std::string& profile,
                    v1::SampleOnceResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::minutes(1));
    return NewStub()->SampleOnce(&context, OnceOf(profile), response);
  }

  Limits limits_;
  HangingStore* store_ = nullptr;
  std::unique_ptr<Catalog> catalog_;
  ProfileRules rules_;
  const Sampler sampler_{*kernels::Find("auto")};
  Metrics metrics_{{}};
  ServerSeeds seeds_{1};
  std::atomic<bool> draining_ = false;
  StreamSet streams_;
  Workers workers_{2};
  Admission admission_{limits_, workers_.thread_count(), &metrics_};
  Executor executor_{kManyCalls};
  std::unique_ptr<SamplingServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(OldRevisions, OpenInTheOrderSentEachReadOnce) {
  TestStream stream(NewStub());
  v1::SampleRequest request =
      OpenOf({"chat@1", "chat@1", "chat", "profiles/chat@3", "chat@8"});
  AddEntry(2, 0, RowAt(0), &request);
  const v1::SampleResponse reply = stream.Call(request);
  ASSERT_EQ(reply.opened_size(), 5);
  const char* const revisions[] = {"1", "1", "8", "3", "8"};
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(reply.opened(i).has_error());
    EXPECT_EQ(reply.opened(i).profile_revision(),
              absl::StrCat("profiles/chat@", revisions[i]));
  }
  EXPECT_EQ(reply.opened(3).resolved().top_k(), 3u);
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(store_->reads(), 2);
}

TEST_F(OldRevisions, ThatWaitForADiskHoldUpNoOtherCall) {
  store_->Hang();
  std::vector<std::unique_ptr<TestStream>> waiting;
  std::vector<std::thread> once;
  for (int i = 0; i < kManyCalls / 2; ++i) {
    waiting.push_back(std::make_unique<TestStream>(NewStub()));
    ASSERT_TRUE(waiting.back()->Write(OpenOf({"chat@1"})));
    once.emplace_back([this] {
      v1::SampleOnceResponse response;
      EXPECT_TRUE(Once("chat@2", &response).ok());
      EXPECT_EQ(response.opened().profile_revision(), "profiles/chat@2");
    });
  }
  store_->AwaitCaller();
  TestStream other(NewStub());
  v1::SampleRequest request = OpenOf({"chat"});
  AddEntry(1, 0, RowAt(0), &request);
  EXPECT_EQ(other.Call(request).step().status(0), v1::ENTRY_STATUS_OK);
  v1::SampleOnceResponse response;
  EXPECT_TRUE(Once("chat", &response).ok());
  store_->GoOn();
  for (const auto& stream : waiting) {
    v1::SampleResponse reply;
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.opened(0).profile_revision(), "profiles/chat@1");
  }
  for (std::thread& thread : once) thread.join();
}

TEST_F(OldRevisions, MoreThanMayWaitAreRefusedAlone) {
  store_->Hang();
  TestStream first(NewStub());
  ASSERT_TRUE(first.Write(OpenOf({"chat@1"})));
  store_->AwaitCaller();
  for (int i = 0; i < kManyCalls; ++i) {
    ASSERT_TRUE(executor_.Run([] {}, Lane::kOpen));
  }
  TestStream late(NewStub());
  const v1::SampleResponse reply = late.Call(OpenOf({"chat@1", "chat"}));
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kResourceExhausted,
                       "open[0].profile: 24 reads of profiles wait "
                       "(--max_profile_calls)"));
  EXPECT_EQ(reply.opened(1).profile_revision(), "profiles/chat@8");
  v1::SampleOnceResponse response;
  EXPECT_THAT(StatusOf(Once("chat@2", &response)),
              StatusIs(Code::kResourceExhausted, "open.profile: 24 reads"));
}

TEST_F(OldRevisions, OfAStreamThatIsGoneAreDropped) {
  store_->Hang();
  {
    TestStream stream(NewStub());
    ASSERT_TRUE(stream.Write(OpenOf({"chat@1", "chat@2"})));
    store_->AwaitCaller();
    stream.Cancel();
  }
  EXPECT_EQ(streams_.size(), 1u);  // the store still has its question
  store_->GoOn();
  for (int i = 0; i < 6000 && streams_.size() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(OldRevisions, AreNotReadForThoseWhoMayNotHaveThem) {
  rules_.allowed = {"code"};
  TestStream stream(NewStub());
  EXPECT_THAT(StatusOf(stream.Call(OpenOf({"chat@1"})).opened(0).error()),
              StatusIs(Code::kPermissionDenied, "--allowed_profiles"));
  EXPECT_EQ(store_->reads(), 0);
  // What a session without a name gets may be named.
  rules_.default_profile = "chat";
  TestStream other(NewStub());
  EXPECT_TRUE(StatusOf(other.Call(OpenOf({"chat@1"})).opened(0).error()).ok());
}

// As --default_profile chat@1.
TEST_F(OldRevisions, ThatAreTheDefaultAreReadOnceForAll) {
  rules_.default_profile = "chat@1";
  rules_.pinned_default = *catalog_->Get("chat@1");
  store_->Hang();
  TestStream stream(NewStub());
  const v1::SampleResponse reply = stream.Call(OpenOf({"", "chat"}));
  EXPECT_EQ(reply.opened(0).profile_revision(), "profiles/chat@1");
  EXPECT_EQ(reply.opened(1).profile_revision(), "profiles/chat@8");
  EXPECT_EQ(store_->reads(), 1);
}

}  // namespace
}  // namespace logitd
