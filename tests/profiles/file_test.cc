// The reader of profile files: what it takes and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/message_differencer.h"
#include "service/profiles/profile_file.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using google::protobuf::util::MessageDifferencer;

std::string ErrorOf(absl::string_view text, absl::string_view id = "chat") {
  const auto profile = ParseProfile(text, id);
  if (profile.ok()) return "taken: " + profile->ShortDebugString();
  EXPECT_EQ(profile.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(profile.status().message());
}

struct Refusal {
  const char* name;
  std::string text;
  std::string error;
};

class FileRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(FileRefuses, NamingFieldReasonAndLine) {
  EXPECT_EQ(ErrorOf(GetParam().text), GetParam().error);
}

std::string Deep(int levels) {
  return "phases: " + std::string(static_cast<size_t>(levels), '[') +
         std::string(static_cast<size_t>(levels), ']');
}

const Refusal kRefusals[] = {
    {"Empty", "", "profile: the file is empty (line 1)"},
    {"OnlyAComment", "# nothing\n", "profile: the file is empty (line 1)"},
    {"EmptyDocument", "---\n",
     "profile: null is no value: leave the key out or give it one (line 2)"},
    {"List", "- a\n", "profile: a list is not a map of fields (line 1)"},
    {"Text", "abc\n", "profile: \"abc\" is not a map of fields (line 1)"},
    {"UnknownKey", "default_params:\n  temprature: 1\n",
     "default_params.temprature: unknown key, the nearest known one is "
     "temperature (line 2)"},
    {"UnknownTopKey", "labls: {}\n",
     "labls: unknown key, the nearest known one is labels (line 1)"},
    {"CamelKey", "defaultParams: {}\n",
     "defaultParams: unknown key, the nearest known one is default_params "
     "(line 1)"},
    {"MergeKey", "default_params: {<<: {top_p: 0.5}}\n",
     "default_params.<<: unknown key, and no known one is near (line 1)"},
    {"KnobAtTheTop", "temperature: 1\n",
     "temperature: unknown key, temperature is written below default_params or "
     "force_params (line 1)"},
    {"KnobInAPhase", "phases:\n- topk: 1\n",
     "phases[0].topk: unknown key, top_k is written below default_params or "
     "force_params (line 2)"},
    {"BeginOfAKey", "defaults: {}\n",
     "defaults: unknown key, the nearest known one is default_params (line 1)"},
    {"KeyOfAnotherFormat", "apiVersion: v1\n",
     "apiVersion: unknown key, and no known one is near (line 1)"},
    {"TopKeyAmongParams", "default_params: {description: x}\n",
     "default_params.description: unknown key, and no known one is near (line "
     "1)"},
    {"ForeignTokens", "default_params: {max_new_tokens: 5}\n",
     "default_params.max_new_tokens: unknown key, here it is called max_tokens "
     "(line 1)"},
    {"ForeignStops", "default_params: {stop_strings: [a]}\n",
     "default_params.stop_strings: unknown key, here it is called "
     "stop_sequences (line 1)"},
    {"ForeignBias", "default_params: {logit_bias: {7: 1}}\n",
     "default_params.logit_bias: unknown key, here it is called "
     "logit_bias_ids and logit_bias_values (line 1)"},
    {"ForeignPenalty", "force_params: {Repeat_Penalty: 1}\n",
     "force_params.Repeat_Penalty: unknown key, here it is called "
     "repetition_penalty (line 1)"},
    {"ForeignAtTheTop", "max_new_tokens: 5\n",
     "max_new_tokens: unknown key, max_tokens is written below default_params "
     "or force_params (line 1)"},
    {"ForeignParams", "phases:\n- params: {}\n",
     "phases[0].params: unknown key, here it is called default_params or "
     "force_params (line 2)"},
    {"ParamsAmongParams", "default_params: {params: {}}\n",
     "default_params.params: unknown key, and no known one is near (line 1)"},
    {"DecimalComma", "default_params: {top_p: 0,95, top_k: 3}\n",
     "default_params.95: unknown key: a number has a point, not a comma (line "
     "1)"},
    {"TextOfASequence", "default_params: {stop_sequences: [END]}\n",
     "default_params.stop_sequences[0]: \"END\" is not a map of fields: a "
     "sequence is {tokens: [1, 2]} (line 1)"},
    {"WrongType", "\n\n\ndefault_params: {top_p: abc}\n",
     "default_params.top_p: \"abc\" is not a number (line 4)"},
    {"QuotedNumber", "default_params: {top_p: \"0.5\"}\n",
     "default_params.top_p: \"0.5\" is not a number (line 1)"},
    {"HexNumber", "default_params: {top_p: 0x1}\n",
     "default_params.top_p: \"0x1\" is not a number (line 1)"},
    {"Underscored", "default_params: {top_p: 1_0}\n",
     "default_params.top_p: \"1_0\" is not a number (line 1)"},
    {"FractionForACount", "default_params: {top_k: 40.5}\n",
     "default_params.top_k: 40.5 is not a whole number (line 1)"},
    {"Octal", "default_params: {top_k: 010}\n",
     "default_params.top_k: 010 is not a whole number (line 1)"},
    {"OctalReal", "default_params: {temperature: 010}\n",
     "default_params.temperature: 010 is not a number (line 1)"},
    {"OctalRealWithAFraction", "default_params: {temperature: 00.5}\n",
     "default_params.temperature: 00.5 is not a number (line 1)"},
    {"NegativeOctal", "clamps: [{knob: frequency_penalty, min: -01}]\n",
     "clamps[0].min: -01 is not a number (line 1)"},
    {"NegativeCount", "default_params: {top_k: -1}\n",
     "default_params.top_k: -1 is outside [1, 1048576] (line 1)"},
    {"CountAbove32Bits", "default_params: {top_k: 4294967296}\n",
     "default_params.top_k: 4294967296 is outside [1, 1048576] (line 1)"},
    {"CountInsideAKnob",
     "default_params: {thinking_budget: {max_tokens: -1}}\n",
     "default_params.thinking_budget.max_tokens: -1 is outside [0, 4294967295] "
     "(line 1)"},
    {"NegativeId", "default_params: {eos_ids: [1, -2]}\n",
     "default_params.eos_ids: id -2 at index 1 is outside [0, 1048576) "
     "(line 1)"},
    {"QuotedNanOfYaml", "default_params: {top_p: \".nan\"}\n",
     "default_params.top_p: \".nan\" is not a number (line 1)"},
    {"ListForEnum", "clamps:\n- {knob: top_p, mode: [1]}\n",
     "clamps[0].mode: a list is not a value of ClampMode (line 2)"},
    {"EnumAbove32Bits", "clamps:\n- {knob: top_p, mode: 4294967296}\n",
     "clamps[0].mode: 4294967296 is not a value of ClampMode (line 2)"},
    {"YesForABool", "default_params: {ignore_eos: yes}\n",
     "default_params.ignore_eos: \"yes\" is neither true nor false (line 1)"},
    {"ListForANumber", "default_params: {top_p: [1]}\n",
     "default_params.top_p: a list is not a number (line 1)"},
    {"NumberForText", "description: 12\n",
     "description: 12 is not text: put it into quotes (line 1)"},
    {"BoolForText", "labels: {a: true}\n",
     "labels.a: \"true\" is not text: put it into quotes (line 1)"},
    {"MapForAList", "clamps: {knob: top_p}\n",
     "clamps: a map is not a list (line 1)"},
    {"ListForAMap", "labels: [a]\n", "labels: a list is not a map (line 1)"},
    {"UnknownEnum", "clamps:\n- {knob: top_p, mode: CLAMP}\n",
     "clamps[0].mode: \"CLAMP\" is not a value of ClampMode, the nearest is "
     "CLAMP_MODE_CLAMP (line 2)"},
    {"EnumInLowerCase", "clamps:\n- {knob: top_p, mode: clamp_mode_reject}\n",
     "clamps[0].mode: \"clamp_mode_reject\" is not a value of ClampMode, the "
     "nearest is CLAMP_MODE_REJECT (line 2)"},
    {"EnumFarFromAll", "clamps:\n- {knob: top_p, mode: limit}\n",
     "clamps[0].mode: \"limit\" is not a value of ClampMode, it is "
     "CLAMP_MODE_CLAMP or CLAMP_MODE_REJECT (line 2)"},
    {"NumberForEnum", "clamps:\n- {knob: top_p, mode: 1}\n",
     "clamps[0].mode: 1 is not a name: write CLAMP_MODE_CLAMP (line 2)"},
    {"Null", "default_params:\n  top_p:\n",
     "default_params.top_p: null is no value: leave the key out or give it one "
     "(line 3)"},
    {"NullInList", "models: [a, ~]\n",
     "models[1]: null is no value: leave the key out or give it one (line 1)"},
    {"Twice", "default_params:\n  top_p: 0.5\n  top_p: 0.5\n",
     "default_params.top_p: is there twice (line 3)"},
    {"LabelTwice", "labels:\n  a: x\n  a: y\n",
     "labels.a: is there twice (line 3)"},
    {"Anchor", "default_params: &a {top_p: 0.5}\n",
     "default_params: anchors are refused: write the value out (line 1)"},
    {"Alias", "default_params: &a {}\nforce_params: *a\n",
     "default_params: anchors are refused: write the value out (line 1)"},
    {"Tag", "default_params: {top_p: !!float 1}\n",
     "default_params.top_p: tags are refused: write the value without one "
     "(line 1)"},
    {"TagOnMap", "default_params: !x {top_p: 1}\n",
     "default_params: tags are refused: write the value without one (line 1)"},
    {"TwoDocuments", "description: a\n---\ndescription: b\n",
     "profile: a second document begins (line 2)"},
    {"MapAsKey", "{a: b}: c\n", "profile: a key is not plain text (line 1)"},
    {"TooDeep", Deep(40), "profile: nested deeper than 16 (line 1)"},
    {"DeepEnoughToBreakTheParser", Deep(30'000),
     "profile: nested deeper than 16 (line 1)"},
    {"TooLarge", std::string(1 << 20, ' '),
     "profile: the file has more than 65536 bytes (line 1)"},
    {"ControlByte", "description: a\n# \x04\nforce_params: {}\n",
     "profile: the byte 0x04 does not belong into text (line 2)"},
    {"Nul", std::string("description: a\0b", 16),
     "profile: the byte 0x00 does not belong into text (line 1)"},
    {"NotUtf8", "description: \"\xc3\x28\"\n",
     "description: \"\\xc3(\" is not UTF-8 (line 1)"},
    {"Surrogate", "description: \"\xed\xa0\x80\"\n",
     "description: \"\\xed\\xa0\\x80\" is not UTF-8 (line 1)"},
    {"BadIds", "default_params: {eos_ids: [1, x]}\n",
     "default_params.eos_ids[1]: \"x\" is not a whole number (line 1)"},
    {"BadBase64", "default_params: {eos_ids: \"*\"}\n",
     "default_params.eos_ids: \"*\" is neither a list of token ids nor base64 "
     "(line 1)"},
    {"OneIdWithoutAList", "default_params: {eos_ids: 1234}\n",
     "default_params.eos_ids: 1234 is neither a list of token ids nor "
     "base64 (line 1)"},
    {"OtherName", "description: x\nname: profiles/other\n",
     "name: \"profiles/other\" is not \"profiles/chat\", as the file is called "
     "(line 2)"},
    {"Etag", "etag: x\n", "etag: the server sets it, a file may not (line 1)"},
    {"Revision", "revision: \"1\"\n",
     "revision: the server sets it, a file may not (line 1)"},
    {"CreateTime", "create_time: \"2026-01-01T00:00:00Z\"\n",
     "create_time: the server sets it, a file may not (line 1)"},
    {"Warnings", "warnings: []\n",
     "warnings: the server sets it, a file may not (line 1)"},
};

void PrintTo(const Refusal& refusal, std::ostream* os) { *os << refusal.name; }

INSTANTIATE_TEST_SUITE_P(All, FileRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& tested) { return tested.param.name; });

TEST(ProfileFile, RefusesABillionLaughs) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1,
                    "]\n");
  }
  EXPECT_TRUE(absl::StartsWith(ErrorOf(bomb), "a0: unknown key"));
  const std::string inside = "labels: &a {x: y}\nmodels: [*a, *a]\n";
  EXPECT_EQ(ErrorOf(inside),
            "labels: anchors are refused: write the value out (line 1)");
}

