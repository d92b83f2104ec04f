// Receipts: every token of a session can be derived again from its receipt and
// its rows, on another server; what has changed is named.
#include "service/client/replay.h"

#include <functional>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "service/client/status.h"
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

  static absl::StatusOr<Replayed> Replay(const v1::SessionClosed& closed,
                                         const ReplayRows& rows) {
    const auto stream = ClientOf(*replayer_).Sample(absl::Minutes(5));
    auto replayed = client::Replay(closed, rows, stream.get());
    if (replayed.ok()) {
      EXPECT_TRUE(stream->Finish().ok());
    }
    return replayed;
  }

  // One that is not refused.
  static Replayed ReplayAll(const v1::SessionClosed& closed,
                            const ReplayRows& rows) {
    const auto replayed = Replay(closed, rows);
    EXPECT_TRUE(replayed.ok()) << replayed.status();
    Replayed nothing;
    nothing.unchecked = 0xFFFFFFFF;
    return replayed.value_or(nothing);
  }

  static client::Client ClientOfRecorder() { return ClientOf(*recorder_); }
  // Whose --default_profile is "creative".
  static client::Client ClientOfDefault() { return ClientOf(*by_default_); }

  // Some tokens of a plain session.
  void RecordTen() {
    RecordedSession session = Record([](v1::OpenSession*) {});
    for (int i = 0; i < 10; ++i) session.Step();
    closed_ = session.Close();
    bytes_ = std::string(session.rows().rows);
  }
  ReplayRows rows() const {
    return {v1::DTYPE_FLOAT32, kVocab, bytes_, {}, {}};
  }
  v1::OpenSession* open() {
    return closed_.mutable_receipt()->mutable_parts(0)->mutable_open();
  }
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

void AddToolPhase(v1::OpenSession* open) {
  v1::Phase* phase = open->add_phases();
  phase->set_name("tool");
  for (uint32_t id = 0; id < 30; ++id) {
    phase->add_enter()->set_tokens(client::PackIds({id}));
    phase->add_leave()->set_tokens(client::PackIds({id + 90}));
  }
  phase->mutable_default_params()->set_temperature(.3);
}

void AddRisingMinP(v1::SamplingParams* params) {
  v1::Schedule* schedule = params->add_schedules();
  schedule->set_knob("min_p");
  schedule->set_shape(v1::SCHEDULE_SHAPE_LINEAR);
  for (const auto& [at, value] : {std::pair(0u, .001), std::pair(40u, .1)}) {
    v1::SchedulePoint* point = schedule->add_points();
    point->set_at(at);
    point->set_value(value);
  }
}

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
    case 4:
      AddToolPhase(open);
      AddRisingMinP(params);
      break;
    case 5:
      open->clear_prompt();
      open->set_prompt_length(40);
      params->set_max_tokens(30);
      open->set_initial_phase("tool");
      AddToolPhase(open);
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
    const Replayed replayed = ReplayAll(closed, session.rows());
    EXPECT_TRUE(replayed.is_same());
    EXPECT_EQ(replayed.unchecked, 0u);
    EXPECT_EQ(replayed.same + replayed.given + replayed.appended,
              session.token_count());
    EXPECT_EQ(closed.generated_count(), session.token_count());
    EXPECT_EQ(closed.row_chain_digest().size(), 8u);
    same += replayed.same;
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
  const Replayed replayed = ReplayAll(closed_, rows());
  EXPECT_EQ(replayed.same, 8u);
  EXPECT_EQ(replayed.other, 2u);
  EXPECT_EQ(replayed.token->index, 4u);
  EXPECT_EQ(replayed.token->row, 4u);
  EXPECT_EQ(replayed.token->recorded, drawn + 1);
  EXPECT_EQ(replayed.token->found, drawn);
  EXPECT_FALSE(replayed.token->has_other_row);
  EXPECT_EQ(replayed.other_rows, 0u);
  EXPECT_FALSE(replayed.is_whole);
  EXPECT_FALSE(replayed.is_same());
}

TEST_F(Receipts, AreComparedWithWhatStandsBesideThem) {
  RecordTen();
  const v1::SessionClosed good = closed_;
  const auto is_whole = [&](const std::function<void()>& change) {
    closed_ = good;
    change();
    const Replayed replayed = ReplayAll(closed_, rows());
    return replayed.is_whole && replayed.is_same();
  };
  EXPECT_TRUE(is_whole([] {}));
  EXPECT_FALSE(is_whole([&] { closed_.clear_row_chain_digest(); }));
  EXPECT_FALSE(is_whole([&] { closed_.set_generated_count(9); }));
  EXPECT_FALSE(is_whole([&] { closed_.set_fingerprint("0123456789abcdef"); }));
}

