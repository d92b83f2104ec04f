// What a session begins with: checks, seeds, resuming.
#include "gtest/gtest.h"
#include "sampler/fingerprint.h"
#include "sampler/knobs.h"
#include "service/session/session.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::kVocab;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;
using Code = absl::StatusCode;

absl::Status OpenStatus(SessionStart start, const Limits& limits = Limits()) {
  return Session::Open(std::move(start), limits).status();
}

TEST(SessionOpen, RefusesAVocabularyOutsideItsRange) {
  SessionStart start = StartOf({});
  start.vocab_size = 0;
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kInvalidArgument,
                       "vocab_size: 0 is outside [1, 1048576]"));
  Limits limits;
  limits.max_vocab_size = 100;
  start.vocab_size = 100;
  EXPECT_THAT(OpenStatus(start, limits), IsOk());
  start.vocab_size = 101;
  EXPECT_THAT(OpenStatus(start, limits),
              StatusIs(Code::kResourceExhausted, "--max_vocab_size 100"));
}

TEST(SessionOpen, NamesTheKnobThatIsOutOfRange) {
  Params params;
  params.min_p = -0.5;
  EXPECT_THAT(OpenStatus(StartOf(params)),
              StatusIs(Code::kInvalidArgument, "params.min_p: -0.5 is"));
}

TEST(SessionOpen, RefusesIdsOutsideTheVocabulary) {
  SessionStart start = StartOf({});
  start.prompt = {1, kVocab};
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kInvalidArgument, "prompt: id 300 at index 1"));
  start.prompt = {1};
  start.generated = {2, 3, 4000000000u};
  EXPECT_THAT(OpenStatus(start), StatusIs(Code::kInvalidArgument,
                                          "generated: id 4000000000 at index"));
}

TEST(SessionOpen, BoundsTheReportAndTheSalt) {
  SessionStart start = StartOf({});
  start.report.top_n_final = 128;
  start.salt = std::string(256, 's');
  EXPECT_THAT(OpenStatus(start), IsOk());
  start.report.top_n_final = 129;
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kResourceExhausted, "report.top_n_final: 129"));
  start.report.top_n_final = 0;
  start.salt += 's';
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kInvalidArgument, "salt: 257 bytes"));
}

TEST(SessionOpen, BoundsTheHistoryAtItsLimit) {
  Limits limits;
  limits.max_history = 10;
  SessionStart start = StartOf({});
  start.prompt = TokenIds(6, 1);
  for (const size_t count : {3u, 4u, 5u}) {
    start.generated = TokenIds(count, 2);
    EXPECT_EQ(OpenStatus(start, limits).ok(), count <= 4) << count;
  }
  start.prompt.clear();
  start.generated.clear();
  start.prompt_length = 11;
  EXPECT_THAT(OpenStatus(start, limits),
              StatusIs(Code::kResourceExhausted, "--max_history 10"));
  start.prompt_length = 0xFFFFFFFFu;
  EXPECT_THAT(OpenStatus(start, limits),
              StatusIs(Code::kResourceExhausted, "--max_history 10"));
}

TEST(SessionOpen, TakesAPromptLengthOnlyIfItIsThePrompts) {
  SessionStart start = StartOf({});
  start.prompt = {1, 2};
  start.prompt_length = 2;
  EXPECT_THAT(OpenStatus(start), IsOk());
  start.prompt_length = 3;
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kInvalidArgument, "prompt_length: 3 is not"));
}

TEST(SessionOpen, NeedsThePromptOnlyWhenAKnobLooksAtIt) {
  Params params;
  params.frequency_penalty = 0.5;
  SessionStart start = StartOf(params);
  start.prompt_length = 4;
  EXPECT_THAT(OpenStatus(start), IsOk());
  start.params.repetition_penalty = 1.1;
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kFailedPrecondition, "prompt: repetition"));
}

