#include "service/client/logitctl/explained_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

std::string WordOfTest(std::uint32_t id) {
  return id == 3 ? "a-word-that-is-longer-than-its-column"
                 : absl::StrCat("word", id);
}

void AddStage(const std::string& name, std::uint32_t kept,
              const std::vector<double>& before,
              const std::vector<double>& after, v1::ExplainResponse* answer) {
  v1::StageReport* stage = answer->add_stages();
  stage->set_stage(name);
  stage->set_kept_count(kept);
  std::vector<std::uint32_t> ids;
  for (std::size_t i = 0; i < before.size(); ++i) {
    ids.push_back(static_cast<std::uint32_t>(i) + 1);
    stage->add_logit_before(1);
    stage->add_logit_after(name == "presence" && i == 1 ? 0.5F : 1.0F);
    stage->add_logprob_before(before[i]);
    stage->add_logprob_after(after[i]);
  }
  stage->set_ids(client::PackIds(ids));
}

// Three tokens: 1 stays, 2 is penalised, 3 is removed.
v1::ExplainResponse Answer() {
  v1::ExplainResponse answer;
  const std::vector<double> third(3, std::log(1 / 3.0));
  const std::vector<double> less = {std::log(.4), std::log(.2), std::log(.4)};
  AddStage("row", 3, third, third, &answer);
  AddStage("presence", 3, third, less, &answer);
  AddStage("prompt_repetition", 3, less, less, &answer);
  AddStage("top_k", 2, less,
           {std::log(2 / 3.0), std::log(1 / 3.0), kMinusInfinity}, &answer);
  answer.mutable_stages(3)->set_removed_count(1);
  answer.mutable_stages(3)->set_removed_mass(.4);
  answer.set_position(5);
  answer.set_rank(1);
  answer.mutable_opened()->set_seed(42);
  v1::StepResult* outcome = answer.mutable_outcome();
  outcome->add_token(1);
  outcome->add_status(v1::ENTRY_STATUS_PEEKED);
  outcome->add_finish_reason(v1::FINISH_REASON_UNSPECIFIED);
  outcome->add_kept(2);
  outcome->add_final_logprob(std::log(2 / 3.0));
  answer.mutable_resolved()->set_top_k(2);
  v1::Provenance* from = answer.add_provenance();
  from->set_knob("top_k");
  from->set_level(v1::PARAM_LEVEL_REQUEST);
  return answer;
}

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n');
}

TEST(ExplainedText, TellsWhatWasDrawnAndWhatEachStageDid) {
  const std::vector<std::string> lines =
      Lines(ExplainedText(Answer(), {2, 3}, WordOfTest));
  EXPECT_EQ(lines[0],
            "drawn: word1 (1), rank 1 of 2, probability 66.667%; position 5, "
            "seed 42");
  EXPECT_THAT(lines,
              Contains("  top_k                    2            request"));
  EXPECT_THAT(lines, Contains("top_k                    2        1   40.00%"
                              "        0    0.000  #############"));
  EXPECT_THAT(lines, Contains("> word1               33.333% ########        "
                              "  66.667% ################"));
  EXPECT_THAT(lines, Contains("  word2               33.333% ########        "
                              "  33.333% ########"));
  EXPECT_THAT(lines, Contains("  a-word-that-is-lo~  33.333% ########        "
                              "        -"));
}

// What the stages did to the tokens asked for, and no stage that did nothing.
TEST(ExplainedText, FollowsTokens) {
  v1::ExplainResponse answer = Answer();
  // What is out stays out: no line for it.
  const std::vector<double> left = {std::log(2 / 3.0), std::log(1 / 3.0),
                                    kMinusInfinity};
  AddStage("xtc", 2, left, left, &answer);
  const std::string text = ExplainedText(answer, {2, 3}, WordOfTest);
  EXPECT_THAT(
      text,
      HasSubstr(
          "\nword2\n"
          "  row               logit     1.000000    33.333%  as received\n"
          "  presence          logit     0.500000    20.000%  -0.500000\n"
          "  top_k             logit     1.000000    33.333%  gains\n"));
  EXPECT_THAT(
      text,
      EndsWith("  top_k             logit     1.000000          -  removed\n"));
  EXPECT_THAT(text, HasSubstr("    40.000%  gains\n"));
}

TEST(ExplainedText, FitsIntoEightyColumns) {
  v1::ExplainResponse answer = Answer();
  for (v1::StageReport& stage : *answer.mutable_stages()) {
    stage.set_kept_count(1 << 20);
    stage.set_removed_count(1 << 20);
    stage.set_changed_logits(1 << 20);
    stage.set_removed_mass(1);
    stage.set_entropy(13.863);
  }
  for (const std::string& line :
       Lines(ExplainedText(answer, {1, 2, 3}, WordOfTest))) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_THAT(line, Not(EndsWith(" ")));
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
}

