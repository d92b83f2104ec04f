// Short questions to the sampler: logits and parameters in, what was kept and
// with which probability out.
//
// For tests of behaviour, on each target. Knows GoogleTest. Confined to one
// thread.
#ifndef LOGITD_TESTS_SAMPLER_ASK_H_
#define LOGITD_TESTS_SAMPLER_ASK_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/cases.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {

inline constexpr float kBannedLogit = -std::numeric_limits<float>::infinity();

// A case that asks for every number and for the kept set.
inline Case Question(std::vector<float> logits, Params params = {}) {
  Case c;
  c.vocab_size = static_cast<uint32_t>(logits.size());
  c.logits = std::move(logits);
  c.params = std::move(params);
  c.report.raw_logprob = c.report.tempered_logprob = true;
  c.report.kept_mass = c.report.entropy = true;
  c.report.top_n_final = c.report.top_n_raw = kTopMax;
  c.report.row_digest = c.report.kept_ids = true;
  return c;
}

// ln p: logits whose softmax is p.
inline std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

// The kept ids, best first, and their probabilities.
inline TokenIds KeptIds(const Outcome& outcome) {
  TokenIds ids;
  for (const TopToken& top : outcome.top_final) ids.push_back(top.id);
  return ids;
}
inline std::vector<double> Probabilities(const Outcome& outcome) {
  std::vector<double> all;
  for (const TopToken& top : outcome.top_final) {
    all.push_back(std::exp(top.logprob));
  }
  return all;
}
// Of one token; 0 outside the kept set.
inline double ProbabilityOf(const Outcome& outcome, uint32_t id) {
  for (const TopToken& top : outcome.top_final) {
    if (top.id == id) return std::exp(top.logprob);
  }
  return 0;
}

// Matches numbers that a text gives with four decimals.
MATCHER_P(RoundsTo, decimals, "") {
  if (arg.size() != decimals.size()) return false;
  for (size_t i = 0; i < decimals.size(); ++i) {
    if (std::abs(arg[i] - decimals[i]) > 0.5e-4 + 1e-6) return false;
  }
  return true;
}
inline auto AreAbout(std::vector<double> decimals) {
  return RoundsTo(std::move(decimals));
}

class Sampling : public OnEachTarget {
 protected:
  Sampling() : runner_(kernels()) {}

  // The outcome of a case that must not fail.
  Outcome Ask(const Case& c) {
    const Ran& ran = runner_.Run(c);
    EXPECT_TRUE(ran.status.ok()) << c.name << ran.status;
    return ran.outcome;
  }
  Outcome Ask(std::vector<float> logits, Params params = {}) {
    return Ask(Question(std::move(logits), std::move(params)));
  }
  absl::Status Fail(const Case& c) { return runner_.Run(c).status; }

  CaseRunner runner_;
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_ASK_H_
