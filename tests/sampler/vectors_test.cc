// The vectors of the specification: computed by tests/golden/vectors.py from
// its text, printed in sampler/README.md, and found by the sampler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sampler/natural_log.h"
#include "sampler/noise.h"
#include "sampler/philox.h"
#include "sampler/stream_key.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/golden_script.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

using Lines = std::vector<std::string>;

std::string Hex(double x) { return absl::StrFormat("%a", x); }

// The row of the specification's example.
Case Example(uint32_t position) {
  std::vector<float> row;
  for (int i = 0; i < 300; ++i) {
    row.push_back(static_cast<float>(i * 37 % 101) / 8 - 6);
  }
  Case c = Question(row);
  c.params.temperature = 0.8;
  c.params.top_p = 0.9;
  c.at.key.bits = 42;
  c.prompt.assign(position, 0);
  c.at.position = position;
  return c;
}

void AddNoise(Lines* lines) {
  const auto philox = [&](const char* name, PhiloxCounter counter,
                          PhiloxKey key) {
    const PhiloxCounter out = Philox4x32(counter, key);
    lines->push_back(absl::StrFormat("philox(%s) = %08x %08x %08x %08x", name,
                                     out[0], out[1], out[2], out[3]));
  };
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  philox("0", {0, 0, 0, 0}, {0, 0});
  philox("-1", {kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes});
  philox("pi", {0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
         {0xA4093822, 0x299F31D0});
  struct Point {
    NoisePoint at;
    uint32_t purpose;
    uint32_t index;
  };
  const Point points[] = {{{{42}, 0, 0}, 1, 0},
                          {{{42}, 0, 0}, 1, 1},
                          {{{42}, 7, 3}, 2, 128001},
                          {{{~uint64_t{0}}, kOnes, 0xFFFFFF}, 9, kOnes}};
  for (const Point& p : points) {
    const std::string name =
        absl::StrCat("(", p.at.key.bits, ", ", p.at.position, ", ",
                     p.at.attempt, ", ", p.purpose, ", ", p.index, ")");
    const uint64_t noise =
        Noise(p.at, static_cast<Purpose>(p.purpose), p.index);
    lines->push_back(absl::StrFormat("noise%s = %016x", name, noise));
    lines->push_back(
        absl::StrCat("E", name, " = ", Hex(-LogD(Uniform(noise)))));
  }
  lines->push_back(absl::StrFormat("stream_key(42, salt) = %016x",
                                   MakeStreamKey(42, "salt").bits));
  lines->push_back(
      absl::StrFormat("fork_key(42, 1, 7) = %016x", ForkKey({42}, 1, 7).bits));
}

class Vectors : public OnEachTarget {
 protected:
  // exp_f as the target's kernel computes it.
  double ExpF(double d) {
    workspace_.Reserve(1);
    const float logit = static_cast<float>(d);
    uint32_t count = 0;
    kernels().load_f32(&logit, 1, false, workspace_.row(), &count);
    return kernels().weigh(workspace_.row(), {0, 1}, kAll, &count);
  }

  void AddArithmetic(Lines* lines) {
    for (const char* d : {"-1e-07", "-0.3", "-1", "-10.123", "-86.9", "-87"}) {
      lines->push_back(
          absl::StrCat("exp_f(", d, ") = ", Hex(ExpF(std::stod(d)))));
    }
    for (const char* x : {"2.0", "0.9", "1e-300", "0.9999999999999999"}) {
      lines->push_back(
          absl::StrCat("log_d(", x, ") = ", Hex(LogD(std::stod(x)))));
    }
  }

  void AddExample(Lines* lines) {
    const Case c = Example(0);
    const Plan plan = *Plan::Compile(c.params, c.vocab_size);
    workspace_.Reserve(c.vocab_size);
    kernels::RowView& row = workspace_.row();
    uint32_t count = 0;
    kernels().load_f32(c.logits.data(), c.vocab_size, false, row, &count);
    const kernels::Scale scale = {6.5f, plan.values.inverse_temperature};
    const double all = kernels().weigh(row, scale, kAll, &row.active_count);
    lines->push_back("mass(all) = " + Hex(all));
    const Outcome outcome = *Ran(c);
    const uint32_t last = outcome.top_final.back().id;
    lines->push_back(
        absl::StrCat("kept, last kept = ", outcome.kept, " ", last));
    uint64_t members = 0;
    const double kept = kernels().restrict_to(row, {c.logits[last], last},
                                              &row.active_count, &members);
    lines->push_back(absl::StrCat(
        "block masses = ", Hex(double{row.block_mass[0]}), " ",
        Hex(double{row.block_mass[1]}), " ", Hex(double{row.block_mass[2]})));
    lines->push_back("mass(kept) = " + Hex(kept));
    std::vector<uint32_t> tokens;
    std::vector<std::string> logprobs;
    for (uint32_t position = 0; position < 12; ++position) {
      const Outcome step = *Ran(Example(position));
      tokens.push_back(step.token);
      if (position < 3) logprobs.push_back(Hex(step.final_logprob));
    }
    lines->push_back("tokens of seed 42 = " + absl::StrJoin(tokens, " "));
    lines->push_back("their final_logprob = " + absl::StrJoin(logprobs, " "));
  }

  void AddDigests(Lines* lines) {
    const auto add = [&](const char* what, const Case& c) {
      lines->push_back(
          absl::StrFormat("row_digest%s = %016x", what, Ran(c)->row_digest));
    };
    Case c = Example(0);
    add("", c);
    Case rising = c;
    for (size_t i = 0; i < 300; ++i) {
      rising.logits[i] = static_cast<float>(i);
    }
    add(" of 0 .. 299", rising);
    c.logits[7] = kBannedLogit;
    c.logits[75] = -0.0f;
    add(" with l_7 = -inf, l_75 = -0", c);
  }

  void AddGuidance(Lines* lines) {
    Case c = Example(0);
    c.params = {};
    c.params.guidance_scale = 1.5;
    for (int i = 0; i < 300; ++i) {
      c.guidance.push_back(static_cast<float>(i * 29 % 97) / 8 - 6);
    }
    const auto log_sum_exp = [&](const std::vector<float>& row) {
      Case raw = Question(row);
      raw.given = 0;
      return double{row[0]} - Ran(raw)->raw_logprob;  // exact here
    };
    lines->push_back(absl::StrCat("LSE_c, LSE_u = ", Hex(log_sum_exp(c.logits)),
                                  " ", Hex(log_sum_exp(c.guidance))));
    const auto l = GuideExactly(1.5, c.logits, c.guidance);
    std::vector<std::string> first;
    for (size_t i = 0; i < 4; ++i) first.push_back(Hex(double{l[i]}));
    lines->push_back("guided l_0 .. l_3 = " + absl::StrJoin(first, " "));
    std::vector<uint32_t> tokens;
    for (uint32_t position = 0; position < 12; ++position) {
      c.prompt.assign(position, 0);
      c.at.position = position;
      tokens.push_back(Ran(c)->token);
    }
    lines->push_back("guided tokens of seed 42 = " +
                     absl::StrJoin(tokens, " "));
  }

  const Outcome* Ran(const Case& c) {
    const tests::Ran& ran = runner_.Run(c);
    EXPECT_TRUE(ran.status.ok()) << ran.status;
    return &ran.outcome;
  }

  static constexpr kernels::Cut kAll = {-0x1.fffffep+127f, 0xFFFFFFFFu};
  Workspace workspace_;
  CaseRunner runner_{kernels()};
};

TEST_P(Vectors, OfTheSpecificationsTextAreTheSamplers) {
  Lines lines;
  AddNoise(&lines);
  AddArithmetic(&lines);
  AddExample(&lines);
  AddDigests(&lines);
  AddGuidance(&lines);
  EXPECT_EQ(lines, LinesOfScript("vectors.py"));
}

LOGITD_ON_EACH_TARGET(Vectors);

TEST(SpecificationPage, PrintsEveryVectorOfTheScript) {
  ExpectOnThePage("vectors.py", 25);
}

// Random123's known answers, also for seven rounds.
// Those of other rooms too: the numbers are in every token that was drawn.
TEST(Purposes, HaveTheNumbersOfTheSpecification) {
  const Purpose purposes[] = {
      Purpose::kBlockRace,         Purpose::kTokenRace,
      Purpose::kXtcCoin,           Purpose::kAcceptCoin,
      Purpose::kResidualBlockRace, Purpose::kResidualTokenRace,
      Purpose::kMirostat,          Purpose::kFork,
      Purpose::kServerSeed};
  uint32_t number = 0;
  for (const Purpose purpose : purposes) {
    EXPECT_EQ(static_cast<uint32_t>(purpose), ++number);
  }
}

TEST(Philox, GivesThePublishedKnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(Philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
                       {0xA4093822, 0x299F31D0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}, 7),
            (PhiloxCounter{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
}

TEST(Noise, TakesItsWordsFromThePairOfTheIndex) {
  const NoisePoint at = {{0x0123456789ABCDEF}, 5, 0xABCDEF};
  const PhiloxCounter words =
      Philox4x32({21, 5, 4 | (0xABCDEFu << 8), 0}, {0x89ABCDEF, 0x01234567});
  EXPECT_EQ(Noise(at, Purpose::kAcceptCoin, 42),
            (uint64_t{words[0]} << 32) | words[1]);
  EXPECT_EQ(Noise(at, Purpose::kAcceptCoin, 43),
            (uint64_t{words[2]} << 32) | words[3]);
}

TEST(Noise, IsNeverZeroOrOneAsAUniform) {
  EXPECT_EQ(Uniform(0), 0x1p-53);
  EXPECT_EQ(Uniform(~uint64_t{0}), 1 - 0x1p-53);
  EXPECT_EQ(Uniform(0xFFF), Uniform(0)) << "the last 12 bits do not count";
  EXPECT_GT(-LogD(Uniform(~uint64_t{0})), 0);
  EXPECT_TRUE(std::isfinite(LogD(Uniform(0))));
}

TEST(Noise, PurposesKeepTheirNumbers) {
  const std::array<Purpose, 9> all = {
      Purpose::kBlockRace,         Purpose::kTokenRace,
      Purpose::kXtcCoin,           Purpose::kAcceptCoin,
      Purpose::kResidualBlockRace, Purpose::kResidualTokenRace,
      Purpose::kMirostat,          Purpose::kFork,
      Purpose::kServerSeed};
  for (uint32_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(static_cast<uint32_t>(all[i]), i + 1);
  }
}

TEST(StreamKey, IsTheSeedWithoutSaltAndDependsOnEveryByteWithOne) {
  EXPECT_EQ(MakeStreamKey(0xFEDCBA9876543210, "").bits, 0xFEDCBA9876543210);
  const StreamKey key = MakeStreamKey(1, "a");
  EXPECT_FALSE(key == MakeStreamKey(2, "a"));
  EXPECT_FALSE(key == MakeStreamKey(uint64_t{1} << 63 | 1, "a"));
  EXPECT_FALSE(key == MakeStreamKey(1, "b"));
  EXPECT_FALSE(key == MakeStreamKey(1, absl::string_view("a\0", 2)));
}

}  // namespace
}  // namespace logitd::tests
