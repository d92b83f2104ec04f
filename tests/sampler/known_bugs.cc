#include "tests/sampler/known_bugs.h"

#include <algorithm>
#include <cstddef>

#include "tests/oracle/oracle.h"
#include "tests/sampler/oracle_case.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

class BuggyDrawer : public Drawer {
 public:
  explicit BuggyDrawer(Bug bug) : bug_(bug) {}

  void Open(const Case& original) override {
    Case c = original;
    ChangeParams(&c.params);
    const oracle::Answer answer = AskOracle(c);
    const size_t kept = Kept(answer, c.params);
    weights_.assign(c.vocab_size, 0.0f);
    const oracle::Ids& ids =
        kept > answer.kept.size() ? answer.rank : answer.kept;
    for (size_t i = 0; i < kept; ++i) {
      const uint32_t id = ids[i];
      weights_[id] = ScalarExpF(answer.d[id]);
    }
    if (bug_ == Bug::kLastIdNeverDrawn) weights_.back() = 0;
  }

  uint32_t Draw(const NoisePoint& at) override {
    const uint32_t size = static_cast<uint32_t>(weights_.size());
    const auto block_mass = [&](uint32_t b) {
      const float sum = ScalarBlockSum(&weights_[b * size_t{128}],
                                       std::min(size - b * 128, 128u));
      return bug_ == Bug::kBlocksIgnoreMass ? (sum > 0 ? 1.0 : 0.0)
                                            : double{sum};
    };
    const uint32_t block = Winner(0, (size + 127) / 128, at, 1, block_mass);
    const uint32_t first = block * 128;
    const bool reuse = bug_ == Bug::kTokensReuseTheNoiseOfBlocks;
    return Winner(first, std::min(size - first, 128u), at, reuse ? 1 : 2,
                  [&](uint32_t i) { return double{weights_[i]}; });
  }

 private:
  void ChangeParams(Params* params) const {
    if (bug_ == Bug::kTemperatureFivePercentHigh) {
      params->temperature = params->temperature.value_or(1) * 1.05;
    }
    if (bug_ == Bug::kTopKKeepsOneFewer && params->top_k) --*params->top_k;
    if (bug_ == Bug::kPenaltiesCountedTwice) {
      if (params->frequency_penalty) *params->frequency_penalty *= 2;
      if (params->presence_penalty) *params->presence_penalty *= 2;
    }
    if (bug_ == Bug::kPenaltiesForgotten) {
      params->frequency_penalty.reset();
      params->presence_penalty.reset();
      params->repetition_penalty.reset();
    }
  }

  size_t Kept(const oracle::Answer& answer, const Params& params) const {
    const size_t kept = answer.kept.size();
    if (bug_ == Bug::kTopPKeepsOneMore && params.top_p) {
      return std::min(kept + 1, answer.rank.size());
    }
    const bool drops_last =
        (bug_ == Bug::kTopPDropsTheCrossingToken && params.top_p) ||
        (bug_ == Bug::kMinPDropsEquals && params.min_p);
    return drops_last ? std::max<size_t>(kept - 1, 1) : kept;
  }

  oracle::Point PointOf(const NoisePoint& at) const {
    oracle::Point point = {at.key.bits, at.position, at.attempt};
    if (bug_ == Bug::kNoiseReusedOnTwoSteps) point.position /= 2;
    if (bug_ == Bug::kPositionIgnored) point.position = 0;
    if (bug_ == Bug::kPositionIn16Bits) point.position &= 0xFFFF;
    if (bug_ == Bug::kSeedIn32Bits) point.key &= 0xFFFFFFFF;
    if (bug_ == Bug::kAttemptIgnored) point.attempt = 0;
    if (bug_ == Bug::kSeedPlusPosition) {
      point.key += point.position;
      point.position = 0;
    }
    return point;
  }

  double Exponential(const NoisePoint& at, uint32_t purpose,
                     uint32_t index) const {
    if (bug_ == Bug::kTieGoesToTheLowerOfAPair) index &= ~1u;
    uint64_t noise = oracle::Noise(PointOf(at), purpose, index);
    if (bug_ == Bug::kUniformOf24Bits) {
      noise = (noise >> 40 << 40) | (uint64_t{1} << 39);
    }
    return ScalarExponential(noise);
  }

  template <class Rate>
  uint32_t Winner(uint32_t first, uint32_t count, const NoisePoint& at,
                  uint32_t purpose, const Rate& rate_of) const {
    NoisePoint point = at;
    if (bug_ == Bug::kForkKeepsTheParentsKey && IsFork(at)) {
      point.key.bits = kForkParent;
    }
    double best = 0;
    uint32_t winner = first;
    for (uint32_t i = first; i < first + count; ++i) {
      const double rate = rate_of(i);
      if (!(rate > 0)) continue;
      const double score = rate / Exponential(point, purpose, i);
      if (score > best) {
        best = score;
        winner = i;
      }
    }
    return winner;
  }

  // The trial of forks uses the forks 1 of this session.
  static constexpr uint64_t kForkParent = 11;
  static bool IsFork(const NoisePoint& at) {
    return at.key.bits == oracle::ForkKey(kForkParent, 1, at.position);
  }

  const Bug bug_;
  std::vector<float> weights_;
};

}  // namespace

const std::vector<NamedBug>& KnownBugs() {
  static const std::vector<NamedBug> bugs = {
      {Bug::kTemperatureFivePercentHigh, "TemperatureFivePercentHigh"},
      {Bug::kTopPKeepsOneMore, "TopPKeepsOneMore"},
      {Bug::kTopPDropsTheCrossingToken, "TopPDropsTheCrossingToken"},
      {Bug::kTopKKeepsOneFewer, "TopKKeepsOneFewer"},
      {Bug::kMinPDropsEquals, "MinPDropsEquals"},
      {Bug::kPenaltiesCountedTwice, "PenaltiesCountedTwice"},
      {Bug::kPenaltiesForgotten, "PenaltiesForgotten"},
      {Bug::kTieGoesToTheLowerOfAPair, "TieGoesToTheLowerOfAPair"},
      {Bug::kLastIdNeverDrawn, "LastIdNeverDrawn"},
      {Bug::kUniformOf24Bits, "UniformOf24Bits"},
      {Bug::kBlocksIgnoreMass, "BlocksIgnoreMass"},
      {Bug::kTokensReuseTheNoiseOfBlocks, "TokensReuseTheNoiseOfBlocks"},
      {Bug::kNoiseReusedOnTwoSteps, "NoiseReusedOnTwoSteps"},
      {Bug::kPositionIgnored, "PositionIgnored"},
      {Bug::kPositionIn16Bits, "PositionIn16Bits"},
      {Bug::kSeedIn32Bits, "SeedIn32Bits"},
      {Bug::kSeedPlusPosition, "SeedPlusPosition"},
      {Bug::kAttemptIgnored, "AttemptIgnored"},
      {Bug::kForkKeepsTheParentsKey, "ForkKeepsTheParentsKey"},
  };
  return bugs;
}

std::unique_ptr<Drawer> MakeBuggyDrawer(Bug bug) {
  return std::make_unique<BuggyDrawer>(bug);
}

}  // namespace logitd::tests
