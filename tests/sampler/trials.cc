#include "tests/sampler/trials.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "tests/sampler/oracle_case.h"
#include "tests/sampler/statistics.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {
namespace {

const int kDraws = Effort(200000, 20000, 10);

class SamplerDrawer : public Drawer {
 public:
  explicit SamplerDrawer(const kernels::KernelTable& kernels)
      : sampler_(kernels) {
    report_.final_logprob = false;
  }

  void Open(const Case& c) override {
    logits_ = c.logits;
    plan_ = *Plan::Compile(c.params, c.vocab_size);
    history_ = MakeHistory(c, *plan_);
    row_.logits = logits_.data();
    row_.width = static_cast<uint32_t>(logits_.size());
  }

  uint32_t Draw(const NoisePoint& at) override {
    const absl::Status status = sampler_.Sample(
        *plan_, history_, {}, at, row_, report_, {}, &workspace_, &outcome_);
    return status.ok() ? outcome_.token : kNoToken;
  }

 private:
  Sampler sampler_;
  std::vector<float> logits_;
  std::optional<Plan> plan_;
  History history_;
  Row row_;
  Report report_;
  Workspace workspace_;
  Outcome outcome_;
};

Case CaseOf(std::vector<float> logits, Params params = {}) {
  Case c;
  c.vocab_size = static_cast<uint32_t>(logits.size());
  c.logits = std::move(logits);
  c.params = std::move(params);
  return c;
}

std::vector<float> Slope(uint32_t size, float step) {
  std::vector<float> row(size);
  for (uint32_t i = 0; i < size; ++i) row[i] = -step * static_cast<float>(i);
  return row;
}

// ---- one token at a time

// The points of a trial: consecutive positions of one session.
NoisePoint AtPosition(uint64_t seed, int i) {
  return {{seed}, static_cast<uint32_t>(i), 0};
}
// Consecutive seeds at one position.
NoisePoint AtSeed(int i) { return {{static_cast<uint64_t>(i)}, 3, 0}; }

template <class PointOf>
double Marginal(const Case& c, Drawer* drawer, const PointOf& point_of) {
  drawer->Open(c);
  std::vector<uint64_t> counts(c.vocab_size);
  for (int i = 0; i < kDraws; ++i) {
    const uint32_t token = drawer->Draw(point_of(i));
    if (token >= c.vocab_size) return 0;
    ++counts[token];
  }
  return ChiSquareP(counts, DistributionOf(c));
}

double OverPositions(const Case& c, Drawer* drawer) {
  return Marginal(c, drawer, [](int i) { return AtPosition(42, i); });
}

double Temperature(Drawer* drawer) {
  Params params;
  params.temperature = 0.7;
  return OverPositions(CaseOf(Slope(16, 0.4f), params), drawer);
}

double HotterTemperature(Drawer* drawer) {
  Params params;
  params.temperature = 1.6;
  return OverPositions(CaseOf(Slope(40, 0.25f), params), drawer);
}

double Ties(Drawer* drawer) {
  return OverPositions(CaseOf(std::vector<float>(8, 1)), drawer);
}

double TiesInTwoBlocks(Drawer* drawer) {
  return OverPositions(CaseOf(std::vector<float>(200, 1)), drawer);
}

// The last id has a block to itself.
double LastId(Drawer* drawer) {
  return OverPositions(CaseOf(std::vector<float>(129, 0)), drawer);
}

double TopK(Drawer* drawer) {
  Params params;
  params.top_k = 10;
  return OverPositions(CaseOf(Slope(64, 0.05f), params), drawer);
}

double TopP(Drawer* drawer) {
  Params params;
  params.top_p = 0.9;
  return OverPositions(CaseOf(Slope(24, 0.2f), params), drawer);
}

double MinP(Drawer* drawer) {
  Params params;
  params.min_p = 0.25;
  std::vector<float> row = Slope(16, 0.3f);
  row[9] = static_cast<float>(std::log(0.25));  // equality is kept
  return OverPositions(CaseOf(row, params), drawer);
}

double FrequencyPenalty(Drawer* drawer) {
  Params params;
  params.frequency_penalty = 0.4;
  Case c = CaseOf(Slope(12, 0.1f), params);
  c.output = {0, 0, 0, 3, 3, 7};
  return OverPositions(c, drawer);
}

double RepetitionAndPresencePenalty(Drawer* drawer) {
  Params params;
  params.repetition_penalty = 1.3;
  params.presence_penalty = 0.3;
  std::vector<float> row = Slope(12, 0.3f);
  for (float& l : row) l += 2;
  Case c = CaseOf(row, params);
  c.prompt = {1, 1};
  c.output = {0, 2, 9};
  return OverPositions(c, drawer);
}

double LogitBias(Drawer* drawer) {
  Params params;
  params.logit_bias_ids = {2, 5};
  params.logit_bias_values = {0.7, -0.9};
  return OverPositions(CaseOf(Slope(10, 0.1f), params), drawer);
}

// Blocks of very different mass, and tokens that differ inside each.
Case UnevenBlocks() {
  std::vector<float> row(1000);
  for (uint32_t i = 0; i < 1000; ++i) {
    row[i] = -0.5f * static_cast<float>(i / 128) -
             0.01f * static_cast<float>(i % 128);
  }
  return CaseOf(row);
}

double Blocks(Drawer* drawer) { return OverPositions(UnevenBlocks(), drawer); }

double BlocksOverSeeds(Drawer* drawer) {
  return Marginal(UnevenBlocks(), drawer, [](int i) { return AtSeed(i); });
}

// ---- two tokens of one session, or of two

// Two draws that must be independent: the table of both against the product.
template <class FirstOf, class SecondOf>
double Pairs(Drawer* drawer, const FirstOf& first_of,
             const SecondOf& second_of) {
  const Case c = CaseOf(Slope(6, 0.2f));
  const std::vector<double> p = DistributionOf(c);
  drawer->Open(c);
  std::vector<uint64_t> counts(p.size() * p.size());
  std::vector<double> expected;
  for (double a : p) {
    for (double b : p) expected.push_back(a * b);
  }
  for (int i = 0; i < kDraws / 2; ++i) {
    const uint32_t a = drawer->Draw(first_of(i));
    const uint32_t b = drawer->Draw(second_of(i));
    if (a >= p.size() || b >= p.size()) return 0;
    ++counts[a * p.size() + b];
  }
  return ChiSquareP(counts, expected);
}

template <uint32_t lag>
double PositionPairs(Drawer* drawer) {
  // Each position is in one pair only.
  const auto first = [](int i) {
    const uint32_t n = static_cast<uint32_t>(i);
    return n / lag * 2 * lag + n % lag;
  };
  return Pairs(
      drawer,
      [&](int i) {
        return NoisePoint{{7}, first(i), 0};
      },
      [&](int i) {
        return NoisePoint{{7}, first(i) + lag, 0};
      });
}

template <uint64_t distance>
double SeedPairs(Drawer* drawer) {
  return Pairs(
      drawer,
      [](int i) {
        return NoisePoint{{2 * static_cast<uint64_t>(i)}, 5, 0};
      },
      [](int i) {
        return NoisePoint{{2 * static_cast<uint64_t>(i) + distance}, 5, 0};
      });
}

// seed + 1 one position earlier: what a sum of both would confuse.
double DiagonalPairs(Drawer* drawer) {
  return Pairs(
      drawer,
      [](int i) {
        return NoisePoint{{1000 + 2 * static_cast<uint64_t>(i)}, 9, 0};
      },
      [](int i) {
        return NoisePoint{{1001 + 2 * static_cast<uint64_t>(i)}, 8, 0};
      });
}

double AttemptPairs(Drawer* drawer) {
  return Pairs(
      drawer, [](int i) { return AtPosition(5, i); },
      [](int i) {
        return NoisePoint{{5}, static_cast<uint32_t>(i), 1};
      });
}

double ForkPairs(Drawer* drawer) {
  return Pairs(
      drawer, [](int i) { return AtPosition(11, i); },
      [](int i) {
        const uint32_t position = static_cast<uint32_t>(i);
        return NoisePoint{ForkKey({11}, 1, position), position, 0};
      });
}

// Sessions that begin with the same four tokens: no more than chance makes.
double EqualBeginnings(Drawer* drawer) {
  drawer->Open(CaseOf(std::vector<float>(64, 0)));
  const int sessions = kDraws / 8;
  std::map<uint32_t, uint64_t> seen;
  uint64_t equal = 0;
  for (int s = 0; s < sessions; ++s) {
    uint32_t beginning = 0;
    for (uint32_t position = 0; position < 4; ++position) {
      const StreamKey key = {static_cast<uint64_t>(s) << 20};
      beginning = beginning * 64 + drawer->Draw({key, position, 0});
    }
    equal += seen[beginning]++;
  }
  const double pairs = 0.5 * sessions * (sessions - 1);
  return PoissonTail(equal, pairs * 0x1p-24);
}

// ---- what is too rare to wait for

// Seeds at which a token of 2^-30 wins, found by searching 2^32 of them: its
// noise must lie within 2^-31 of the others'. Needs more than 24 bits of it.
double RareWinners(Drawer* drawer) {
  std::vector<float> blocks(256, -1000), tokens(128, -1000);
  blocks[0] = tokens[0] = 0;
  blocks[200] = tokens[77] = -30 * 0x1.62e43p-1f;
  drawer->Open(CaseOf(blocks));
  for (const uint64_t seed : {551317605u, 1286031644u, 1334101540u}) {
    if (drawer->Draw({{seed}, 0, 0}) != 200) return 0;
  }
  drawer->Open(CaseOf(tokens));
  for (const uint64_t seed : {1220082894u, 1593393056u, 2829632379u}) {
    if (drawer->Draw({{seed}, 0, 0}) != 77) return 0;
  }
  return 1;
}

}  // namespace

