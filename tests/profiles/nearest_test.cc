#include "service/profiles/nearest.h"

#include "gtest/gtest.h"

namespace logitd {
namespace {

const std::vector<std::string>& Names() {
  static const auto* const names = new std::vector<std::string>{
      "temperature", "top_k", "top_p", "min_p", "x", "Top_Level", "needs"};
  return *names;
}

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(Nearest("temprature", Names()), "temperature");
  EXPECT_EQ(Nearest("temperatures", Names()), "temperature");
  EXPECT_EQ(Nearest("topk", Names()), "top_k");
  EXPECT_EQ(Nearest("top-p", Names()), "top_p");
}

TEST(Nearest, PrefersWhatTheNameBegins) {
  const std::vector<std::string> names = {"steps", "stop_sequences", "stop_ids",
                                          "default_params"};
  EXPECT_EQ(Nearest("stop", names), "stop_ids") << "steps differs less";
  EXPECT_EQ(Nearest("defaults", names), "default_params");
  EXPECT_EQ(Nearest("s", names), "") << "one letter begins too much";
}

TEST(Nearest, IgnoresCase) {
  EXPECT_EQ(Nearest("TopLevel", Names()), "Top_Level");
  EXPECT_EQ(Nearest("TEMP", Names()), "temperature");
}

TEST(Nearest, GuessesNothingOfWhatIsFarAway) {
  EXPECT_EQ(Nearest("humidity", Names()), "");
  EXPECT_EQ(Nearest("", Names()), "");
  EXPECT_EQ(Nearest("yz", Names()), "") << "nothing of it is in x";
  EXPECT_EQ(Nearest(std::string(1 << 20, 't'), Names()), "");
}

}  // namespace
}  // namespace logitd
