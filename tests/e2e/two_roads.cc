#include "tests/e2e/two_roads.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace logitd::testing {
namespace {

constexpr uint64_t kFirstSeed = 40'000;
// Between two looks, which cost more.
constexpr int kStepsOfALook = 10;

std::vector<std::string> WithTcp(std::vector<std::string> flags) {
  flags.insert(flags.end(),
               {"--listen", "127.0.0.1:0", "--allow_tcp_without_mtls", "true"});
  return flags;
}

}  // namespace

TwoRoads::TwoRoads(const std::vector<std::string>& flags)
    : server_(folder_, "2", "auto", WithTcp(flags)) {}

bool TwoRoads::Serves() {
  if (!server_.Serves()) return false;
  // What the log says of its free port.
  const std::vector<std::string> pieces =
      absl::StrSplit(Errors(), "127.0.0.1:");
  if (pieces.size() < 2) return false;
  tcp_ = absl::StrCat("127.0.0.1:", pieces[1].substr(0, pieces[1].find('"')));
  return true;
}

bool TwoRoads::Has(double streams, double sessions) const {
  return server_.Metric("logitd_streams_active") == streams &&
         server_.Metric("logitd_sessions_active") == sessions;
}

std::unique_ptr<client::Stream> StreamOfItsOwn(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(
      target, grpc::InsecureChannelCredentials(), arguments);
  return client::Stream::Open(v1::SamplingService::NewStub(channel).get(),
                              absl::InfiniteDuration());
}

Neighbours::Neighbours(const TwoRoads& roads)
    : generations_(MakeGenerations(4, kFirstSeed)) {
  for (const std::string& target : roads.targets()) {
    streams_.push_back(StreamOfItsOwn(target));
  }
}

void Neighbours::Step() {
  for (size_t road = 0; road < streams_.size(); ++road) {
    v1::SampleRequest request;
    for (size_t i = 2 * road; i < 2 * road + 2; ++i) {
      Generation& one = generations_[i];
      if (one.tokens.empty()) *request.add_open() = OpenHere(i, one);
      AddNext(i, one, request.mutable_step());
    }
    const v1::SampleResponse reply =
        Exchange(streams_[road].get(), std::move(request));
    ASSERT_EQ(reply.step().status_size(), 2);
    for (int entry = 0; entry < 2; ++entry) {
      ASSERT_EQ(reply.step().status(entry), v1::ENTRY_STATUS_OK);
      generations_[2 * road + static_cast<size_t>(entry)].Take(reply.step(),
                                                               entry);
    }
  }
}

bool Neighbours::StepUntil(const std::function<bool()>& holds) {
  const bool held = WaitUntil([&] {
    for (int i = 0; i < kStepsOfALook; ++i) Step();
    return ::testing::Test::HasFatalFailure() || holds();
  });
  return held && !::testing::Test::HasFatalFailure();
}

}  // namespace logitd::testing
