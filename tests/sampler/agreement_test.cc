// The sampler against the specification: every knob, random, real and
// adversarial rows, on every target. Each case is asked of the textbook oracle,
// and of the same stages with the arithmetic of the specification, which must
// agree to the last bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sampler/cases.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/oracle_case.h"
#include "tests/sampler/targets.h"
#include "tests/sampler/trigram_rows.h"

namespace logitd::tests {
namespace {

// How many cases a knob gets, and how many of them have real vocabularies.
const int kCases = Effort(2400, 200);
const int kLargeCases = Effort(11, 2);
const int kRealCases = Effort(12, 2);
const int kNextToOneCases = Effort(100, 10);
// The share of cases that may differ from the textbook by a rounding error. A
// share of the entropy is ill defined on rows that have next to none; many
// truncations have as many boundaries.
double AmbiguousShare(Focus focus) {
  switch (focus) {
    case Focus::kTopH:
      return 1e-2;
    case Focus::kTruncations:
    case Focus::kEverything:
    case Focus::kSteps:
    case Focus::kSchedules:
      return 5e-3;
    default:
      return 1e-3;
  }
}

using Which = std::tuple<Target, Focus>;

class Agreement : public testing::TestWithParam<Which> {
 protected:
  Agreement() : runner_(*std::get<0>(GetParam())) {}

  Focus focus() const { return std::get<1>(GetParam()); }

  void Judge(const Case& c) {
    const oracle::Answer answer = AskOracle(c);
    const Ran ran = runner_.Run(c);
    ++cases_;
    const std::string failure = FailureDifference(answer, ran.status);
    if (!failure.empty()) ADD_FAILURE() << c.name << ": " << failure;
    if (!failure.empty()) return;
    const bool refused = answer.failure != oracle::Failure::kNone;
    const std::optional<double> error =
        refused ? 0 : Compare(c, answer, ran.outcome);
    if (!error) return;
    worst_error_ = std::max(worst_error_, *error);
    compared_.Add(KnobsThatDecide(c, ran, &fastest_), *error);
  }

  // The distance from the textbook; nothing where that is a matter of rounding.
  std::optional<double> Compare(const Case& c, const oracle::Answer& answer,
                                const Outcome& got) {
    const std::string exact = Difference(Exact(c, answer), got);
    if (!exact.empty()) ADD_FAILURE() << c.name << ": " << exact;
    bool ambiguous = false;
    const std::string textbook = TextbookDifference(c, answer, got, &ambiguous);
    if (!textbook.empty()) {
      ADD_FAILURE() << c.name << ": textbook: " << textbook;
    }
    if (!ambiguous) return TextbookError(c, answer, got);
    ++ambiguous_;
    return std::nullopt;
  }

  void Tell() {
    std::cout << "  " << cases_ << " cases, " << ambiguous_
              << " within a rounding error of a boundary\n";
    RecordProperty("cases", cases_);
    RecordProperty("ambiguous", ambiguous_);
    RecordProperty("worst_error", testing::PrintToString(worst_error_));
    compared_.Record("oracle");
  }

  // Its boundary is within a rounding error of all mass, whatever the row.
  static bool IsNextToOne(const Case& c) {
    return c.params.top_p > 1 - kAmbiguous && c.params.top_p < 1;
  }

  CaseRunner runner_;
  CaseRunner fastest_{*Targets()[0]};
  int cases_ = 0;
  int ambiguous_ = 0;
  double worst_error_ = 0;
  Comparisons compared_;
};

TEST_P(Agreement, WithTheOracleOnRandomAndAdversarialRows) {
  for (uint64_t seed = 0; cases_ < kCases && !HasFailure(); ++seed) {
    const Case c = MakeCase(focus(), SmallVocabulary(seed), seed);
    if (!IsNextToOne(c)) Judge(c);  // the test after the next has those
  }
  const std::vector<uint32_t>& sizes = LargeVocabularies();
  for (int i = 0; i < kLargeCases && !HasFailure(); ++i) {
    const size_t which = static_cast<size_t>(i) % sizes.size();
    const Case c = MakeCase(focus(), sizes[which], static_cast<uint64_t>(i));
    if (!IsNextToOne(c)) Judge(c);
  }
  Tell();
  EXPECT_LE(ambiguous_, cases_ * AmbiguousShare(focus()));
}

TEST_P(Agreement, WithTheOracleOnRowsOfALanguageModel) {
  // Each knob sees its own contexts of the model.
  const size_t first = static_cast<size_t>(focus()) % kTrigramContexts;
  const auto rows = TrigramRows(first, kSlow ? 1 : 4);
  ASSERT_FALSE(rows.empty()) << "install pocketsphinx-en-us";
  for (int i = 0; i < kRealCases && !HasFailure(); ++i) {
    const size_t which = static_cast<size_t>(i) % rows.size();
    const Case c = MakeCase(focus(), rows[which], static_cast<uint64_t>(i),
                            "trigram " + std::to_string(first + which));
    if (!IsNextToOne(c)) Judge(c);
  }
  Tell();
  // Where a tail of tens of thousands of tokens weighs a thousandth, a rounding
  // error is worth several of them.
  EXPECT_LE(ambiguous_, 1 + cases_ * AmbiguousShare(focus()));
}

// Here the textbook may cut elsewhere, within the rounding error, as often as
// it likes; the exact arithmetic of the specification may not.
TEST_P(Agreement, WithTheExactOracleWhereTopPIsNextToOne) {
  if (focus() != Focus::kTopP) return;
  for (uint64_t seed = 0; cases_ < kNextToOneCases && !HasFailure(); ++seed) {
    const Case c = MakeCase(focus(), SmallVocabulary(seed), seed);
    if (IsNextToOne(c)) Judge(c);
  }
  Tell();
}

std::vector<Focus> AllFocuses() {
  std::vector<Focus> all;
  for (int i = 0; i < kFocusCount; ++i) all.push_back(static_cast<Focus>(i));
  return all;
}

std::string WhichName(const testing::TestParamInfo<Which>& info) {
  return std::string(Name(std::get<1>(info.param))) + "_" +
         std::get<0>(info.param)->name;
}

INSTANTIATE_TEST_SUITE_P(, Agreement,
                         testing::Combine(testing::ValuesIn(Targets()),
                                          testing::ValuesIn(AllFocuses())),
                         WhichName);

}  // namespace
}  // namespace logitd::tests
