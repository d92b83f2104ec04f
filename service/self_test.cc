#include "service/self_test.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/history.h"
#include "sampler/philox.h"
#include "sampler/plan.h"
#include "sampler/sampler.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

constexpr uint32_t kVocabulary = 1000;
constexpr int kDraws = 8;

void AddTruncations(Params* params) {
  params->top_n_sigma = 3;
  params->top_k = 200;
  params->top_p = 0.95;
  params->min_p = 0.001;
  params->typical_p = 0.99;
  params->epsilon_cutoff = 1e-5;
  params->eta_cutoff = 1e-5;
  params->top_a = 1e-3;
  params->tail_free = 0.99;
  params->top_h = 0.99;
  params->xtc_probability = 0.5;
  params->xtc_threshold = 0.02;
}

// Every stage at once that needs no second row, but for what excludes another.
Params AllStages() {
  Params params;
  params.temperature = 0.8;
  params.dynamic_temperature_range = 0.3;
  params.smoothing_factor = 0.01;
  AddTruncations(&params);
  params.adaptive_p_target = 0.4;
  params.dry_multiplier = 0.5;
  params.repetition_penalty = 1.2;
  params.frequency_penalty = 0.1;
  params.presence_penalty = 0.1;
  params.logit_bias_ids = {5, 700};
  params.logit_bias_values = {1.5, -2.0};
  params.banned_ids = {9, 10};
  return params;
}

std::vector<float> TestRow() {
  std::vector<float> row(kVocabulary);
  for (uint32_t i = 0; i < kVocabulary; ++i) {
    const uint32_t bits = Philox4x32({i, 0, 0, 0}, {1, 2})[0];
    row[i] = static_cast<float>(bits >> 20) / 256.0f - 8.0f;
  }
  return row;
}

struct Answers {
  std::vector<uint32_t> tokens;
  std::vector<double> numbers;
  friend bool operator==(const Answers&, const Answers&) = default;
};

absl::StatusOr<Answers> Run(const kernels::KernelTable& kernels) {
  LOGITD_ASSIGN_OR_RETURN(const Plan plan,
                          Plan::Compile(AllStages(), kVocabulary));
  History history;
  LOGITD_RETURN_IF_ERROR(history.Follow(plan));
  const std::vector<float> logits = TestRow();
  Row row;
  row.logits = logits.data();
  row.width = kVocabulary;
  Report report;
  report.raw_logprob = report.tempered_logprob = true;
  report.kept_mass = report.entropy = true;
  const Sampler sampler(kernels);
  Workspace workspace;
  Outcome outcome;
  Answers answers;
  Feedback feedback;
  for (int i = 0; i < kDraws; ++i) {
    const NoisePoint at = {{7}, history.position(), 0};
    LOGITD_RETURN_IF_ERROR(sampler.Sample(plan, history, feedback, at, row,
                                          report, {}, &workspace, &outcome));
    history.Append(outcome.token);
    feedback = outcome.feedback;
    answers.tokens.push_back(outcome.token);
    for (const double number :
         {outcome.final_logprob, outcome.raw_logprob, outcome.tempered_logprob,
          outcome.kept_mass, outcome.raw_entropy, outcome.final_entropy}) {
      answers.numbers.push_back(number);
    }
  }
  return answers;
}

}  // namespace

absl::Status SelfTest(const kernels::KernelTable& kernels) {
  // Random123's known answer for counter 0 and key 0.
  const PhiloxCounter known = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  if (Philox4x32({0, 0, 0, 0}, {0, 0}) != known) {
    return absl::InternalError("self-test: Philox gives wrong numbers");
  }
  LOGITD_ASSIGN_OR_RETURN(const Answers expected, Run(kernels));
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    LOGITD_ASSIGN_OR_RETURN(const Answers other, Run(*list.tables[i]));
    if (other == expected) continue;
    return absl::InternalError(absl::StrCat("self-test: the kernels ",
                                            kernels.name, " and ",
                                            list.tables[i]->name, " differ"));
  }
  return absl::OkStatus();
}

}  // namespace logitd
