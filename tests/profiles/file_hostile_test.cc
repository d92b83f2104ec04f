// Texts made to keep the reader of profile files busy: each is answered, and
// the cost stays linear in its size. With LOGITD_QUIET=1 the latter is
// measured, as a ratio of two sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/profiles/lint.h"
#include "service/profiles/profile_file.h"
#include "tests/support/effort.h"

namespace logitd {
namespace {

// `piece` of each index, as often as fits between the two.
std::string Fill(const std::string& before, const std::string& after,
                 size_t size, const std::function<std::string(size_t)>& piece) {
  std::string text = before;
  for (size_t i = 0;; ++i) {
    const std::string next = piece(i);
    if (text.size() + next.size() + after.size() > size) return text + after;
    text += next;
  }
}

std::string Repeat(const std::string& before, const std::string& piece,
                   const std::string& after, size_t size) {
  return Fill(before, after, size, [&](size_t) { return piece; });
}

struct Hostile {
  const char* name;
  std::function<std::string(size_t)> make;  // of at most so many bytes
  const char* answer;  // a piece of the error; empty: it is a profile
};

void PrintTo(const Hostile& hostile, std::ostream* os) { *os << hostile.name; }

std::function<std::string(size_t)> Repeated(const std::string& before,
                                            const std::string& piece,
                                            const std::string& after) {
  return [=](size_t size) { return Repeat(before, piece, after, size); };
}

std::function<std::string(size_t)> Counted(const std::string& before,
                                           const std::string& head,
                                           const std::string& tail,
                                           const std::string& after = "") {
  return [=](size_t size) {
    return Fill(before, after, size,
                [&](size_t i) { return absl::StrCat(head, i, tail); });
  };
}

std::string Staircase(size_t size) {
  return Fill("", "", size,
              [](size_t i) { return std::string(i, ' ') + "a:\n"; });
}

const Hostile kHostile[] = {
    {"ListsInLists", Repeated("models: ", "[", ""), "profile: "},
    {"ListsOnLines", Repeated("", "- ", ""), "nested deeper than 16"},
    {"MapsInMaps", Repeated("labels: ", "{a: ", ""), "nested deeper than 16"},
    {"KeysOfKeys", Repeated("", "? ", ""), "a key is not plain text"},
    {"Staircase", Staircase, "nested deeper than 16"},
    {"Anchors", Counted("models:\n", "- &a", " x\n"), "anchors are refused"},
    {"Aliases", Repeated("models: [&a x", ", *a", "]"), "anchors are refused"},
    {"Tags", Repeated("models: [x", ", !a x", "]"), "tags are refused"},
    {"TagHandles", Counted("", "%TAG !a", "! x\n"), "the file is empty"},
    {"OneWord", Repeated("description: ", "x", ""), ""},
    {"OneText", Repeated("description: \"", "x", "\""), ""},
    {"OneTextWithoutAnEnd", Repeated("description: \"", "x", ""),
     "illegal EOF in scalar"},
    {"OneTextOfPairs", Repeated("description: \"", "\\ud83d\\ude00", "\""), ""},
    {"OneTextOfBackslashes", Repeated("description: '", "\\", "'"), ""},
    {"OneTextOfLines", Repeated("description: |\n", "  x\n", ""), ""},
    {"OneTextOfFoldedLines", Repeated("description: \"x", "\n\nx", "\""), ""},
    {"OneNumber", Repeated("default_params: {top_k: ", "9", "}"),
     "99... is outside [1, 1048576]"},
    {"OneKey", Repeated("labels: {? ", "k", " : x}"), ""},
    {"OneUnknownKey", Repeated("{? ", "k", " : x}"), "unknown key"},
    {"Keys", Counted("labels:\n", "  k", ": x\n"), ""},
    {"KeysInOneLine", Counted("labels: {", "k", ": x, ", "}"), ""},
    {"KeysWithoutValues", Counted("labels: {", "k", ", ", "}"),
     "null is no value"},
    {"UnknownKeys", Counted("", "k", ": x\n"), "unknown key"},
    {"LongList", Repeated("models: [x", ",x", "]"), ""},
    {"LongListWithoutAnEnd", Repeated("models: [x", ",x", ""),
     "end of sequence flow not found"},
    {"LongListOfLines", Repeated("models:\n", "- x\n", ""), ""},
    {"LongListOfLists", Repeated("models: [x", ",[]", "]"), "is not text"},
    {"LongListOfIds", Repeated("default_params: {eos_ids: [1", ",1", "]}"), ""},
    {"LongListOfNothing", Repeated("models: [x", ",", "]"), "null is no value"},
    {"Phases", Repeated("phases:\n", "- {}\n", ""), ""},
    {"Clamps", Repeated("clamps:\n", "- {knob: x}\n", ""), ""},
    {"Colons", Repeated("", ":", ""), "profile: "},
    {"Documents", Repeated("", "---\n", ""), "a second document"},
    {"Blanks", Repeated("", " ", ""), "the file is empty"},
    {"Comments", Repeated("", "#\n", ""), "the file is empty"},
};

// Processor time of this thread, the least of some runs.
double Cost(const std::string& text) {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_nsec) * 1e-9;
  };
  double least = 1e9;
  for (int i = 0; i < 7; ++i) {
    const double begin = now();
    const auto profile = ParseProfile(text, "chat");
    if (profile.ok()) (void)Lint(*profile, Limits());
    least = std::min(least, now() - begin);
  }
  return least;
}

// Linear is 4, quadratic is 16.
void ExpectLinear(const Hostile& hostile) {
  const double large = Cost(hostile.make(kProfileFileBytesMax));
  // What is refused at once takes too little to be compared.
  if (large < 2e-3) return;
  const double small = Cost(hostile.make(kProfileFileBytesMax / 4));
  EXPECT_LT(large / small, 10) << large << " s and " << small << " s";
}

class HostileText : public testing::TestWithParam<Hostile> {};

TEST_P(HostileText, OfFullSizeIsAnswered) {
  const Hostile& hostile = GetParam();
  const std::string text = hostile.make(kProfileFileBytesMax);
  EXPECT_GT(text.size(), kProfileFileBytesMax - 1000);
  const auto profile = ParseProfile(text, "chat");
  EXPECT_EQ(profile.ok(), *hostile.answer == '\0') << profile.status();
  if (profile.ok()) {
    EXPECT_FALSE(Lint(*profile, Limits()).empty()) << "it has 64 KiB";
  } else {
    EXPECT_TRUE(absl::StrContains(profile.status().message(), hostile.answer))
        << profile.status();
    EXPECT_LT(profile.status().message().size(), 300u);
  }
  if (tests::IsQuiet()) ExpectLinear(hostile);
}

INSTANTIATE_TEST_SUITE_P(All, HostileText, testing::ValuesIn(kHostile),
                         [](const auto& tested) { return tested.param.name; });

TEST(ProfileFileDepth, IsSixteenAndNoMore) {
  const auto error = [](int levels) {  // the file's own map is one
    const auto lists = static_cast<size_t>(levels - 1);
    const std::string text =
        "models: " + std::string(lists, '[') + std::string(lists, ']');
    return std::string(ParseProfile(text, "chat").status().message());
  };
  EXPECT_EQ(error(kProfileFileDepthMax),
            "models[0]: a list is not text (line 1)");
  EXPECT_EQ(error(kProfileFileDepthMax + 1),
            "profile: nested deeper than 16 (line 1)");
}

}  // namespace
}  // namespace logitd
