// What-if: one row under other parameters, and one knob turned on it.
#include "service/sweep.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/service/inquiry_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::FloatBytes;
using testing::IdBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

class WhatIf : public Alone {
 protected:
  WhatIf() {
    Fill(request_.mutable_open());
    SetRow(RowAt(0));
    request_.set_dtype(v1::DTYPE_FLOAT32);
  }

  void SetRow(std::vector<float> row) {
    row_ = std::move(row);
    request_.mutable_logits()->set_inline_(FloatBytes(row_));
  }
  v1::SamplingParams& params() {
    return *request_.mutable_open()->mutable_params();
  }

  void Sweep(const std::string& knob, double from, double to) {
    request_.mutable_sweep()->set_knob(knob);
    request_.mutable_sweep()->set_from(from);
    request_.mutable_sweep()->set_to(to);
  }

  v1::ExplainResponse Ask() {
    v1::ExplainResponse answer;
    const absl::Status status = Call(request_, &answer);
    EXPECT_TRUE(status.ok()) << status;
    return answer;
  }
  absl::Status Error() {
    v1::ExplainResponse answer;
    return Call(request_, &answer);
  }

  // What is drawn with the knob at a value.
  uint32_t TokenWith(const std::string& knob, double value) {
    v1::OpenSession open = request_.open();
    v1::SamplingParams* set = open.mutable_params();
    const auto* field = set->GetDescriptor()->FindFieldByName(knob);
    if (field->cpp_type() == field->CPPTYPE_DOUBLE) {
      set->GetReflection()->SetDouble(set, field, value);
    } else {
      set->GetReflection()->SetUInt32(set, field, static_cast<uint32_t>(value));
    }
    return Token(open, row_);
  }

  v1::ExplainRequest request_;
  std::vector<float> row_;
};

TEST_F(WhatIf, AnAlternativeIsWhatASessionOpenedWithItDraws) {
  params().set_top_k(40);
  params().set_temperature(1.4);
  request_.mutable_open()->mutable_report()->set_entropy(true);
  for (int i = 0; i < 20; ++i) {
    request_.add_alternatives()->set_temperature(0.2 + 0.2 * i);
  }
  const v1::ExplainResponse answer = Ask();
  ASSERT_EQ(answer.alternatives_size(), 20);
  for (int i = 0; i < 20; ++i) {
    const v1::Alternative& other = answer.alternatives(i);
    v1::SampleOnceRequest once;
    *once.mutable_open() = request_.open();
    once.mutable_open()->mutable_params()->set_temperature(
        request_.alternatives(i).temperature());
    *once.mutable_logits() = request_.logits();
    once.set_dtype(v1::DTYPE_FLOAT32);
    v1::SampleOnceResponse drawn;
    grpc::ClientContext context;
    ASSERT_TRUE(stub_->SampleOnce(&context, once, &drawn).ok());
    EXPECT_EQ(other.outcome().token(0), drawn.result().token(0));
    EXPECT_EQ(other.outcome().final_logprob(0),
              drawn.result().final_logprob(0));
    EXPECT_EQ(other.outcome().final_entropy(0),
              drawn.result().final_entropy(0));
    EXPECT_EQ(other.outcome().status(0), v1::ENTRY_STATUS_PEEKED);
    EXPECT_EQ(other.fingerprint(), drawn.opened().fingerprint());
    EXPECT_EQ(other.resolved().SerializeAsString(),
              drawn.opened().resolved().SerializeAsString());
    EXPECT_EQ(other.resolved().top_k(), 40u);
  }
}

TEST_F(WhatIf, AWrongAlternativeSaysSoAndDisturbsNoOther) {
  request_.add_alternatives()->set_top_p(1.5);
  request_.add_alternatives()->set_top_p(0.5);
  request_.add_alternatives()->set_temperature(0);
  request_.mutable_alternatives(2)->set_xtc_probability(0.5);
  const v1::ExplainResponse answer = Ask();
  ASSERT_EQ(answer.alternatives_size(), 3);
  EXPECT_THAT(StatusOf(answer.alternatives(0).error()),
              StatusIs(Code::kInvalidArgument,
                       "alternatives[0].top_p: 1.5 is outside "));
  EXPECT_FALSE(answer.alternatives(1).has_error());
  EXPECT_EQ(answer.alternatives(1).resolved().top_p(), 0.5);
  EXPECT_EQ(StatusOf(answer.alternatives(2).error()).code(),
            Code::kInvalidArgument);
  while (request_.alternatives_size() < 65) request_.add_alternatives();
  EXPECT_THAT(Error(), StatusIs(Code::kResourceExhausted,
                                "alternatives: 65 elements are more than 64"));
}