TEST(ProfileFile, RefusesSyntaxErrorsWithTheirLine) {
  EXPECT_TRUE(absl::StrContains(ErrorOf("description: a\n  b: [\n"), "(line "));
  EXPECT_TRUE(absl::StartsWith(ErrorOf("labels: {a: b\n"), "profile: "));
  EXPECT_TRUE(absl::StartsWith(ErrorOf("models: *nobody\n"), "profile: "));
}

TEST(ProfileFile, RefusesBadNames) {
  for (const char* id :
       {"../x", "a/b", "Chat", "1a", "a-", "-a", "a.b", "a b", "a\n", "ä"}) {
    EXPECT_TRUE(absl::StartsWith(ErrorOf("description: x\n", id), "name: \""))
        << id;
  }
  EXPECT_FALSE(ParseProfile("description: x\n", std::string(64, 'a')).ok());
  EXPECT_TRUE(ParseProfile("description: x\n", std::string(63, 'a')).ok());
  EXPECT_TRUE(ParseProfile("description: x\n", "a").ok());
}

TEST(ProfileFile, NameComesFromTheFile) {
  EXPECT_EQ(ParseProfile("description: x\n", "chat")->name(), "profiles/chat");
  EXPECT_EQ(ParseProfile("name: profiles/chat\n", "chat")->name(),
            "profiles/chat");
  EXPECT_EQ(ParseProfile("name: profiles/any\n", "")->name(), "profiles/any");
  EXPECT_EQ(ParseProfile("description: x\n", "")->name(), "");
}

