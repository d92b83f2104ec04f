#include "service/client/logitctl/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

TEST(Vocabulary, PrefersAWordToAnId) {
  const Vocabulary vocabulary({"zero", "7", "</s>"}, 2);
  EXPECT_EQ(*vocabulary.Resolve("7"), 1);
  EXPECT_EQ(*vocabulary.Resolve("5"), 5);  // The server says it is too large.
  EXPECT_EQ(ExitCodeOf(vocabulary.Resolve("eleven").status()), kUsage);
  EXPECT_EQ(vocabulary.Word(0), "zero");
  EXPECT_EQ(vocabulary.Word(5), "#5");
}

TEST(TextWriter, WritesSentencesOnLinesOfTheirOwn) {
  const Vocabulary vocabulary({"a", "b", "</s>"}, 2);
  EXPECT_EQ(TextOf(vocabulary, {0, 1, 2, 1, 0, 2}), "a b\nb a");
  EXPECT_EQ(TextOf(vocabulary, {2}), "");
  EXPECT_EQ(TextOf(vocabulary, {}), "");
  TextWriter writer(&vocabulary);
  EXPECT_EQ(writer.Next(0), "a");
  EXPECT_EQ(writer.Next(0), " a");
}

}  // namespace
}  // namespace logitd::logitctl