TEST(ExplainedText, OfGreedyForcedAndFinishedSessions) {
  v1::ExplainResponse answer = Answer();
  answer.mutable_outcome()->add_flags(v1::ENTRY_FLAG_GREEDY);
  EXPECT_THAT(ExplainedText(answer, {}, WordOfTest),
              StartsWith("greedy: word1"));
  answer.mutable_outcome()->set_flags(
      0, v1::ENTRY_FLAG_GREEDY | v1::ENTRY_FLAG_FORCED_TOKENS);
  EXPECT_THAT(ExplainedText(answer, {}, WordOfTest),
              StartsWith("forced: word1"));
  answer.clear_stages();
  answer.mutable_outcome()->set_token(0, 0xFFFFFFFF);
  EXPECT_EQ(ExplainedText(answer, {}, WordOfTest),
            "the session is finished: nothing is drawn\n");
}

// A reply that lacks what it should have is no reason to crash.
TEST(ExplainedText, TakesAnyReply) {
  v1::ExplainResponse answer;
  EXPECT_THAT(Lines(ExplainedText(answer, {}, WordOfTest)), SizeIs(2));
  answer = Answer();
  answer.mutable_stages(1)->clear_logprob_after();
  answer.mutable_stages(0)->set_ids("123");
  answer.mutable_outcome()->Clear();
  EXPECT_THAT(ExplainedText(answer, {1}, WordOfTest), HasSubstr("presence"));
  EXPECT_THAT(ExplainedJson(answer, WordOfTest), StartsWith("{"));
}

google::protobuf::Struct Parsed(const std::string& json) {
  google::protobuf::Struct object;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok())
      << json;
  return object;
}

TEST(ExplainedJson, IsAnObjectOfAllThereIs) {
  const auto object = Parsed(ExplainedJson(Answer(), WordOfTest));
  const auto& fields = object.fields();
  EXPECT_EQ(fields.at("token").number_value(), 1);
  EXPECT_EQ(fields.at("word").string_value(), "word1");
  ASSERT_EQ(fields.at("stages").list_value().values_size(), 4);
  const auto& last =
      fields.at("stages").list_value().values(3).struct_value().fields();
  EXPECT_EQ(last.at("stage").string_value(), "top_k");
  EXPECT_EQ(last.at("tokens").list_value().values_size(), 3);
  EXPECT_EQ(fields.at("knobs")
                .list_value()
                .values(0)
                .struct_value()
                .fields()
                .at("value")
                .string_value(),
            "2");
}

v1::SweepResult Swept() {
  v1::SweepResult swept;
  for (int i = 0; i < 3; ++i) {
    swept.add_value(0.5 * i);
    v1::StepResult* outcome = swept.mutable_outcome();
    outcome->add_token(i < 2 ? 1 : 2);
    outcome->add_status(v1::ENTRY_STATUS_PEEKED);
    outcome->add_finish_reason(v1::FINISH_REASON_UNSPECIFIED);
    outcome->add_kept(7);
    outcome->add_final_logprob(std::log(.25));
    outcome->add_final_entropy(i);
  }
  v1::Flip* flip = swept.add_flips();
  flip->set_below(0.75);
  flip->set_above(0.8);
  flip->set_token_below(1);
  flip->set_token_above(2);
  return swept;
}

TEST(SweptText, HasALineForEachValueAndEachFlip) {
  const std::vector<std::string> lines =
      Lines(SweptText("temperature", Swept(), WordOfTest));
  EXPECT_EQ(
      lines[1],
      "0                     word1               25.000%        7    0.000");
  EXPECT_EQ(lines[3],
            "1                     word2               25.000%        7    "
            "2.000  ##########");
  EXPECT_EQ(lines[5], "1 flips");
  EXPECT_EQ(lines[6], "0.8                   word1              to word2");
  v1::SweepResult more = Swept();
  more.set_more_flips(true);
  EXPECT_THAT(SweptText("temperature", more, WordOfTest),
              HasSubstr("\n1 flips, and more behind them\n"));
}

TEST(SweptJson, IsAnObject) {
  const auto object = Parsed(SweptJson("temperature", Swept(), WordOfTest));
  EXPECT_EQ(object.fields().at("values").list_value().values_size(), 3);
  EXPECT_EQ(object.fields()
                .at("flips")
                .list_value()
                .values(0)
                .struct_value()
                .fields()
                .at("word_above")
                .string_value(),
            "word2");
}

}  // namespace
}  // namespace logitd::logitctl