TEST(SessionOpen, ComparesTheExpectedFingerprint) {
  Params params;
  params.top_k = 5;
  Session session = OpenOrDie(StartOf(params));
  SessionStart start = StartOf(params);
  start.expected_fingerprint = session.fingerprint();
  start.expected_fingerprint_lines = session.fingerprint_lines();
  EXPECT_THAT(OpenStatus(start), IsOk());
  start.params.top_k = 6;
  EXPECT_THAT(
      OpenStatus(start),
      StatusIs(Code::kFailedPrecondition,
               "\"10=5\" (top_k) was expected, here is \"10=6\" (top_k)"));
  start.expected_fingerprint_lines.clear();
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kFailedPrecondition, "expected_fingerprint: \""));
  start.params.top_k = 5;
  start.params.top_p = 0.5;
  start.expected_fingerprint_lines = {kSemantics};
  EXPECT_THAT(OpenStatus(start),
              StatusIs(Code::kFailedPrecondition, "line 2: no line was"));
}

TEST(SessionOpen, DerivesTheEndFromTheHistory) {
  Params params;
  params.stop_sequences = {{5, 6, 7}};
  SessionStart start = StartOf(params);
  start.prompt = {5};
  start.generated = {6, 7};  // the sequence must not reach into the prompt
  EXPECT_EQ(OpenOrDie(start).finish(), FinishReason::kNone);
  start.generated = {5, 6, 7};
  EXPECT_EQ(OpenOrDie(start).finish(), FinishReason::kStopSequence);
}

TEST(SessionOpen, AnotherSeedOrSaltIsAnotherStream) {
  Stepper stepper;
  SessionStart start = StartOf({}, 1);
  Session plain = OpenOrDie(start);
  start.salt = "a";
  Session salted = OpenOrDie(start);
  Session other = OpenOrDie(StartOf({}, 2));
  const auto tokens = stepper.Generate(20, &plain);
  EXPECT_NE(tokens, stepper.Generate(20, &salted));
  EXPECT_NE(tokens, stepper.Generate(20, &other));
}

TEST(SessionOpen, PromptAndOutputAsOnePromptDrawTheSameTokens) {
  Stepper stepper;
  SessionStart start = StartOf({});
  start.prompt = {1, 2, 3};
  Session session = OpenOrDie(start);
  const auto head = stepper.Generate(10, &session);
  start.prompt.insert(start.prompt.end(), head.begin(), head.end());
  Session requeued = OpenOrDie(start);
  EXPECT_EQ(stepper.Generate(10, &session), stepper.Generate(10, &requeued));
}

// Parameters whose state reaches back over the point of resuming.
std::vector<Params> ParamsWithMemory() {
  std::vector<Params> all(5);
  all[0].temperature = 1.7;
  all[0].repetition_penalty = 1.4;
  all[0].repetition_window = 16;
  all[1].frequency_penalty = 0.7;
  all[1].presence_penalty = 0.4;
  all[1].presence_window = 5;
  all[2].repetition_penalty = 1.2;
  all[2].min_tokens = 90;
  all[2].eos_ids = {3, 4};
  all[3].stop_sequences = {{1, 1, 1, 1, 1, 1, 1}};
  all[3].allowed_ids = {1, 2};
  all[4].top_k = 40;
  all[4].frequency_penalty = -0.1;
  all[4].frequency_window = 9;
  return all;
}

TEST(SessionOpen, ResumesAtEveryPosition) {
  Stepper stepper;
  for (const Params& params : ParamsWithMemory()) {
    SessionStart start = StartOf(params);
    start.prompt = {7, 8, 9, 7};
    Session session = OpenOrDie(start);
    const auto tokens = stepper.Generate(120, &session);
    const FinishReason finish = session.finish();
    for (uint32_t cut = 0; cut < 120; ++cut) {
      start.generated.assign(tokens.begin(), tokens.begin() + cut);
      Session resumed = OpenOrDie(start);
      if (resumed.finish() != FinishReason::kNone) break;
      const auto rest = stepper.Generate(120 - cut, &resumed);
      ASSERT_TRUE(std::equal(rest.begin(), rest.end(), tokens.begin() + cut))
          << "resumed at " << cut;
      EXPECT_EQ(resumed.finish(), finish);
    }
  }
}

}  // namespace
}  // namespace logitd
