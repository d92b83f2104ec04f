// Receipts: every token of a session can be derived again from its receipt and
// its rows, on another server; what has changed is named.
#include "service/client/replay.h"

#include <functional>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/recorded_session.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using client::Replayed;
using client::ReplayRows;
using testing::RecordedSession;
using testing::StatusIs;
using Code = absl::StatusCode;

constexpr uint32_t kVocab = 500;

class Receipts : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto with_profiles = [](Config* config) {
      config->profile_dirs = {LOGITD_SOURCE_DIR "/deploy/profiles"};
    };
    recorder_ = new testing::TestServer(with_profiles);
    replayer_ = new testing::TestServer(with_profiles);
    by_default_ = new testing::TestServer([&](Config* config) {
      with_profiles(config);
      config->default_profile = "creative";
    });
  }
  static void TearDownTestSuite() {
    delete recorder_;
    delete replayer_;
    delete by_default_;
  }

  static client::Client ClientOf(const testing::TestServer& server) {
    return *client::Client::Connect(server.address());
  }

  static v1::OpenSession Opening(
      const std::function<void(v1::OpenSession*)>& set) {
    v1::OpenSession open = client::MakeOpen(0, kVocab, {}, 7);
    open.set_prompt(client::PackIds({1, 2, 3}));
    set(&open);
    return open;
  }

  static RecordedSession Record(
      const std::function<void(v1::OpenSession*)>& set) {
    return RecordedSession(ClientOf(*recorder_), Opening(set));
  }

  static absl::StatusOr<Replayed> Replay(const v1::Receipt& receipt,
                                         const ReplayRows& rows) {
    const auto stream = ClientOf(*replayer_).Sample(absl::Minutes(5));
    auto replayed = client::Replay(receipt, rows, stream.get());
    if (replayed.ok()) EXPECT_TRUE(stream->Finish().ok());
    return replayed;
  }

  // Whose --default_profile is "creative".
  static client::Client ClientOfDefault() { return ClientOf(*by_default_); }

  // Some tokens of a plain session.
  void RecordTen() {
    RecordedSession session = Record([](v1::OpenSession*) {});
    for (int i = 0; i < 10; ++i) session.Step();
    closed_ = session.Close();
    bytes_ = std::string(session.rows().rows);
  }
  ReplayRows rows() const { return {v1::DTYPE_FLOAT32, kVocab, bytes_, {}}; }
  // Token `i` of the receipt is another one.
  void Forge(size_t i) {
    ++(*closed_.mutable_receipt()->mutable_tokens())[4 * i];
  }

  v1::SessionClosed closed_;
  std::string bytes_;

 private:
  static testing::TestServer* recorder_;
  static testing::TestServer* replayer_;
  static testing::TestServer* by_default_;
};
testing::TestServer* Receipts::recorder_;
testing::TestServer* Receipts::replayer_;
testing::TestServer* Receipts::by_default_;

// What a session may be; each looks at its history in its own way.
void Variant(uint32_t number, v1::OpenSession* open) {
  v1::SamplingParams* params = open->mutable_params();
  params->set_temperature(1);
  open->set_salt(std::string(number % 2, 's'));
  switch (number % 7) {
    case 0:
      break;
    case 1:
      params->set_repetition_penalty(1.3);
      params->set_dry_multiplier(.8);
      open->set_generated(client::PackIds({4, 5, 6, 4}));
      break;
    case 2:
      params->set_mirostat(2);
      break;
    case 3:
      params->set_adaptive_p_target(.4);
      break;
    case 4: {
      v1::Phase* phase = open->add_phases();
      phase->set_name("tool");
      for (uint32_t id = 0; id < 30; ++id) {
        phase->add_enter()->set_tokens(client::PackIds({id}));
      }
      for (uint32_t id = 90; id < 120; ++id) {
        phase->add_leave()->set_tokens(client::PackIds({id}));
      }
      phase->mutable_default_params()->set_temperature(.3);
      break;
    }
    case 5:
      open->clear_prompt();
      open->set_prompt_length(40);
      params->set_max_tokens(30);
      break;
    default:
      params->set_eos_ids(client::PackIds({17}));
      params->set_min_p(.02);
      params->set_xtc_probability(.5);
      params->set_frequency_penalty(.5);
  }
}