TEST_F(Receipts, NameTheFirstRowThatIsAnother) {
  RecordTen();
  bytes_[(3 * kVocab + 9) * 4] ^= 1;  // the last bit of a logit
  const Replayed replayed = ReplayAll(closed_, rows());
  EXPECT_EQ(replayed.other_rows, 1u);
  EXPECT_EQ(replayed.row->index, 3u);
  EXPECT_EQ(replayed.row->row, 3u);
  EXPECT_EQ(replayed.row->recorded, closed_.receipt().row_digests(3));
  EXPECT_NE(replayed.row->found, replayed.row->recorded);
  EXPECT_EQ(replayed.same, 10u);

  // Another token, from a row as it was: the row before says nothing.
  Forge(5);
  EXPECT_FALSE(Replay(closed_, rows())->token->has_other_row);
  Forge(3);
  EXPECT_TRUE(Replay(closed_, rows())->token->has_other_row);
}

// Mirostat's state is of the rows before.
TEST_F(Receipts, TellTokensWhoseStateIsOfOtherRows) {
  RecordedSession session = Record(
      [](v1::OpenSession* open) { open->mutable_params()->set_mirostat(2); });
  for (int i = 0; i < 4; ++i) session.Step();
  closed_ = session.Close();
  bytes_ = std::string(session.rows().rows);
  bytes_[(1 * kVocab + 9) * 4] ^= 1;
  Forge(3);
  const Replayed replayed = ReplayAll(closed_, rows());
  EXPECT_EQ(replayed.token->index, 3u);
  EXPECT_TRUE(replayed.token->has_other_row);
}

TEST_F(Receipts, TellOtherSeedsByTheirTokens) {
  RecordTen();
  open()->set_seed(8);
  const Replayed replayed = ReplayAll(closed_, rows());
  EXPECT_GT(replayed.other, 5u);
  EXPECT_EQ(replayed.other_rows, 0u);
}

TEST_F(Receipts, OfOtherRulesAreRefusedWithTheLine) {
  RecordTen();
  open()->mutable_params()->set_top_k(9);
  EXPECT_THAT(Replay(closed_, rows()).status(),
              StatusIs(Code::kFailedPrecondition, "the first difference is"));
}

// What if other rules had been asked for, which end the text sooner?
TEST_F(Receipts, TellWhereOtherRulesEndTheText) {
  RecordedSession session = Record([](v1::OpenSession*) {});
  for (int i = 0; i < 5; ++i) session.Step();
  session.Append({1, 2});
  session.Step();
  closed_ = session.Close();
  bytes_ = std::string(session.rows().rows);
  open()->clear_expected_fingerprint();
  const auto with_max_tokens = [&](uint32_t max_tokens) {
    open()->mutable_params()->set_max_tokens(max_tokens);
    return ReplayAll(closed_, rows());
  };
  const Replayed sooner = with_max_tokens(3);
  EXPECT_EQ(sooner.same, 3u);
  EXPECT_EQ(sooner.token->index, 3u);
  EXPECT_EQ(sooner.token->found, client::kNone);
  EXPECT_EQ(sooner.other, 1u);
  EXPECT_EQ(sooner.unchecked, 4u);
  // Before tokens that have no row.
  EXPECT_EQ(with_max_tokens(5).same, 5u);
  EXPECT_EQ(with_max_tokens(5).token->found, client::kNone);
  EXPECT_EQ(with_max_tokens(5).token->index, 5u);
  EXPECT_EQ(with_max_tokens(5).unchecked, 2u);
  EXPECT_EQ(with_max_tokens(8).same, 6u);
}

// The revision is in it, also where the server chose the profile.
TEST_F(Receipts, NameTheRevisionOfTheProfile) {
  RecordedSession session(ClientOfDefault(), Opening([](v1::OpenSession*) {}));
  for (int i = 0; i < 5; ++i) session.Step();
  closed_ = session.Close();
  EXPECT_THAT(open()->profile(), ::testing::StartsWith("profiles/creative@"));
  const Replayed replayed = ReplayAll(closed_, session.rows());
  EXPECT_EQ(replayed.same, 5u);
  open()->set_profile("profiles/creative@no");
  EXPECT_THAT(Replay(closed_, session.rows()).status(),
              StatusIs(Code::kFailedPrecondition, "profile: "));
}