struct Turned {
  const char* knob = "";
  double from = 0;  // 1: of one that counts
  double to = 0;
  std::function<void(v1::SamplingParams*)> set = [](v1::SamplingParams*) {};
};

const Turned kTurned[] = {
    {"temperature", 0, 2},
    {"top_p", 0.05, 1},
    {"min_p", 0, 0.9},
    {"top_k", 1, 300},
    {"top_n_sigma", 0.1, 4},
    {"typical_p", 0.05, 1},
    {"repetition_penalty", 0.5, 4},
    {"presence_penalty", -2, 2},
    {"smoothing_factor", 0, 3},
    {"xtc_threshold", 0, 0.5,
     [](v1::SamplingParams* params) { params->set_xtc_probability(1); }},
};

class Flips : public WhatIf {
 protected:
  // Values between two flips, or a flip and an end of the range, draw this.
  void ExpectToken(uint32_t token, double from, double to) {
    for (int i = 0; i < 20; ++i) {
      double share = dice_.Unit();
      if (i % 2 == 0) share = std::exp(std::log(1e-9) * share);  // near `from`
      double value = from + (to - from) * share;
      if (turned_.from == 1) value = std::round(value);
      EXPECT_EQ(TokenWith(turned_.knob, value), token)
          << turned_.knob << " " << value;
    }
  }

  // Returns how many flips there are.
  int Check() {
    Sweep(turned_.knob, turned_.from, turned_.to);
    const v1::SweepResult swept = Ask().sweep();
    EXPECT_FALSE(swept.more_flips());
    const bool counts = turned_.from == 1;
    const double width = turned_.to - turned_.from;
    // So close to a flip the rounding of logits makes tokens come and go.
    const double blur = counts ? 0 : width * 1e-6;
    uint32_t token = TokenWith(turned_.knob, turned_.from);
    double from = turned_.from;
    for (const v1::Flip& flip : swept.flips()) {
      EXPECT_LE(flip.above() - flip.below(), counts ? 1 : width * 1e-4);
      EXPECT_EQ(flip.token_below(), token);
      EXPECT_EQ(TokenWith(turned_.knob, flip.below()), token);
      const double to = flip.below() - blur;
      if (to > from) ExpectToken(token, from, to);
      token = flip.token_above();
      EXPECT_EQ(TokenWith(turned_.knob, flip.above()), token);
      from = flip.above() + blur;
    }
    ExpectToken(token, from, turned_.to);
    return swept.flips_size();
  }

  tests::Dice dice_{61};
  Turned turned_;
};

// Just below and just above each flip the token changes, and nowhere between.
TEST_F(Flips, AreWhereTheTokenChangesAndNowhereElse) {
  request_.mutable_open()->set_generated(IdBytes({3, 5, 8, 13, 21}));
  int flips = 0;
  for (const Turned& turned : kTurned) {
    turned_ = turned;
    params().Clear();
    turned.set(&params());
    for (uint32_t seed = 0; seed < 2; ++seed) {
      request_.mutable_open()->set_seed(seed);
      SetRow(RowAt(seed));
      flips += Check();
    }
  }
  EXPECT_GT(flips, 20);
}