std::unique_ptr<Drawer> MakeSamplerDrawer(const kernels::KernelTable& kernels) {
  return std::make_unique<SamplerDrawer>(kernels);
}

std::vector<double> DistributionOf(const Case& c) {
  const oracle::Answer answer = AskOracle(c);
  std::vector<double> p(c.vocab_size, 0.0);
  for (const uint32_t id : answer.kept) {
    p[id] = answer.greedy
                ? 1
                : static_cast<double>(answer.weight[id] / answer.mass);
  }
  return p;
}

const std::vector<Trial>& Trials() {
  static const std::vector<Trial> trials = {
      {"Temperature", Temperature},
      {"HotterTemperature", HotterTemperature},
      {"Ties", Ties},
      {"TiesInTwoBlocks", TiesInTwoBlocks},
      {"LastId", LastId},
      {"TopK", TopK},
      {"TopP", TopP},
      {"MinP", MinP},
      {"FrequencyPenalty", FrequencyPenalty},
      {"RepetitionAndPresencePenalty", RepetitionAndPresencePenalty},
      {"LogitBias", LogitBias},
      {"Blocks", Blocks},
      {"BlocksOverSeeds", BlocksOverSeeds},
      {"NextPosition", PositionPairs<1>},
      {"TwoPositionsOn", PositionPairs<2>},
      {"ABlockOfPositionsOn", PositionPairs<128>},
      {"Position65536On", PositionPairs<65536>},
      {"NextSeed", SeedPairs<1>},
      {"Seed2To32On", SeedPairs<uint64_t{1} << 32>},
      {"NextSeedOnePositionBack", DiagonalPairs},
      {"NextAttempt", AttemptPairs},
      {"Fork", ForkPairs},
      {"EqualBeginnings", EqualBeginnings},
      {"RareWinners", RareWinners},
  };
  return trials;
}

}  // namespace logitd::tests
