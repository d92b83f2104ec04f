// What the door refuses, by name, value and range; and that the knobs' table is
// that of the contract.
#include "sampler/params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "sampler/knobs.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/knob_ends.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kVocab = 1000;

MATCHER_P2(Refused, code, message, "") {
  return arg.code() == code &&
         ExplainMatchResult(message, std::string(arg.message()),
                            result_listener);
}

auto Invalid(const std::string& name, const std::string& piece) {
  return Refused(absl::StatusCode::kInvalidArgument,
                 AllOf(StartsWith(name + ": "), HasSubstr(piece)));
}

auto TooMany(const std::string& name, const std::string& limit) {
  return Refused(absl::StatusCode::kResourceExhausted,
                 AllOf(StartsWith(name + ": "), HasSubstr(limit)));
}

TEST(Params, ThatAreAbsentAreValid) {
  EXPECT_TRUE(Validate(Params(), 1).ok());
  EXPECT_TRUE(Validate(Params(), kVocab).ok());
}

TEST(Params, RefuseARealOutOfRangeNamingValueAndRange) {
  for (const RealKnob& knob : kRealKnobs) {
    const double below =
        knob.min_open ? knob.min : std::nextafter(knob.min, -1e9);
    const double above =
        knob.max_open ? knob.max : std::nextafter(knob.max, 1e9);
    for (const double value :
         {below, above, -1e300, 1e300, HUGE_VAL, -HUGE_VAL}) {
      Params params;
      params.*knob.value = value;
      char digits[40];  // the shortest that read back as the value
      const auto end = std::to_chars(digits, digits + sizeof(digits), value);
      const std::string printed(digits, end.ptr);
      EXPECT_THAT(Validate(params, kVocab), Invalid(knob.name, printed));
      EXPECT_THAT(
          Validate(params, kVocab),
          Invalid(knob.name, knob.min_open ? "outside (" : "outside ["));
    }
    for (const double value : {MostOf(knob), knob.off, LeastOf(knob)}) {
      Params params;
      params.*knob.value = value;
      EXPECT_TRUE(Validate(params, kVocab).ok()) << knob.name << value;
    }
  }
  RecordRanges(NamesIn(kRealKnobs));
}

TEST(Params, RefuseNanInEveryReal) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const RealKnob& knob : kRealKnobs) {
    for (const double value : {nan, -nan}) {
      Params params;
      params.*knob.value = value;
      EXPECT_THAT(Validate(params, kVocab), Invalid(knob.name, "nan"));
    }
  }
  Params params;
  params.logit_bias_ids = {1};
  params.logit_bias_values = {nan};
  EXPECT_THAT(Validate(params, kVocab), Invalid("logit_bias_values", "nan"));
}

TEST(Params, RefuseACountOutOfRangeNamingValueAndRange) {
  for (const CountKnob& knob : kCountKnobs) {
    for (const uint32_t value : {knob.min - 1, knob.max + 1, 0xFFFFFFFFu}) {
      if (value >= knob.min && value <= knob.max) continue;
      Params params;
      params.*knob.value = value;
      EXPECT_THAT(Validate(params, kVocab),
                  Invalid(knob.name, std::to_string(value) + " is outside [" +
                                         std::to_string(knob.min) + ", " +
                                         std::to_string(knob.max) + "]"));
    }
    for (const uint32_t value : {knob.min, knob.max}) {
      Params params;
      params.*knob.value = value;
      EXPECT_TRUE(Validate(params, kVocab).ok()) << knob.name;
    }
  }
  RecordRanges(NamesIn(kCountKnobs));
}

TEST(Params, RefuseAnIdBeyondTheVocabulary) {
  for (const IdsKnob& knob : kIdsKnobs) {
    Params params;
    params.*knob.value = {0, kVocab - 1, kVocab};
    EXPECT_THAT(Validate(params, kVocab), Invalid(knob.name, "1000"));
    params.*knob.value = {0, kVocab - 1, kVocab - 1};
    EXPECT_TRUE(Validate(params, kVocab).ok()) << knob.name;
  }
  Params params;
  params.logit_bias_ids = {kVocab};
  params.logit_bias_values = {1};
  EXPECT_THAT(Validate(params, kVocab), Invalid("logit_bias_ids", "1000"));
  params = Params();
  params.stop_sequences = {{1}, {2, kVocab}};
  EXPECT_THAT(Validate(params, kVocab),
              Invalid("stop_sequences[1].tokens", "1000"));
}

