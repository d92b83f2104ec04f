// A trainer: it has a model's logits and the replies of a sampler, computes in
// float64, and knows no truncation.
#ifndef LOGITD_TESTS_SERVICE_LEARNING_FIXTURE_H_
#define LOGITD_TESTS_SERVICE_LEARNING_FIXTURE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/rows.h"
#include "tests/support/service_fixture.h"

namespace logitd {

using Ids = std::vector<uint32_t>;
using Logits = std::vector<double>;

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNear = 1e-6;

// The mask of an entry: the ids that its token was drawn from, rising.
inline Ids KeptIdsOf(const v1::StepResult& step, int i) {
  const Ids all = testing::IdsOf(step.kept_ids().inline_());
  const auto at = [&](int k) {
    return all.begin() + static_cast<ptrdiff_t>(step.kept_offset(k));
  };
  return Ids(at(i), at(i + 1));
}
inline Ids AllIds(size_t vocab_size) {
  Ids ids(vocab_size);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

// The log-softmax of what the mask leaves.
inline double LogSoftmax(const Logits& l, const Ids& mask, uint32_t token) {
  if (!std::binary_search(mask.begin(), mask.end(), token)) return -kInfinity;
  double most = -kInfinity;
  for (const uint32_t id : mask) most = std::max(most, l[id]);
  double sum = 0;
  for (const uint32_t id : mask) sum += std::exp(l[id] - most);
  return l[token] - most - std::log(sum);
}

// Logits after bans, bias, penalties and temperature, by the formulas of the
// specification, which round each changed logit to float32; nothing else is
// rounded here. `params` are those that the reply resolved.
inline Logits Tempered(Logits l, const v1::SamplingParams& params,
                       const Ids& prompt, const Ids& output) {
  const auto change = [&](const std::set<uint32_t>& ids, const auto& rule) {
    for (const uint32_t id : ids) {
      l[id] = static_cast<double>(static_cast<float>(rule(l[id], id)));
    }
  };
  const auto repeat = [&](double r, const std::set<uint32_t>& ids) {
    change(ids, [r](double x, uint32_t) { return x > 0 ? x / r : x * r; });
  };
  for (const uint32_t id : testing::IdsOf(params.banned_ids())) {
    l[id] = -kInfinity;
  }
  const Ids biased = testing::IdsOf(params.logit_bias_ids());
  for (size_t i = 0; i < biased.size(); ++i) {
    const double bias = params.logit_bias_values(static_cast<int>(i));
    change({biased[i]}, [bias](double x, uint32_t) { return x + bias; });
  }
  std::set<uint32_t> seen(prompt.begin(), prompt.end());
  if (params.has_prompt_repetition_penalty()) {
    repeat(params.prompt_repetition_penalty(), seen);
  }
  seen.insert(output.begin(), output.end());
  if (params.has_repetition_penalty()) {
    repeat(params.repetition_penalty(), seen);
  }
  const std::set<uint32_t> said(output.begin(), output.end());
  change(said, [&](double x, uint32_t id) {
    const auto count = std::count(output.begin(), output.end(), id);
    return x - params.frequency_penalty() * static_cast<double>(count);
  });
  change(said,
         [&](double x, uint32_t) { return x - params.presence_penalty(); });
  if (params.has_temperature()) {
    for (double& x : l) x /= params.temperature();
  }
  return l;
}

class Learning : public ::testing::Test {
 protected:
  // Asks for the numbers that the trainer needs.
  static void AskForAll(v1::OpenSession* open) {
    v1::Report* report = open->mutable_report();
    report->set_final_logprob(true);
    report->set_tempered_logprob(true);
    report->set_kept_mass(true);
    report->set_kept_ids(true);
  }

  // Adds an entry for the session of id 1, with a row in that dtype. Returns
  // what its bytes say.
  static Logits AddRow(uint32_t position, std::vector<float> row,
                       v1::Dtype dtype, v1::SampleRequest* request) {
    std::string bytes = testing::FloatBytes(row);
    if (dtype != v1::DTYPE_FLOAT32) {
      const bool is_half = dtype == v1::DTYPE_FLOAT16;
      const std::vector<uint16_t> bits =
          is_half ? tests::ToFloat16(row) : tests::ToBfloat16(row);
      std::transform(bits.begin(), bits.end(), row.begin(),
                     is_half ? tests::FromFloat16 : tests::FromBfloat16);
      bytes.assign(reinterpret_cast<const char*>(bits.data()), 2 * bits.size());
    }
    v1::Step* step = request->mutable_step();
    step->set_dtype(dtype);
    step->set_row_width(static_cast<uint32_t>(row.size()));
    step->set_row_count(step->row_count() + 1);
    step->mutable_logits()->mutable_inline_()->append(bytes);
    step->add_session_id(1);
    step->add_position(position);
    return Logits(row.begin(), row.end());
  }

  // No list is too long for it.
  testing::TestServer server_{
      [](Config* config) { config->limits.max_kept_ids = 1u << 20; }};
  testing::TestStream stream_{server_};
};

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_LEARNING_FIXTURE_H_
