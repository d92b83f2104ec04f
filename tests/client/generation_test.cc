// The loop of a model worker, against the real demo model and a greedy fake of
// the service.

#include "service/client/logitctl/generation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "service/client/client.h"
#include "service/client/demo/model_file.h"
#include "service/client/demo/model_service.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"
#include "tests/client/fake_server.h"

namespace logitd::logitctl {
namespace {

using ::testing::HasSubstr;

class GenerationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto model = demo::TrigramModel::Load(demo::kModelFile);
    ASSERT_TRUE(model.ok()) << model.status();
    model_service_ = new demo::ModelService(*std::move(model), 64);
  }
  static void TearDownTestSuite() {
    delete model_service_;
    model_service_ = nullptr;
  }

  void SetUp() override {
    // Counts what the greedy fake sees.
    sampling_.on_sample = [this](client::ServerStream* wire) {
      client::GreedySampler sampler;
      return client::AnswerEach(wire, [&](const v1::SampleRequest& request) {
        rows_ += request.step().row_count();
        entries_ += request.step().session_id_size();
        return sampler.Answer(request);
      });
    };
    server_ = std::make_unique<client::InProcessServer>(
        std::vector<grpc::Service*>{&sampling_, model_service_});
    auto connected = client::Client::Connect(server_->target());
    ASSERT_TRUE(connected.ok()) << connected.status();
    stream_ = connected->Sample();
    auto model = DemoModel::Connect(server_->target(), absl::Seconds(60));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  v1::OpenSession Session(std::uint64_t id, std::uint32_t max_tokens) {
    v1::SamplingParams params;
    params.set_max_tokens(max_tokens);
    params.set_eos_ids(client::PackIds({model_->vocabulary().end_id()}));
    return client::MakeOpen(id, model_->vocabulary().size(), params, 42);
  }

  absl::StatusOr<Generated> Run(const Order& order) {
    return Generate(order, model_.get(), stream_.get(),
                    [this](std::size_t, const Text&) { ++tokens_; });
  }

  static demo::ModelService* model_service_;
  client::FakeSampling sampling_;
  std::unique_ptr<client::InProcessServer> server_;
  std::unique_ptr<client::Stream> stream_;
  std::unique_ptr<DemoModel> model_;
  std::atomic<std::uint64_t> rows_ = 0;
  std::atomic<std::int64_t> entries_ = 0;
  int tokens_ = 0;
};

demo::ModelService* GenerationTest::model_service_ = nullptr;

TEST_F(GenerationTest, WritesTextUntilItFinishes) {
  Order order;
  order.sessions.push_back(Session(1, 12));
  const auto generated = Run(order);
  ASSERT_TRUE(generated.ok()) << generated.status();
  const Text& text = generated->texts[0];
  EXPECT_EQ(text.tokens.size(), 12);
  EXPECT_EQ(text.finish_reason, v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(text.seed, 42);
  EXPECT_EQ(text.fingerprint, "0123456789abcdef");
  EXPECT_EQ(tokens_, 12);
  EXPECT_EQ(generated->row_bytes, 12 * 4 * model_->vocabulary().size());
  EXPECT_THAT(TextOf(model_->vocabulary(), text.Ids()), HasSubstr(" "));
}

TEST_F(GenerationTest, GoesOnFromThePrompt) {
  Order order;
  order.prompt = *model_->Tokenize("in the united");
  order.sessions.push_back(Session(1, 1));
  order.sessions[0].set_prompt(client::PackIds(order.prompt));
  const auto generated = Run(order);
  ASSERT_TRUE(generated.ok()) << generated.status();
  EXPECT_EQ(TextOf(model_->vocabulary(), generated->texts[0].Ids()), "states");
}

TEST_F(GenerationTest, SharesTheRowsOfEqualContexts) {
  Order order;
  order.sessions = {Session(1, 5), Session(2, 3)};
  v1::ForkSession fork;
  fork.set_parent_session_id(1);
  fork.set_child_session_id(3);
  fork.set_index(4);
  order.forks.push_back(fork);
  const auto generated = Run(order);
  ASSERT_TRUE(generated.ok()) << generated.status();
  ASSERT_EQ(generated->texts.size(), 3);
  EXPECT_EQ(generated->texts[0].tokens.size(), 5);
  EXPECT_EQ(generated->texts[1].tokens.size(), 3);
  EXPECT_EQ(generated->texts[2].tokens.size(), 5);
  EXPECT_EQ(generated->texts[2].seed, 46);
  // Greedy texts of one prompt are equal: one row a step.
  EXPECT_EQ(entries_, 13);
  EXPECT_EQ(rows_, 5);
}

TEST_F(GenerationTest, TravelsInHalfTheBytesAsBfloat16) {
  Order order;
  order.dtype = v1::DTYPE_BFLOAT16;
  order.sessions.push_back(Session(1, 4));
  const auto generated = Run(order);
  ASSERT_TRUE(generated.ok()) << generated.status();
  EXPECT_EQ(generated->row_bytes, 4 * 2 * model_->vocabulary().size());
}

TEST_F(GenerationTest, TravelsInHalfTheBytesAsFloat16) {
  Order order;
  order.dtype = v1::DTYPE_FLOAT16;
  order.sessions.push_back(Session(1, 4));
  const auto generated = Run(order);
  ASSERT_TRUE(generated.ok()) << generated.status();
  EXPECT_EQ(generated->row_bytes, 4 * 2 * model_->vocabulary().size());
}

TEST_F(GenerationTest, StopsAtARefusedSession) {
  Order order;
  order.sessions = {Session(1, 5), Session(2, 5)};
  order.sessions[1].mutable_params()->set_temperature(101);
  const auto generated = Run(order);
  EXPECT_EQ(generated.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(generated.status().message(),
              HasSubstr("the server refused: INVALID_ARGUMENT: temperature: "
                        "101 is outside [0, 100]"));
  EXPECT_EQ(ExitCodeOf(generated.status()), kRefused);
}

TEST_F(GenerationTest, StopsAtARefusedEntry) {
  Order order;
  order.prompt = *model_->Tokenize("the");  // Not told to the session.
  order.sessions.push_back(Session(1, 5));
  const auto generated = Run(order);
  EXPECT_EQ(generated.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(generated.status().message(), HasSubstr("not at this position"));
}

TEST_F(GenerationTest, SaysWhenTheServerGoesAway) {
  server_->Stop();
  Order order;
  order.sessions.push_back(Session(1, 5));
  EXPECT_FALSE(Run(order).ok());
}

TEST_F(GenerationTest, DemoModelRefusesWordsItDoesNotKnow) {
  const auto ids = model_->Tokenize("hello xyzzyq");
  EXPECT_THAT(ids.status().message(),
              HasSubstr("the demo model refused: INVALID_ARGUMENT: unknown "
                        "word: xyzzyq"));
}

TEST_F(GenerationTest, DemoModelRefusesBadContextsAndSaysWhy) {
  EXPECT_THAT(model_->Rows({"abc"}, v1::DTYPE_FLOAT32).status().message(),
              HasSubstr("not a multiple of 4"));
  // The stream is over, and stays over.
  EXPECT_FALSE(model_->Rows({""}, v1::DTYPE_FLOAT32).ok());
}

TEST_F(GenerationTest, DemoModelRefusesTooManyContexts) {
  const std::vector<std::string> contexts(demo::kContextsMax + 1);
  EXPECT_THAT(model_->Rows(contexts, v1::DTYPE_FLOAT32).status().message(),
              HasSubstr("257 is more than 256"));
}

TEST(DemoModelConnect, SaysHowToStartTheModel) {
  const auto model =
      DemoModel::Connect("unix:/nowhere/model.sock", absl::Seconds(1));
  EXPECT_EQ(ExitCodeOf(model.status()), kUnreachable);
  EXPECT_THAT(model.status().message(),
              HasSubstr("logitd-demo-model --listen unix:/nowhere/model.sock"));
}

}  // namespace
}  // namespace logitd::logitctl
