// The knobs' vectors of the specification: computed by
// tests/golden/knob_vectors.py from its text, printed in sampler/README.md, and
// found by the sampler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/golden_script.h"

namespace logitd::tests {
namespace {

struct Vector {
  std::string name;
  Params params;
  TokenIds output;
  std::vector<float> logits = {4, 3, 2, 1, 0, -1};
};

class KnobVectors : public Sampling {
 protected:
  Params& Add(const std::string& name) {
    vectors_.push_back({name, {}, {}});
    return vectors_.back().params;
  }
  void Said(TokenIds output) { vectors_.back().output = std::move(output); }

  void AddTemperatures() {
    Add("temperature 0.5").temperature = 0.5;
    Params& dynamic = Add("dynamic temperature 0.8, 0.5, 1");
    dynamic.temperature = 0.8;
    dynamic.dynamic_temperature_range = 0.5;
    for (const int curve : {1, 2}) {
      Params& smooth = Add(absl::StrCat("smoothing 0.2, ", curve));
      smooth.smoothing_factor = 0.2;
      smooth.smoothing_curve = curve;
    }
  }

  void AddTopP() {
    Add("top_p 0.9").top_p = 0.9;
    for (const uint32_t n : {0u, 2u, 6u}) {
      Params& p =
          Add(absl::StrCat("top_p 0.9, decay 0.9, least 0.5, after ", n));
      p.top_p = p.top_p_decay = 0.9;
      p.top_p_min = 0.5;
      Said(TokenIds(n, 5));
    }
  }

  void AddCuts() {
    Add("top_n_sigma 1").top_n_sigma = 1;
    Add("top_k 3").top_k = 3;
    AddTopP();
    Add("min_p 0.1").min_p = 0.1;
    for (const double p : {0.2, 0.5, 0.9}) {
      Add(absl::StrCat("typical_p ", p)).typical_p = p;
    }
    Add("epsilon_cutoff 0.05").epsilon_cutoff = 0.05;
    for (const double e : {0.05, 0.3}) {
      Add(absl::StrCat("eta_cutoff ", e)).eta_cutoff = e;
    }
    Add("top_a 0.2").top_a = 0.2;
    Add("tail_free 0.9").tail_free = 0.9;
    Add("top_h 0.7").top_h = 0.7;
    Add("p_less").p_less = true;
    Add("xtc 1, 0.1").xtc_probability = 1;
  }

  void AddFeedback() {
    for (const double tau : {0.5, 1.0}) {
      Params& p = Add(absl::StrCat("mirostat 1, tau ", tau));
      p.mirostat = 1;
      p.mirostat_tau = tau;
    }
    for (const double tau : {1.0, 2.0}) {
      Params& p = Add(absl::StrCat("mirostat 2, tau ", tau));
      p.mirostat = 2;
      p.mirostat_tau = tau;
    }
    Add("adaptive_p 0.3").adaptive_p_target = 0.3;
  }

  void AddPenalties() {
    Add("repetition 1.2").repetition_penalty = 1.2;
    Said({0, 5});
    Add("frequency 0.5").frequency_penalty = 0.5;
    Said({0, 0, 5});
    Add("presence 0.5").presence_penalty = 0.5;
    Said({0, 0, 5});
    Add("dry 0.8").dry_multiplier = 0.8;
    Said({1, 2, 3, 3, 2, 3, 25, 1, 2, 3});
    vectors_.back().logits.assign(26, 0.0f);
  }

  void AddOrders() {
    Params p;
    p.temperature = 2;
    p.min_p = 0.1;
    Add("temperature 2, min_p 0.1") = p;
    p.dialect = Dialect::kLlamaCpp;
    Add("the same, LLAMA_CPP_V1") = p;
    p.dialect.reset();
    p.steps = {Stage::kMinP, Stage::kTemperature};
    Add("the same, steps min_p, temperature") = p;
    Params& r =
        Add("temperature 2, top_k 3, repetition 1.2, steps in this order");
    r.temperature = 2;
    r.top_k = 3;
    r.repetition_penalty = 1.2;
    r.steps = {Stage::kTemperature, Stage::kTopK, Stage::kRepetition};
    Said({0, 5});
    Params& joint = Add("top_k 3, top_p 0.9, SGLANG_V1");
    joint.top_k = 3;
    joint.top_p = 0.9;
    joint.dialect = Dialect::kSglang;
    Params& min_first = Add("min_p 0.3, top_p 0.7, VLLM_V1");
    min_first.min_p = 0.3;
    min_first.top_p = 0.7;
    min_first.dialect = Dialect::kVllm;
  }

  std::string LineOf(const Vector& vector) {
    Case c = Question(vector.logits, vector.params);
    c.output = vector.output;
    c.at.position = static_cast<uint32_t>(vector.output.size());
    const Outcome outcome = Ask(c);
    const uint32_t first = outcome.kept_ids.at(0);
    c.given = first;
    return absl::StrFormat("%s = %s at %a", vector.name,
                           absl::StrJoin(outcome.kept_ids, " "),
                           Ask(c).final_logprob);
  }

  std::vector<Vector> vectors_;
};

TEST_P(KnobVectors, OfTheSpecificationsTextAreTheSamplers) {
  AddTemperatures();
  AddCuts();
  AddFeedback();
  AddPenalties();
  AddOrders();
  std::vector<std::string> lines;
  for (const Vector& vector : vectors_) lines.push_back(LineOf(vector));
  EXPECT_EQ(lines, LinesOfScript("knob_vectors.py"));
}

LOGITD_ON_EACH_TARGET(KnobVectors);

TEST(SpecificationPage, PrintsEveryVectorOfAKnob) {
  ExpectOnThePage("knob_vectors.py", 30);
}

}  // namespace
}  // namespace logitd::tests
