// Noise and the race, from sampler/README.md, "Noise" and "Race".
#include <algorithm>
#include <cmath>

#include "tests/oracle/oracle.h"

namespace logitd::oracle {

// Salmon et al., SC11, section 3.2: each round multiplies two words and swaps
// the halves crosswise; the key takes a Weyl step between rounds.
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> x, uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key & 0xFFFFFFFFu);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 1; round <= 10; ++round) {
    const uint64_t left = uint64_t{0xD2511F53u} * x[0];
    const uint64_t right = uint64_t{0xCD9E8D57u} * x[2];
    std::array<uint32_t, 4> y;
    y[0] = static_cast<uint32_t>(right >> 32) ^ x[1] ^ k0;
    y[1] = static_cast<uint32_t>(right & 0xFFFFFFFFu);
    y[2] = static_cast<uint32_t>(left >> 32) ^ x[3] ^ k1;
    y[3] = static_cast<uint32_t>(left & 0xFFFFFFFFu);
    x = y;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return x;
}

uint64_t Noise(const Point& at, uint32_t purpose, uint32_t index) {
  const uint32_t third = purpose + 256u * at.attempt;
  const auto words = Philox({index / 2, at.position, third, 0}, at.key);
  const bool odd = index % 2 == 1;
  const uint64_t high = odd ? words[2] : words[0];
  const uint64_t low = odd ? words[3] : words[1];
  return high * 4294967296u + low;
}

Real Exponential(uint64_t noise) {
  const Real integer = static_cast<Real>(noise / 4096);
  return -std::log((integer + 0.5L) / 4503599627370496.0L);
}

namespace {

// The lowest index with the best score, and the ratio of the runner-up to it.
Winner Best(const std::vector<Real>& rates, const Point& at, uint32_t purpose,
            uint32_t first_index) {
  Winner winner;
  Real best = 0, second = 0;
  for (uint32_t i = 0; i < rates.size(); ++i) {
    if (!(rates[i] > 0)) continue;
    const Real score =
        rates[i] / Exponential(Noise(at, purpose, first_index + i));
    if (score > best) {
      second = best;
      best = score;
      winner.token = first_index + i;
    } else if (score > second) {
      second = score;
    }
  }
  winner.closest = best > 0 ? second / best : 0;
  return winner;
}

}  // namespace

Winner Race(const std::vector<Real>& kept_weight, const Point& at,
            uint32_t of_blocks, uint32_t of_tokens) {
  const size_t block_size = 128;
  std::vector<Real> mass((kept_weight.size() + block_size - 1) / block_size);
  for (size_t i = 0; i < kept_weight.size(); ++i) {
    mass[i / block_size] += kept_weight[i];
  }
  const Winner block = Best(mass, at, of_blocks, 0);
  const uint32_t first = block.token * static_cast<uint32_t>(block_size);
  std::vector<Real> inside;
  for (size_t i = first; i < first + block_size; ++i) {
    inside.push_back(i < kept_weight.size() ? kept_weight[i] : 0);
  }
  Winner token = Best(inside, at, of_tokens, first);
  token.closest = std::max(token.closest, block.closest);
  return token;
}

uint64_t ForkKey(uint64_t parent, uint32_t index, uint32_t position) {
  if (index == 0) return parent;
  const auto words = Philox({index, position, 8, 0}, parent);
  return words[1] * uint64_t{4294967296u} + words[0];
}

}  // namespace logitd::oracle