TEST_F(Receipts, DeriveEveryTokenWhateverWasDoneToTheSession) {
  uint32_t same = 0, parts = 0;
  for (uint32_t number = 0; number < 42; ++number) {
    SCOPED_TRACE(number);
    tests::Dice dice(number);
    RecordedSession session =
        Record([number](v1::OpenSession* open) { Variant(number, open); });
    for (int i = 0; i < 60; ++i) session.DoSomething(&dice);
    session.Step();
    const v1::SessionClosed closed = session.Close();
    const auto replayed = Replay(closed.receipt(), session.rows());
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_TRUE(replayed->is_same());
    EXPECT_EQ(replayed->unchecked, 0u);
    EXPECT_EQ(replayed->same + replayed->given + replayed->appended,
              session.token_count());
    EXPECT_EQ(closed.generated_count(), session.token_count());
    EXPECT_EQ(closed.row_chain_digest().size(), 8u);
    same += replayed->same;
    parts += static_cast<uint32_t>(closed.receipt().parts_size());
  }
  EXPECT_GT(same, 300u);
  EXPECT_GT(parts, 84u);
}

TEST_F(Receipts, AreSentOnlyToThoseThatAsked) {
  RecordTen();
  EXPECT_EQ(closed_.receipt().parts_size(), 1);
  const v1::OpenSession& open = closed_.receipt().parts(0).open();
  EXPECT_EQ(open.seed(), 7u);
  EXPECT_EQ(open.expected_fingerprint(), closed_.fingerprint());
  EXPECT_FALSE(closed_.receipt().inputs().size());
  testing::TestServer server;
  testing::TestStream stream(server);
  testing::OpenSession(1, &stream);
  v1::SampleRequest request;
  request.add_close()->set_session_id(1);
  const v1::SessionClosed closed = stream.Call(request).closed(0);
  EXPECT_FALSE(closed.has_receipt());
  EXPECT_TRUE(closed.row_chain_digest().empty());
}

TEST_F(Receipts, NameTheFirstTokenThatDoesNotFollow) {
  RecordTen();
  const uint32_t drawn = testing::IdsOf(closed_.receipt().tokens())[4];
  Forge(4);
  Forge(6);
  const auto replayed = Replay(closed_.receipt(), rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->same, 8u);
  EXPECT_EQ(replayed->other, 2u);
  EXPECT_EQ(replayed->token->index, 4u);
  EXPECT_EQ(replayed->token->row, 4u);
  EXPECT_EQ(replayed->token->recorded, drawn + 1);
  EXPECT_EQ(replayed->token->found, drawn);
  EXPECT_EQ(replayed->other_rows, 0u);
  EXPECT_FALSE(replayed->is_same());
}

TEST_F(Receipts, NameTheFirstRowThatIsAnother) {
  RecordTen();
  bytes_[(3 * kVocab + 9) * 4] ^= 1;  // the last bit of a logit
  const auto replayed = Replay(closed_.receipt(), rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->other_rows, 1u);
  EXPECT_EQ(replayed->row->index, 3u);
  EXPECT_EQ(replayed->row->row, 3u);
  EXPECT_EQ(replayed->row->recorded, closed_.receipt().row_digests(3));
  EXPECT_NE(replayed->row->found, replayed->row->recorded);
  EXPECT_EQ(replayed->same, 10u);
}

