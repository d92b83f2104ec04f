// Importance ratios of reinforcement learning: p / q of drawn tokens, p being
// the trainer's and q the final_logprob of the reply, average 1 where p is
// masked to the kept ids, and not where it is not.
#include <cmath>
#include <iostream>
#include <vector>

#include "gtest/gtest.h"
#include "tests/sampler/targets.h"
#include "tests/service/learning_fixture.h"

namespace logitd {
namespace {

using tests::Dice;
using tests::Effort;

class Mean {
 public:
  void Add(double x) {
    ++count_;
    sum_ += x;
    squares_ += x * x;
  }
  double value() const { return sum_ / count_; }
  // The standard error.
  double error() const {
    return std::sqrt((squares_ / count_ - value() * value()) / (count_ - 1));
  }

 private:
  double count_ = 0, sum_ = 0, squares_ = 0;
};

constexpr uint32_t kSize = 256;  // of the vocabulary
constexpr int kBatch = 200;      // rows of a step

struct Knob {
  const char* name;
  void (*set)(v1::SamplingParams*);
  uint64_t seed;
};
constexpr Knob kKnobs[] = {
    {"top_p .8", [](v1::SamplingParams* p) { p->set_top_p(0.8); }, 1},
    {"min_p .1", [](v1::SamplingParams* p) { p->set_min_p(0.1); }, 2},
    {"top_k 20", [](v1::SamplingParams* p) { p->set_top_k(20); }, 3}};

// A drawn token.
struct Draw {
  const Logits& row;
  const v1::SamplingParams& params;
  uint32_t token;
  Ids kept;
  double final_logprob;
  double kept_mass;

  // p / q for a policy of these logits, that of what the mask leaves.
  double Ratio(const Logits& policy, const Ids& mask) const {
    return std::exp(LogSoftmax(Tempered(policy, params, {}, {}), mask, token) -
                    final_logprob);
  }
};

class LearningRatios : public Learning {
 protected:
  // One token of each of `count` rows at temperature .7.
  template <class Visit>
  void ForEachDraw(const Knob& knob, int count, const Visit& visit) {
    v1::SampleRequest request;
    request.add_close()->set_session_id(1);
    v1::OpenSession* open = testing::AddOpen(1, kSize, &request);
    open->set_seed(knob.seed);
    open->mutable_params()->set_temperature(0.7);
    knob.set(open->mutable_params());
    AskForAll(open);
    v1::SamplingParams params;
    Dice dice(knob.seed);
    for (int first = 0; first < count; first += kBatch) {
      std::vector<Logits> rows;
      for (int i = 0; i < kBatch; ++i) {
        std::vector<float> row(kSize);
        for (float& l : row) l = 2 * dice.Normal();
        rows.push_back(AddRow(static_cast<uint32_t>(first + i), row,
                              v1::DTYPE_FLOAT32, &request));
      }
      const v1::SampleResponse reply = stream_.Call(request);
      const v1::StepResult& step = reply.step();
      ASSERT_EQ(step.final_logprob_size(), kBatch);
      if (first == 0) params = reply.opened(0).resolved();
      for (int i = 0; i < kBatch; ++i) {
        visit(Draw{rows[static_cast<size_t>(i)], params, step.token(i),
                   KeptIdsOf(step, i), step.final_logprob(i),
                   step.kept_mass(i)});
      }
      request.Clear();
    }
  }
};

TEST_F(LearningRatios, OfThePolicyThatDrewAreOneWithTheMask) {
  for (const Knob& knob : kKnobs) {
    Mean masked, unmasked;
    ForEachDraw(knob, Effort(4000, kBatch), [&](const Draw& draw) {
      masked.Add(draw.Ratio(draw.row, draw.kept));
      ASSERT_NEAR(draw.Ratio(draw.row, draw.kept), 1, kNear);
      // The usual mistake.
      const double ratio = draw.Ratio(draw.row, AllIds(kSize));
      unmasked.Add(ratio);
      ASSERT_NEAR(ratio / draw.kept_mass, 1, kNear);
    });
    EXPECT_NEAR(masked.value(), 1, kNear);
    std::cout << "  " << knob.name << ": ratios average " << masked.value()
              << ", without the mask " << unmasked.value() << "\n";
  }
}

// The trainer's policy has drifted: a little sharper, and noise. For tokens of
// law q the mean of p / q is the mass that p has where q has any: 1 with the
// mask, without it what p has on the kept ids. Two questions of each knob at 4
// standard errors: fresh seeds would fail each once in 16,000 runs.
TEST_F(LearningRatios, OfADriftedPolicyAverageOneWithTheMaskAlone) {
  for (const Knob& knob : kKnobs) {
    Mean masked, unmasked, kept, difference;
    Dice dice(knob.seed + 100);
    ForEachDraw(knob, Effort(20000, 5 * kBatch), [&](const Draw& draw) {
      Logits policy = draw.row;
      for (double& l : policy) {
        l = 1.1 * l + 0.1 * static_cast<double>(dice.Normal());
      }
      const double with = draw.Ratio(policy, draw.kept);
      const double without = draw.Ratio(policy, AllIds(kSize));
      masked.Add(with);
      unmasked.Add(without);
      kept.Add(without / with);
      difference.Add(without - without / with);
    });
    std::cout << "  " << knob.name << ": ratios average " << masked.value()
              << " +- " << masked.error() << "; without the mask "
              << unmasked.value() << " +- " << unmasked.error() << " where "
              << kept.value() << " is kept\n";
    EXPECT_LE(std::abs(masked.value() - 1), 4 * masked.error());
    EXPECT_LE(std::abs(difference.value()), 4 * difference.error());
    EXPECT_LT(unmasked.value(), 1 - 10 * unmasked.error());
  }
}

}  // namespace
}  // namespace logitd