TEST(Params, RefuseMoreEntriesThanALimitByItsNumber) {
  for (const IdsKnob& knob : kIdsKnobs) {
    Params params;
    (params.*knob.value).assign(knob.count_max + 1, 0);
    EXPECT_THAT(Validate(params, kVocab),
                TooMany(knob.name, std::to_string(knob.count_max)));
    (params.*knob.value).pop_back();
    EXPECT_TRUE(Validate(params, kVocab).ok()) << knob.name;
  }
  std::vector<std::string> names = NamesIn(kIdsKnobs);
  names.insert(names.end(), {"logit_bias_ids", "forced_tokens"});
  RecordRanges(names);
  Params params;
  params.forced_tokens.assign(kIdsMax + 1, 0);
  EXPECT_THAT(Validate(params, kVocab), TooMany("forced_tokens", "1048576"));
  params = Params();
  params.logit_bias_ids.resize(kBiasMax + 1);
  std::iota(params.logit_bias_ids.begin(), params.logit_bias_ids.end(), 0u);
  params.logit_bias_values.assign(kBiasMax + 1, 1.0);
  EXPECT_THAT(Validate(params, 100000), TooMany("logit_bias_ids", "65536"));
}

TEST(Params, RefuseSequencesThatAreTooManyTooLongOrEmpty) {
  for (const SequencesKnob& knob : kSequencesKnobs) {
    const std::string name = knob.name;
    Params params;
    auto& sequences = params.*knob.value;
    sequences.assign(kStopSequencesMax + 1, {1});
    EXPECT_THAT(Validate(params, kVocab), TooMany(name, "1024"));
    sequences.pop_back();
    EXPECT_TRUE(Validate(params, kVocab).ok()) << name;
    sequences = {TokenIds(kStopSequenceTokensMax + 1, 1)};
    EXPECT_THAT(Validate(params, kVocab), TooMany(name + "[0].tokens", "256"));
    sequences = {{1}, {}};
    EXPECT_THAT(Validate(params, kVocab),
                Invalid(name + "[1].tokens", "[1, 256]"));
  }
  RecordRanges(NamesIn(kSequencesKnobs));
}

TEST(Params, RefuseStepsThatAreNamedTwiceOrForgetAKnob) {
  Params params;
  params.top_p = .5;
  params.steps = {Stage::kTemperature, Stage::kTopP};
  EXPECT_TRUE(Validate(params, kVocab).ok());
  params.steps = {Stage::kTopP, Stage::kTemperature, Stage::kTopP};
  EXPECT_THAT(Validate(params, kVocab), Invalid("steps", "top_p"));
  params.steps = {Stage::kTemperature, Stage::kMinP};
  EXPECT_THAT(Validate(params, kVocab), Invalid("steps", "top_p"));
  RecordRanges({"steps"});
}

// A temperature that does nothing need not be named.
TEST(Params, RefuseStepsWithoutATemperatureThatIsOn) {
  Params params;
  params.top_p = .5;
  params.steps = {Stage::kTopP};
  EXPECT_TRUE(Validate(params, kVocab).ok());
  params.temperature = 1;
  EXPECT_TRUE(Validate(params, kVocab).ok());
  for (const double temperature : {0.0, .7, 1.5}) {
    params.temperature = temperature;
    EXPECT_THAT(Validate(params, kVocab), Invalid("steps", "temperature"));
  }
  params.temperature.reset();
  params.dynamic_temperature_range = .5;
  EXPECT_THAT(Validate(params, kVocab), Invalid("steps", "temperature"));
  params.dynamic_temperature_range.reset();
  params.smoothing_factor = .2;
  EXPECT_THAT(Validate(params, kVocab), Invalid("steps", "temperature"));
}

