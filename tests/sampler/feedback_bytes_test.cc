// Feedback state as bytes: one layout, and nothing else is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "sampler/feedback.h"

namespace logitd::tests {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Why the bytes are refused; empty: they are taken.
std::string Refused(const std::string& bytes) {
  const auto read = ReadFeedback(bytes);
  if (read.ok()) return "";
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(read.status().message());
}

Feedback Of(double mu) {
  Feedback feedback;
  feedback.mu = mu;
  return feedback;
}

Feedback Of(double weighted, double total) {
  Feedback feedback;
  feedback.sums = Feedback::Sums{weighted, total};
  return feedback;
}

TEST(FeedbackBytes, HaveTheLayoutThatIsPromised) {
  Feedback all = Of(7.25);  // 0x401D000000000000
  EXPECT_EQ(WriteFeedback(all), std::string("\1\1\0\0\0\0\0\0\x1D\x40", 10));
  all.sums = Feedback::Sums{2, 8};
  EXPECT_EQ(WriteFeedback(all),
            std::string("\1\3\0\0\0\0\0\0\x1D\x40\0\0\0\0\0\0\0\x40"
                        "\0\0\0\0\0\0\x20\x40",
                        26));
  EXPECT_EQ(WriteFeedback(Of(2, 8)).substr(0, 2), "\1\2");
  EXPECT_EQ(WriteFeedback(Feedback()), "");
}

TEST(FeedbackBytes, ComeBackAsTheyWere) {
  Feedback all = Of(0.1);
  for (const Feedback& state :
       {Feedback(), Of(-3), Of(0), all, Of(0, 1), Of(1, 1), Of(0.25, 1e299)}) {
    EXPECT_EQ(*ReadFeedback(WriteFeedback(state)), state);
  }
  all.sums = Feedback::Sums{0.5, 3};
  EXPECT_EQ(*ReadFeedback(WriteFeedback(all)), all);
}

TEST(FeedbackBytes, OfAnyOtherLengthOrPartsAreRefused) {
  Feedback all = Of(7.25);
  all.sums = Feedback::Sums{2, 8};
  const std::string good = WriteFeedback(all);
  for (size_t cut = 1; cut < good.size(); ++cut) {
    EXPECT_THAT(Refused(good.substr(0, cut)), HasSubstr("bytes do not fit"))
        << cut;
  }
  EXPECT_THAT(Refused(good + "x"), HasSubstr("27 bytes do not fit its parts"));
  EXPECT_THAT(Refused(std::string("\1\0", 2)), HasSubstr("2 bytes do not fit"));
  for (const char parts : {'\4', '\5', '\x7F', '\x80', '\xFF'}) {
    for (const size_t doubles : {0u, 1u, 2u, 3u}) {
      const std::string bytes =
          std::string("\1") + parts + std::string(8 * doubles, '\1');
      EXPECT_THAT(Refused(bytes), HasSubstr("do not fit its parts"));
    }
  }
  EXPECT_THAT(Refused("\2" + good.substr(1)), HasSubstr("not of version 1"));
}

TEST(FeedbackBytes, OfWhatNoTokenLeavesBehindAreRefused) {
  for (const double mu :
       {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(Refused(WriteFeedback(Of(mu))), HasSubstr("mu is not finite"));
  }
  for (const Feedback& state :
       {Of(8, 2), Of(-0.1, 1), Of(0, 0), Of(0, -1), Of(1, 1e300),
        Of(kInfinity, kInfinity),
        Of(std::numeric_limits<double>::quiet_NaN(), 1),
        Of(1, std::numeric_limits<double>::quiet_NaN())}) {
    EXPECT_THAT(Refused(WriteFeedback(state)), HasSubstr("the sums are not"));
  }
}

}  // namespace
}  // namespace logitd::tests