TEST_F(Receipts, JudgeMaskedTokensWhereTheMasksAre) {
  RecordedSession session = Record([](v1::OpenSession*) {});
  session.Step();
  session.Step({true, false, false});
  session.Step();
  closed_ = session.Close();
  Replayed replayed = ReplayAll(closed_, session.rows());
  EXPECT_TRUE(replayed.is_same());
  EXPECT_EQ(replayed.same, 2u);
  EXPECT_EQ(replayed.unchecked, 1u);
  replayed = ReplayAll(closed_, session.rows(true));
  EXPECT_EQ(replayed.same, 3u);
}

TEST_F(Receipts, JudgeGuidedTokensWhereTheirRowsAre) {
  RecordedSession session = Record([](v1::OpenSession* open) {
    open->mutable_params()->set_guidance_scale(1.5);
  });
  for (int i = 0; i < 4; ++i) session.Step({i == 2, true, false});
  closed_ = session.Close();
  Replayed replayed = ReplayAll(closed_, session.rows(true));
  EXPECT_EQ(replayed.unchecked, 4u);
  replayed = ReplayAll(closed_, session.rows(true, true));
  EXPECT_EQ(replayed.same, 4u);
  ReplayRows wrong = session.rows(true);
  wrong.guidance = wrong.rows;
  Forge(0);
  replayed = ReplayAll(closed_, wrong);
  EXPECT_TRUE(replayed.token->is_guided);
  // Without guidance the rows are not looked at.
  open()->clear_expected_fingerprint();
  open()->mutable_params()->clear_guidance_scale();
  for (const bool with_guidance : {true, false}) {
    replayed = ReplayAll(closed_, session.rows(true, with_guidance));
    EXPECT_EQ(replayed.same + replayed.other, 4u);
  }
}

TEST_F(Receipts, DoNotJudgeDrafts) {
  RecordedSession session = Record([](v1::OpenSession*) {});
  session.Step();
  session.Step({false, false, true});
  session.Step();
  const Replayed replayed = ReplayAll(session.Close(), session.rows());
  EXPECT_TRUE(replayed.is_same());
  EXPECT_GE(replayed.unchecked, 1u);
  EXPECT_EQ(replayed.unchecked + replayed.same, session.token_count());
}

// Its state is not known behind a mask that is not there, until it is off.
TEST_F(Receipts, DoNotJudgeWhatMirostatMadeOfAMask) {
  RecordedSession session = Record(
      [](v1::OpenSession* open) { open->mutable_params()->set_mirostat(2); });
  session.Step();
  session.Step({true, false, false});
  session.Step();
  v1::UpdateSession update;
  update.add_clear("mirostat");
  session.Update(update);
  session.Step();
  const v1::SessionClosed closed = session.Close();
  Replayed replayed = ReplayAll(closed, session.rows());
  EXPECT_EQ(replayed.same, 2u);
  EXPECT_EQ(replayed.unchecked, 2u);
  replayed = ReplayAll(closed, session.rows(true));
  EXPECT_EQ(replayed.same, 4u);
}

TEST_F(Receipts, OfOneReplyAreBounded) {
  // Four of 20 MiB are too much; the last session stays.
  const auto stream = ClientOfRecorder().Sample(absl::Minutes(5));
  v1::SampleRequest request;
  v1::OpenSession open = Opening([](v1::OpenSession*) {});
  open.set_receipt(true);
  open.set_generated(std::string(4000000, '\0'));
  for (uint64_t id = 1; id <= 4; ++id) {
    open.set_session_id(id);
    *request.add_open() = open;
  }
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  request.Clear();
  for (uint64_t id = 1; id <= 4; ++id) request.add_close()->set_session_id(id);
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_FALSE(reply.closed(2).has_error());
  EXPECT_THAT(client::ToStatus(reply.closed(3).error()),
              StatusIs(Code::kResourceExhausted, "close[3].receipt: "));
  EXPECT_FALSE(reply.closed(3).has_receipt());
  request.Clear();
  request.add_close()->set_session_id(4);
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_EQ(reply.closed(0).receipt().row_digests_size(), 1000000);
}

TEST_F(Receipts, ThatAreNoneAreRefusedByField) {
  RecordTen();
  const auto refusal = [&](const std::function<void(v1::Receipt*)>& change) {
    v1::SessionClosed changed = closed_;
    change(changed.mutable_receipt());
    return std::string(Replay(changed, rows()).status().message());
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