TEST_F(Receipts, TellOtherSeedsByTheirTokens) {
  RecordTen();
  closed_.mutable_receipt()->mutable_parts(0)->mutable_open()->set_seed(8);
  const auto replayed = Replay(closed_.receipt(), rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_GT(replayed->other, 5u);
  EXPECT_EQ(replayed->other_rows, 0u);
}

TEST_F(Receipts, OfOtherRulesAreRefusedWithTheLine) {
  RecordTen();
  closed_.mutable_receipt()
      ->mutable_parts(0)
      ->mutable_open()
      ->mutable_params()
      ->set_top_k(9);
  EXPECT_THAT(Replay(closed_.receipt(), rows()).status(),
              StatusIs(Code::kFailedPrecondition, "the first difference is"));
}

// The revision is in it, also where the server chose the profile.
TEST_F(Receipts, NameTheRevisionOfTheProfile) {
  RecordedSession session(ClientOfDefault(), Opening([](v1::OpenSession*) {}));
  for (int i = 0; i < 5; ++i) session.Step();
  v1::Receipt receipt = session.Close().receipt();
  EXPECT_THAT(receipt.parts(0).open().profile(),
              ::testing::StartsWith("profiles/creative@"));
  const auto replayed = Replay(receipt, session.rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->same, 5u);
  receipt.mutable_parts(0)->mutable_open()->set_profile("profiles/creative@no");
  EXPECT_THAT(Replay(receipt, session.rows()).status(),
              StatusIs(Code::kFailedPrecondition, "profile: "));
}

TEST_F(Receipts, DoNotJudgeWhatWasDrawnWithAMask) {
  RecordedSession session = Record([](v1::OpenSession*) {});
  session.Step();
  session.Step(true);
  session.Step();
  auto replayed = Replay(session.Close().receipt(), session.rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_TRUE(replayed->is_same());
  EXPECT_EQ(replayed->same, 2u);
  EXPECT_EQ(replayed->unchecked, 1u);

  // Mirostat's state behind it is not known.
  RecordedSession fed = Record(
      [](v1::OpenSession* open) { open->mutable_params()->set_mirostat(2); });
  fed.Step();
  fed.Step(true);
  fed.Step();
  replayed = Replay(fed.Close().receipt(), fed.rows());
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->same, 1u);
  EXPECT_EQ(replayed->unchecked, 2u);
}

TEST_F(Receipts, ThatAreNoneAreRefusedByField) {
  RecordTen();
  const auto refusal = [&](const std::function<void(v1::Receipt*)>& change) {
    v1::Receipt receipt = closed_.receipt();
    change(&receipt);
    return std::string(Replay(receipt, rows()).status().message());
  };
  using R = v1::Receipt;
  EXPECT_THAT(refusal([](R* r) { r->mutable_tokens()->push_back('x'); }),
              ::testing::StartsWith("receipt.tokens: "));
  EXPECT_EQ(refusal([](R* r) { r->mutable_origins()->pop_back(); }),
            "receipt.origins: 9 elements for 10 tokens");
  EXPECT_EQ(refusal([](R* r) { (*r->mutable_origins())[2] = 9; }),
            "receipt.origins: 9 at index 2 is no TokenOrigin");
  EXPECT_EQ(refusal([](R* r) { r->set_inputs("abc"); }),
            "receipt.inputs: 3 elements for 10 tokens");
  EXPECT_EQ(refusal([](R* r) { r->add_attempts(1); }),
            "receipt.attempts: 1 elements for 10 tokens");
  EXPECT_EQ(refusal([](R* r) { r->clear_row_digests(); }),
            "receipt.row_digests: 0 elements for 10 tokens");
  EXPECT_EQ(refusal([](R* r) { r->clear_parts(); }),
            "receipt.parts: required, at least one");
  EXPECT_EQ(refusal([](R* r) { r->mutable_parts(0)->set_first(2); }),
            "receipt.parts[0].first: 2 does not rise from 0 to 10");
  EXPECT_EQ(refusal([](R* r) { r->add_parts()->set_first(0); }),
            "receipt.parts[1].first: 0 does not rise from 0 to 10");
  EXPECT_EQ(refusal([](R* r) { r->add_parts()->set_first(11); }),
            "receipt.parts[1].first: 11 does not rise from 0 to 10");
  bytes_.resize(bytes_.size() - 1);
  EXPECT_EQ(refusal([](R*) {}),
            "rows: 9 rows are fewer than the 10 that the receipt's tokens "
            "have");
}

}  // namespace
}  // namespace logitd