TEST(ProfileFile, ReadsEveryKindOfValue) {
  const auto profile = ParseProfile(
      "description: |\n  two\n  lines\n"
      "labels: {team: search, \"1\": '2'}\n"
      "models: [a, 'b c']\n"
      "default_params:\n"
      "  temperature: 7e-1\n  top_k: 40\n  ignore_eos: true\n"
      "  on_empty: ON_EMPTY_ERROR\n  eos_ids: [1, 258]\n"
      "  stop_ids: AQAAAA==\n  logit_bias_values: [1, -.5]\n"
      "  stop_sequences: [{tokens: [5]}]\n"
      "force_params: {}\n",
      "chat");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->description(), "two\nlines\n");
  EXPECT_EQ(profile->labels().at("1"), "2");
  EXPECT_EQ(profile->models(1), "b c");
  const auto& params = profile->default_params();
  EXPECT_EQ(params.temperature(), 0.7);
  EXPECT_EQ(params.top_k(), 40u);
  EXPECT_TRUE(params.ignore_eos());
  EXPECT_EQ(params.on_empty(), v1::ON_EMPTY_ERROR);
  EXPECT_EQ(params.eos_ids(), std::string("\1\0\0\0\2\1\0\0", 8));
  EXPECT_EQ(params.stop_ids(), std::string("\1\0\0\0", 4));
  EXPECT_EQ(params.logit_bias_values(1), -0.5);
  EXPECT_EQ(params.stop_sequences(0).tokens().size(), 4u);
  EXPECT_TRUE(profile->has_force_params());
  EXPECT_FALSE(params.has_top_p());
}

