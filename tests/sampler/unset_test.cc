// What nobody has set says what its comment says: off, none, unknown.
#include <gtest/gtest.h>

#include <cmath>

#include "sampler/explain.h"
#include "sampler/plan.h"
#include "sampler/sampler.h"
#include "sampler/shape.h"
#include "sampler/step_values.h"

namespace logitd::tests {
namespace {

TEST(Unset, StepValuesAreOff) {
  const StepValues values;
  EXPECT_FALSE(values.greedy);
  EXPECT_EQ(values.inverse_temperature, 1.0f);
  EXPECT_EQ(values.square, 0.0f);
  EXPECT_EQ(values.cube, 0.0f);
  EXPECT_FALSE(values.p_less);
}

TEST(Unset, PlansDoNothing) {
  const Plan plan;
  EXPECT_EQ(plan.vocab_size, 0u);
  EXPECT_EQ(plan.rules, nullptr);
  EXPECT_FALSE(plan.is_ever_greedy);
  EXPECT_TRUE(plan.mask_wins);
  EXPECT_EQ(plan.min_tokens, 0u);
  EXPECT_EQ(plan.no_repeat_ngram, 0u);
  EXPECT_TRUE(plan.relax_soft_bans);
  EXPECT_FALSE(plan.ban_non_finite);
}

TEST(Unset, RowsHaveNothing) {
  const Row row;
  EXPECT_EQ(row.logits, nullptr);
  EXPECT_EQ(row.width, 0u);
  EXPECT_EQ(row.dtype, Dtype::kFloat32);
  EXPECT_EQ(row.mask, nullptr);
  EXPECT_EQ(row.mask_bytes, 0u);
  EXPECT_EQ(row.guidance, nullptr);
}

TEST(Unset, ReportsAskForTheLogprobAlone) {
  const Report report;
  EXPECT_TRUE(report.final_logprob);
  EXPECT_FALSE(report.raw_logprob || report.tempered_logprob ||
               report.kept_mass || report.entropy || report.row_digest ||
               report.kept_ids);
  EXPECT_EQ(report.top_n_final, 0u);
  EXPECT_EQ(report.top_n_raw, 0u);
  EXPECT_EQ(report.kept_ids_max, 0xFFFFFFFFu);
}

TEST(Unset, OutcomesReportNothing) {
  const Outcome outcome;
  EXPECT_EQ(outcome.token, kNoToken);
  EXPECT_EQ(outcome.drawn_token, kNoToken);
  EXPECT_EQ(outcome.kept, 0u);
  EXPECT_EQ(outcome.rank, 0u);
  EXPECT_FALSE(outcome.greedy || outcome.is_forced() ||
               outcome.forced_overruled || outcome.soft_bans_lifted);
  EXPECT_EQ(outcome.non_finite_banned, 0u);
  EXPECT_EQ(outcome.row_digest, 0u);
  for (const double number :
       {outcome.final_logprob, outcome.raw_logprob, outcome.tempered_logprob,
        outcome.kept_mass, outcome.raw_entropy, outcome.final_entropy}) {
    EXPECT_TRUE(std::isnan(number));
  }
}

TEST(Unset, StagesKeepAllAndScalesLeaveAllAlone) {
  const StageRecord record{};
  EXPECT_EQ(record.kept, 0u);
  EXPECT_EQ(record.kept_mass, 1.0);
  EXPECT_EQ(record.entropy, 0.0);
  EXPECT_EQ(record.changed_logits, 0u);
  const Shaped shaped{};
  EXPECT_FALSE(shaped.greedy);
  EXPECT_EQ(shaped.tempered, (kernels::Scale{0, 1.0f}));
  EXPECT_EQ(shaped.steered, (kernels::Scale{0, 1.0f}));
  EXPECT_EQ(shaped.tempered_mass, 0.0);
  EXPECT_EQ(shaped.log_steered_mass, 0.0);
}

}  // namespace
}  // namespace logitd::tests
