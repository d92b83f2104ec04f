// The escapes of JSON strings in profile files: surrogate pairs, and where a
// backslash is none.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

constexpr char kSmile[] = "\xf0\x9f\x98\x80";  // U+1F600

// The description that a file says, or why it says none.
std::string Description(absl::string_view text) {
  const auto profile = ParseProfile(text, "chat");
  return profile.ok() ? profile->description()
                      : std::string(profile.status().message());
}

TEST(JsonEscapes, APairIsOneCodePoint) {
  EXPECT_EQ(Description(R"({"description": "\ud83d\ude00"})"), kSmile);
  EXPECT_EQ(Description(R"({"description": "\uD83D\uDE00"})"), kSmile);
  EXPECT_EQ(Description(R"({"description": "\uD83d\udE00"})"), kSmile);
  EXPECT_EQ(
      Description(R"({"description": "a\ud83d\ude00\u00e4\ud83d\ude00"})"),
      absl::StrCat("a", kSmile, "\xc3\xa4", kSmile));
  EXPECT_EQ(Description(R"({"description": "\ud800\udc00"})"),
            "\xf0\x90\x80\x80");
  EXPECT_EQ(Description(R"({"description": "\udbff\udfff"})"),
            "\xf4\x8f\xbf\xbf");
}

// U+D55C and U+D7FF lie below the surrogates.
TEST(JsonEscapes, OfOtherCodePointsAreThemselves) {
  EXPECT_EQ(Description(R"({"description": "\ud55c\ud7ff\ue000"})"),
            "\xed\x95\x9c\xed\x9f\xbf\xee\x80\x80");
  EXPECT_EQ(Description(R"({"description": "\ud55c\ud83d\ude00"})"),
            absl::StrCat("\xed\x95\x9c", kSmile));
}

TEST(JsonEscapes, OfPairsMayBeInKeys) {
  const auto profile =
      ParseProfile(R"({"labels": {"\ud83d\ude00": "x"}})", "chat");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->labels().count(kSmile), 1u);
}

TEST(JsonEscapes, HalfAPairIsRefusedNamingFieldAndLine) {
  const auto error = [](const char* half) {
    return absl::StrCat("description: ", half,
                        " is half of a surrogate pair (line 2)");
  };
  const auto of = [](const char* text) {
    return Description(absl::StrCat("{\n\"description\": \"", text, "\"}"));
  };
  EXPECT_EQ(of(R"(\ud83d)"), error(R"(\ud83d)"));
  EXPECT_EQ(of(R"(\ude00)"), error(R"(\ude00)"));
  EXPECT_EQ(of(R"(\ud83dx\ude00)"), error(R"(\ud83d)"));
  EXPECT_EQ(of(R"(\ud83d\ud83d\ude00)"), error(R"(\ud83d)"));
  EXPECT_EQ(of(R"(\ude00\ud83d)"), error(R"(\ude00)"));
  EXPECT_EQ(of(R"(\ude00\ude00)"), error(R"(\ude00)"));
  EXPECT_EQ(of(R"(\ud83d\u0041)"), error(R"(\ud83d)"));
  EXPECT_EQ(of(R"(\ud83d\\ude00)"), error(R"(\ud83d)"));
  EXPECT_EQ(of(R"(\\\ude00)"), error(R"(\ude00)"));
  EXPECT_EQ(Description(R"({"\ud83d": 1})"),
            "profile: a key: \\ud83d is half of a surrogate pair (line 1)");
}

TEST(JsonEscapes, AnEscapedBackslashBeginsNone) {
  EXPECT_EQ(Description(R"({"description": "\\ud83d\\ude00"})"),
            R"(\ud83d\ude00)");
  EXPECT_EQ(Description(R"({"description": "\\\ud83d\ude00"})"),
            absl::StrCat("\\", kSmile));
  EXPECT_EQ(Description(R"({"description": "\"\ud83d\ude00\""})"),
            absl::StrCat("\"", kSmile, "\""));
}

// YAML has escapes in double quotes only.
TEST(JsonEscapes, ElsewhereInYamlABackslashIsABackslash) {
  constexpr char kAsWritten[] = R"(\ud83d\uDE00 \_)";
  EXPECT_EQ(Description(absl::StrCat("description: '", kAsWritten, "'")),
            kAsWritten);
  EXPECT_EQ(Description(absl::StrCat("description: ", kAsWritten)), kAsWritten);
  EXPECT_EQ(Description(absl::StrCat("description: |-\n  ", kAsWritten)),
            kAsWritten);
  EXPECT_EQ(Description(absl::StrCat("# ", kAsWritten, "\ndescription: x")),
            "x");
  const auto mixed = ParseProfile(
      R"(models: ['\', "\ud83d\ude00", x\, '\ud83d\', "\ud83d\ude00"])",
      "chat");
  ASSERT_TRUE(mixed.ok()) << mixed.status();
  EXPECT_EQ(mixed->models(1), kSmile);
  EXPECT_EQ(mixed->models(3), R"(\ud83d\)");
  EXPECT_EQ(mixed->models(4), kSmile);
}

TEST(JsonEscapes, CutShortAreRefused) {
  for (const char* cut : {R"(\u)", R"(\ud)", R"(\ud8)", R"(\ud83)", R"(\ud83x)",
                          R"(\ud83d\)", R"(\ud83d\u)", R"(\ud83d\ude0)"}) {
    EXPECT_FALSE(
        ParseProfile(absl::StrCat("description: \"", cut, "\""), "chat").ok())
        << cut;
    (void)ParseProfile(absl::StrCat("description: \"", cut), "chat");
    (void)ParseProfile(cut, "chat");
  }
}

// Bytes that are no UTF-8 beside an escape: refused, and nothing made of them.
TEST(JsonEscapes, BesideBytesThatAreNoTextAreRefused) {
  for (const char* bytes : {"\xff", "\xfe", "\xa0\xff",
                            "_\xff"
                            "83d"}) {
    const std::string text =
        absl::StrCat("description: \"", bytes, "\\ud83d\\ude00\"");
    EXPECT_FALSE(ParseProfile(text, "chat").ok()) << text;
    const std::string alone = absl::StrCat("description: \"a", bytes, "\"");
    EXPECT_NE(Description(alone).find("is not UTF-8"), std::string::npos)
        << Description(alone);
  }
}

TEST(JsonEscapes, WrittenTextComesBack) {
  std::string all = absl::StrCat("\"\\/\b\f\n\r\t\x7f", kSmile, "\xc3\xa4",
                                 R"(\ud83d\ude00 \u0041)", "\xe2\x80\xa8");
  for (char c = 1; c < ' '; ++c) all += c;
  v1::Profile profile;
  profile.set_name("profiles/chat");
  profile.set_description(all);
  EXPECT_EQ(Description(WriteJson(profile)), all);
  EXPECT_EQ(Description(WriteYaml(profile)), all);
  // What the control characters are is told by their numbers.
  EXPECT_NE(WriteJson(profile).find("\\u001f"), std::string::npos);
}

}  // namespace
}  // namespace logitd