TEST_F(WhatIf, ASweepTellsAllNumbersOfItsValues) {
  params().set_top_k(50);
  request_.mutable_open()->mutable_report()->set_entropy(true);
  request_.mutable_open()->mutable_report()->set_kept_ids(true);
  Sweep("temperature", 0.5, 1.5);
  request_.mutable_sweep()->set_value_count(5);
  const v1::SweepResult swept = Ask().sweep();
  ASSERT_EQ(swept.value_size(), 5);
  ASSERT_EQ(swept.outcome().token_size(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_DOUBLE_EQ(swept.value(i), 0.5 + 0.25 * i);
    EXPECT_EQ(swept.outcome().token(i),
              TokenWith("temperature", swept.value(i)));
    EXPECT_EQ(swept.outcome().kept(i), 50u);
    if (i == 0) continue;
    EXPECT_GT(swept.outcome().final_entropy(i),
              swept.outcome().final_entropy(i - 1));
  }
  EXPECT_FALSE(swept.outcome().has_kept_ids());
}

TEST_F(WhatIf, CountsAreSweptByWholeNumbers) {
  Sweep("top_k", 1, 4);
  const v1::SweepResult swept = Ask().sweep();
  ASSERT_EQ(swept.value_size(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(swept.value(i), i + 1);
    EXPECT_EQ(swept.outcome().kept(i), static_cast<uint32_t>(i + 1));
  }
}

// What clamps allow is what is drawn.
// Where it is off the other row is not looked at.
TEST_F(WhatIf, TurnsGuidanceOnAndOff) {
  request_.mutable_guidance_row()->set_inline_(FloatBytes(RowAt(9)));
  request_.add_alternatives()->set_guidance_scale(2);
  request_.add_alternatives()->set_guidance_scale(1);
  Sweep("guidance_scale", 1, 3);
  v1::ExplainResponse answer = Ask();
  const uint32_t plain = answer.outcome().token(0);
  ASSERT_EQ(answer.alternatives_size(), 2);
  EXPECT_FALSE(answer.alternatives(0).has_error());
  EXPECT_EQ(answer.alternatives(1).outcome().token(0), plain);
  EXPECT_GT(answer.sweep().flips_size(), 0);
  params().set_guidance_scale(2);
  const v1::ExplainResponse guided = Ask();
  EXPECT_EQ(guided.outcome().token(0),
            answer.alternatives(0).outcome().token(0));
  EXPECT_EQ(guided.alternatives(1).outcome().token(0), plain);
}

TEST_F(WhatIf, NamesWhatIsWrongWithASweep) {
  const auto expect = [this](const std::string& message) {
    EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument, message));
  };
  Sweep("temprature", 0, 1);
  expect("sweep.knob: \"temprature\" is not a number in SamplingParams");
  Sweep("stop_ids", 0, 1);
  expect("sweep.knob: \"stop_ids\" is not a number");
  Sweep("temperature", 1, 1);
  expect("sweep.to: 1 must be above from 1");
  Sweep("temperature", 1, std::numeric_limits<double>::infinity());
  expect("sweep.to: inf is not finite");
  Sweep("temperature", std::nan(""), 1);
  expect("sweep.from: nan is not finite");
  Sweep("min_p", -1.7e308, 1.7e308);
  expect("sweep.to: 1.7e+308 must be above");
  Sweep("top_p", 0.5, 1.5);
  expect("sweep.to: top_p: 1.5 is outside");
  Sweep("top_k", 0.5, 3);
  expect("sweep.from: 0.5 is not a whole number");
  Sweep("top_k", 1, 5e9);
  expect("sweep.to: 5e+09 is not a whole number");
  Sweep("temperature", 0, 1);
  for (const uint32_t count : {1u, 1025u}) {
    request_.mutable_sweep()->set_value_count(count);
    expect("sweep.value_count: " + std::to_string(count) +
           " is outside [2, 1024]");
  }
}

TEST_F(WhatIf, OnAStreamIsTheSameAndMovesNoSession) {
  params().set_top_k(40);
  request_.add_alternatives()->set_top_k(2);
  Sweep("temperature", 0.5, 2);
  const v1::ExplainResponse alone = Ask();
  testing::TestStream stream(server_);
  v1::SampleRequest request;
  *request.add_open() = request_.open();
  request.mutable_open(0)->set_session_id(7);
  *request.add_explain() = request_;
  request.mutable_explain(0)->clear_open();
  request.mutable_explain(0)->set_session_id(7);
  testing::AddEntry(7, 0, RowAt(0), &request);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  const v1::SampleResponse reply = stream.Call(request);
  ASSERT_EQ(reply.explained_size(), 1);
  v1::ExplainResponse on_stream = reply.explained(0);
  ASSERT_FALSE(on_stream.has_error()) << on_stream.error().message();
  v1::ExplainResponse same = alone;
  same.clear_opened();
  EXPECT_EQ(on_stream.SerializeAsString(), same.SerializeAsString());
  v1::SampleRequest step;
  testing::AddEntry(7, 0, RowAt(0), &step);
  const v1::StepResult result = stream.Call(step).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(result.token(0), alone.outcome().token(0));
}

}  // namespace
}  // namespace logitd