// The validator refuses them, in the words that a request gets.
TEST(ProfileFile, ReadsWhatAMessageCanHoldAndNoProfileMayHave) {
  const auto temperature = [](const std::string& written) {
    const auto profile =
        ParseProfile("default_params: {temperature: " + written + "}", "chat");
    EXPECT_TRUE(profile.ok()) << profile.status();
    return profile->default_params().temperature();
  };
  for (const char* nan : {".nan", ".NaN", "nan", "NaN", "\"NaN\""}) {
    EXPECT_TRUE(std::isnan(temperature(nan))) << nan;
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char* inf : {".inf", "+.Inf", "Infinity", "1e999"}) {
    EXPECT_EQ(temperature(inf), infinity) << inf;
    EXPECT_EQ(temperature(absl::StrCat("-", absl::StripPrefix(inf, "+"))),
              -infinity)
        << inf;
  }
  EXPECT_EQ(temperature("\"-Infinity\""), -infinity);
  const auto unknown = ParseProfile("clamps: [{mode: 7}]", "chat");
  ASSERT_TRUE(unknown.ok()) << unknown.status();
  EXPECT_EQ(static_cast<int>(unknown->clamps(0).mode()), 7);
}

TEST(ProfileFile, ReadsBackWhatItWroteOfThem) {
  v1::Profile profile;
  profile.set_name("profiles/chat");
  auto* params = profile.mutable_default_params();
  params->set_temperature(-std::numeric_limits<double>::infinity());
  params->add_logit_bias_values(std::nan(""));
  params->set_on_empty(static_cast<v1::OnEmpty>(7));
  for (const std::string& text : {WriteYaml(profile), WriteJson(profile)}) {
    const auto read = ParseProfile(text, "chat");
    ASSERT_TRUE(read.ok()) << read.status() << "\n" << text;
    EXPECT_EQ(ContentBytes(*read), ContentBytes(profile)) << text;
  }
}