TEST(Params, RefuseABiasOutOfRangeTwiceOrWithoutItsValue) {
  Params params;
  params.logit_bias_ids = {1, 2};
  params.logit_bias_values = {1};
  EXPECT_THAT(Validate(params, kVocab), Invalid("logit_bias_values", "1"));
  params.logit_bias_values = {1, 100.5};
  EXPECT_THAT(Validate(params, kVocab),
              Invalid("logit_bias_values", "[-100, 100]"));
  params.logit_bias_values = {1, -HUGE_VAL};
  EXPECT_THAT(Validate(params, kVocab),
              Invalid("logit_bias_values", "banned_ids"));
  params.logit_bias_ids = {2, 2};
  params.logit_bias_values = {1, 1};
  EXPECT_THAT(Validate(params, kVocab), Invalid("logit_bias_ids", "twice"));
  RecordRanges({"logit_bias_values"});
}

TEST(Params, AreCheckedWhenAPlanIsCompiled) {
  Params params;
  params.top_p = 1.5;
  EXPECT_THAT(Plan::Compile(params, kVocab).status(),
              Invalid("top_p", "1.5 is outside (0, 1]"));
}

std::string Contract() {
  std::ifstream file(LOGITD_SOURCE_DIR "/proto/logitd/v1/params.proto");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// `type name = field;` and, if given, the range in the comment above it.
void ExpectInContract(const std::string& type, const std::string& name,
                      int field, const std::string& range = "") {
  std::istringstream text(Contract());
  const std::string wanted =
      "  " + type + " " + name + " = " + std::to_string(field) + ";";
  std::string comment;
  for (std::string line; std::getline(text, line);) {
    if (line == wanted) {
      EXPECT_THAT(comment, HasSubstr(range)) << name;
      return;
    }
    const bool goes_on = line.rfind("  // ", 0) == 0;
    comment = goes_on ? comment + line.substr(4) : "";
  }
  ADD_FAILURE() << "params.proto has no line " << wanted;
}

std::string Number(double x) {
  std::ostringstream text;
  text << x;
  return text.str();
}

TEST(Params, HaveTheNumbersAndRangesOfTheContract) {
  for (const RealKnob& knob : kRealKnobs) {
    ExpectInContract("optional double", knob.name, knob.field,
                     std::string("Range ") + (knob.min_open ? "(" : "[") +
                         Number(knob.min) + ", " + Number(knob.max) +
                         (knob.max_open ? ")" : "]"));
  }
  for (const CountKnob& knob : kCountKnobs) {
    const bool window =
        std::string(knob.name).find("window") != std::string::npos;
    const bool stated = !window || knob.field == 41;  // the others: "as" it
    ExpectInContract("optional uint32", knob.name, knob.field,
                     stated ? "Range [" + std::to_string(knob.min) + ", " +
                                  std::to_string(knob.max) + "]"
                            : "");
  }
  for (const IdsKnob& knob : kIdsKnobs) {
    ExpectInContract("bytes", knob.name, knob.field);
  }
  for (const SwitchKnob& knob : kSwitchKnobs) {
    ExpectInContract("optional bool", knob.name, knob.field);
  }
  ExpectInContract("bytes", "logit_bias_ids", kBiasIdsField,
                   "At most --max_bias");
  ExpectInContract("repeated double", "logit_bias_values", kBiasValuesField,
                   "Range [-100, 100]");
  for (const SequencesKnob& knob : kSequencesKnobs) {
    ExpectInContract("repeated TokenSequence", knob.name, knob.field,
                     "of 1 to 256 tokens");
  }
  ExpectInContract("bytes", "forced_tokens", kForcedTokensField,
                   "At most --max_ids");
  ExpectInContract("optional ThinkingBudget", "thinking_budget",
                   kThinkingBudgetField);
  ExpectInContract("optional OnConflict", "on_conflict", kOnConflictField);
  ExpectInContract("optional OnEmpty", "on_empty", kOnEmptyField);
  ExpectInContract("optional OnNonFinite", "on_non_finite", kOnNonFiniteField);
}

// ---- rows

class Rows : public Sampling {};

TEST_P(Rows, ShorterThanTheVocabularyAreRefused) {
  Case c = Question({1, 2, 3});
  c.vocab_size = 4;
  EXPECT_THAT(Fail(c), Invalid("logits", "3 is shorter than vocab_size 4"));
}

TEST_P(Rows, WithNanOrInfinityAreRefusedByIndexBeforeAnyBan) {
  for (const float value : {std::nanf(""), HUGE_VALF}) {
    Case c = Question({1, 2, 3, 4});
    c.logits[2] = value;
    c.params.banned_ids = {2};
    c.has_mask = true;
    c.mask = {0b1011};
    EXPECT_THAT(Fail(c), Invalid("logits", "index 2"));
    c.params.on_non_finite = OnNonFinite::kBan;
    const Outcome outcome = Ask(c);
    EXPECT_EQ(outcome.non_finite_banned, 1u);
    EXPECT_EQ(outcome.kept, 3u);
  }
}

TEST_P(Rows, AreReadUpToTheVocabularyOnly) {
  Case c = Question({1, 2, 3});
  c.logits.push_back(HUGE_VALF);
  c.logits.push_back(99);
  const Outcome wide = Ask(c);
  const Outcome exact = Ask(Question({1, 2, 3}));
  EXPECT_EQ(wide.kept, 3u);
  EXPECT_EQ(wide.raw_logprob, exact.raw_logprob);
  EXPECT_EQ(wide.token, exact.token);
}

auto NothingLeft(const std::string& ban) {
  return Refused(absl::StatusCode::kFailedPrecondition,
                 AllOf(StartsWith("logits: nothing is left"), HasSubstr(ban)));
}

TEST_P(Rows, WithNothingLeftFailNamingTheBans) {
  EXPECT_THAT(Fail(Question({kBannedLogit, kBannedLogit})),
              NothingLeft("every logit of the row is -inf"));
  Case c = Question({1, 2});
  c.has_mask = true;  // an empty mask allows nothing
  EXPECT_THAT(Fail(c), NothingLeft("mask"));
  c = Question({1, kBannedLogit, 2});
  c.params.allowed_ids = {1};
  EXPECT_THAT(Fail(c), NothingLeft("allowed_ids"));
  c = Question({1, 2, 3});
  c.params.banned_ids = {0, 1};
  c.params.eos_ids = {2};
  c.params.ban_eos = true;
  EXPECT_THAT(Fail(c), NothingLeft("banned_ids, ban_eos"));
}

TEST_P(Rows, WithAMaskLongerThanTheRowAreRefused) {
  Case c = Question({1, 2, 3});
  c.has_mask = true;
  c.mask.assign(8, 0xFF);
  EXPECT_THAT(Fail(c), Invalid("mask_words", "2"));
  EXPECT_THAT(std::string(Fail(c).message()),
              ::testing::EndsWith("outside [1, 1] for a row of 3"));
  c = Question(std::vector<float>(100, 0));
  c.has_mask = true;
  c.mask.assign(20, 0xFF);
  EXPECT_THAT(std::string(Fail(c).message()),
              ::testing::EndsWith("5 is outside [1, 4] for a row of 100"));
}

TEST_P(Rows, RefuseAGivenTokenBeyondTheVocabulary) {
  Case c = Question({1, 2, 3});
  c.logits.push_back(4);
  c.given = 3;
  EXPECT_THAT(Fail(c), Invalid("given_token", "[0, 3)"));
}

TEST_P(Rows, SoftBansThatLeaveNothingAreLiftedOrFailAsAsked) {
  Case c = Question({1, 2, kBannedLogit});
  c.params.min_tokens = 1;
  c.params.stop_ids = {0};
  c.params.eos_ids = {1, 2};
  const Outcome lifted = Ask(c);
  EXPECT_TRUE(lifted.soft_bans_lifted);
  EXPECT_EQ(lifted.kept, 2u);
  c.params.on_empty = OnEmpty::kError;
  EXPECT_THAT(Fail(c), Refused(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("min_tokens")));
  c.params.ignore_eos = true;  // then EOS is not banned softly
  EXPECT_FALSE(Ask(c).soft_bans_lifted);
  EXPECT_EQ(Ask(c).token, 1u);
}

TEST_P(Rows, OfTwoBytesGiveWhatTheSameRowWidenedGives) {
  for (const Dtype dtype : {Dtype::kBfloat16, Dtype::kFloat16}) {
    const bool is_bfloat16 = dtype == Dtype::kBfloat16;
    const float most = is_bfloat16 ? 1e38f : 65504.0f;
    for (int shape = 0; shape < kShapeCount; ++shape) {
      Case wide = Question(MakeRow(static_cast<Shape>(shape), 1000, 6));
      for (float& l : wide.logits) {
        if (std::abs(l) > most) l = 0;
        l = is_bfloat16 ? FromBfloat16(ToBfloat16(l))
                        : FromFloat16(ToFloat16(l));
      }
      wide.params.top_p = .95;
      wide.params.temperature = .7;
      Case narrow = wide;
      narrow.dtype = dtype;
      EXPECT_EQ(Difference(Ask(wide), Ask(narrow)), "") << shape;
    }
  }
}

// bf16, fp16 and fp32 of the same values; -0 and what counts as -inf; nothing
// beyond the vocabulary, no mask and no knob.
TEST_P(Rows, HaveOneDigestWhateverTheyAreStoredAs) {
  Case c = Question(MakeRow(Shape::kLevels, 1000, 3));
  for (float& l : c.logits) l = FromBfloat16(ToBfloat16(l));
  for (float& l : c.logits) l = FromFloat16(ToFloat16(l));
  for (float& l : c.logits) l = FromBfloat16(ToBfloat16(l));
  c.logits[5] = 0;
  c.logits[6] = -std::numeric_limits<float>::infinity();
  const uint64_t digest = Ask(c).row_digest;
  Case same = c;
  for (const Dtype dtype : {Dtype::kBfloat16, Dtype::kFloat16}) {
    same.dtype = dtype;
    EXPECT_EQ(Ask(same).row_digest, digest);
  }
  same = c;
  same.logits[5] = -0.0f;
  same.logits[6] = std::nanf("");
  same.params.on_non_finite = OnNonFinite::kBan;
  same.params.temperature = 0.3;
  same.params.banned_ids = {1, 2, 3};
  same.logits.push_back(7);  // beyond the vocabulary
  same.misalignment = 3;
  EXPECT_EQ(Ask(same).row_digest, digest);
  for (const size_t id : {size_t{0}, size_t{5}, size_t{499}, size_t{999}}) {
    Case other = c;
    other.logits[id] += 1;
    EXPECT_NE(Ask(other).row_digest, digest) << id;
  }
}

TEST_P(Rows, ListTheirKeptIdsRisingOrNotAtAll) {
  Case c = Question({1, 3, 2, 3, 3, 0});
  c.params.top_k = 2;  // the first two of three that tie
  EXPECT_EQ(Ask(c).kept_ids, (TokenIds{1, 3}));
  c.params.top_k = 4;
  EXPECT_EQ(Ask(c).kept_ids, (TokenIds{1, 2, 3, 4}));
  c.report.kept_ids_max = 4;
  EXPECT_EQ(Ask(c).kept_ids.size(), 4u);
  c.report.kept_ids_max = 3;
  EXPECT_TRUE(Ask(c).kept_ids.empty());
  EXPECT_EQ(Ask(c).kept, 4u);
  c.params.temperature = 0;
  EXPECT_EQ(Ask(c).kept_ids, (TokenIds{1}));
  c.report.kept_ids_max = 0;
  EXPECT_TRUE(Ask(c).kept_ids.empty());
}

// Blocks that are read together, and a row in which all are kept.
TEST_P(Rows, ListTheKeptIdsOfWideRows) {
  Case c = Question(std::vector<float>(20000, 1.0f));
  TokenIds all(20000);
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  EXPECT_EQ(Ask(c).kept_ids, all);
  c.params.top_k = 4097;
  all.resize(4097);
  EXPECT_EQ(Ask(c).kept_ids, all);
  c.logits[19999] = 2;
  all.back() = 19999;
  EXPECT_EQ(Ask(c).kept_ids, all);
}

LOGITD_ON_EACH_TARGET(Rows);

}  // namespace
}  // namespace logitd::tests