TEST(ProfileFile, ReadsJson) {
  const auto profile = ParseProfile(
      "{\"description\": \"a\\\"\\u00e4\\/\",\n"
      "\t\"default_params\": {\"temperature\": 0.5, \"eos_ids\": \"AgAAAA==\"},"
      "\n\"clamps\": [{\"knob\": \"top_p\", \"max\": 1E0, "
      "\"mode\": \"CLAMP_MODE_REJECT\"}]}",
      "chat");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->description(), "a\"ä/");
  EXPECT_EQ(profile->default_params().eos_ids(), std::string("\2\0\0\0", 4));
  EXPECT_EQ(profile->clamps(0).max(), 1.0);
}

TEST(ProfileFile, WritesWhatAPersonWouldWrite) {
  v1::Profile profile;
  profile.set_name("profiles/chat");
  profile.set_description("Plain: with a colon");
  (*profile.mutable_labels())["team"] = "search";
  (*profile.mutable_labels())["b"] = "yes";
  profile.mutable_default_params()->set_temperature(0.1);
  profile.mutable_default_params()->set_eos_ids(std::string("\2\0\0\0", 4));
  profile.mutable_force_params();
  auto* clamp = profile.add_clamps();
  clamp->set_knob("top_p");
  clamp->set_max(1);
  clamp->set_mode(v1::CLAMP_MODE_CLAMP);
  profile.add_phases()->add_enter()->set_tokens(std::string("\1\0\0\0", 4));
  profile.set_etag("\"1\"");
  EXPECT_EQ(WriteYaml(profile),
            "name: profiles/chat\n"
            "description: \"Plain: with a colon\"\n"
            "labels:\n  b: \"yes\"\n  team: search\n"
            "default_params:\n  temperature: 0.1\n  eos_ids: [2]\n"
            "force_params: {}\n"
            "clamps:\n  - knob: top_p\n    max: 1\n    mode: CLAMP_MODE_CLAMP\n"
            "phases:\n  - enter:\n      - tokens: [1]\n");
  EXPECT_TRUE(absl::StrContains(WriteYaml(profile, Fields::kAll),
                                "etag: \"\\\"1\\\"\"\n"));
  EXPECT_TRUE(
      absl::StrContains(WriteJson(profile), "\"eos_ids\": \"AgAAAA==\""));
  EXPECT_FALSE(absl::StrContains(WriteJson(profile), "\n"));
}

TEST(ProfileFile, WrapsLongListsOfIds) {
  v1::Profile profile;
  for (int i = 0; i < 1000; ++i) {
    profile.mutable_default_params()->mutable_eos_ids()->append("\xff\xff\0\0",
                                                                4);
  }
  const std::string text = WriteYaml(profile);
  size_t longest = 0, begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n')
      longest = std::max(longest, i - std::exchange(begin, i + 1));
  }
  EXPECT_LE(longest, 81u);
  EXPECT_TRUE(MessageDifferencer::Equals(*ParseProfile(text, ""), profile));
}

// The contract marks them in words only.
TEST(ProfileFile, KnowsWhatIsOutputOnly) {
  const std::string proto =
      ReadFile(LOGITD_SOURCE_DIR "/proto/logitd/v1/profiles.proto");
  const auto& type = *v1::Profile::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    const size_t at =
        proto.find(absl::StrCat(" ", field.name(), " = ", field.number(), ";"),
                   proto.find("message Profile {"));
    ASSERT_NE(at, std::string::npos) << field.name();
    const size_t above = proto.rfind(";\n", at);
    const bool is_marked =
        absl::StrContains(proto.substr(above, at - above), "Output only.");
    EXPECT_EQ(IsOutputOnly(field.number()), is_marked) << field.name();
  }
}

}  // namespace
}  // namespace logitd
