#include "tests/sampler/digest.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace logitd::tests {
namespace {

// FNV-1a over words of 64 bits, finished by a mix of all bits.
class Hash {
 public:
  void Add(uint64_t word) {
    state_ = (state_ ^ word) * 0x100000001B3u;
    state_ ^= state_ >> 29;
  }
  void Add(double x) {
    // A NaN means "not reported", whatever its bits.
    Add(std::isnan(x) ? uint64_t{0x7FF8} << 48 : std::bit_cast<uint64_t>(x));
  }
  void Add(const std::vector<TopToken>& list) {
    Add(uint64_t{list.size()});
    for (const TopToken& top : list) {
      Add(uint64_t{top.id});
      Add(top.logprob);
    }
  }
  void Add(absl::string_view text) {
    for (const char c : text) Add(uint64_t{static_cast<uint8_t>(c)});
  }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xCBF29CE484222325u;
};

void AddOutcome(const Outcome& o, Hash* hash) {
  hash->Add(uint64_t{o.token} << 32 | o.drawn_token);
  hash->Add(uint64_t{o.kept} << 32 | o.rank);
  hash->Add(static_cast<uint64_t>(o.forced) << 1 |
            (o.forced_overruled ? 1u : 0u));
  hash->Add(uint64_t{o.non_finite_banned} << 2 | (o.greedy ? 2u : 0u) |
            (o.soft_bans_lifted ? 1u : 0u));
  for (double number : {o.final_logprob, o.raw_logprob, o.tempered_logprob,
                        o.kept_mass, o.raw_entropy, o.final_entropy}) {
    hash->Add(number);
  }
  hash->Add(o.feedback.mu.value_or(kNotReported));
  const Feedback::Sums sums = o.feedback.sums.value_or(Feedback::Sums{});
  hash->Add(sums.weighted);
  hash->Add(sums.total);
  hash->Add(o.top_final);
  hash->Add(o.top_raw);
  hash->Add(o.row_digest);
  hash->Add(uint64_t{o.kept_ids.size()});
  for (const uint32_t id : o.kept_ids) hash->Add(uint64_t{id});
}

}  // namespace

uint64_t DigestOf(const Ran& ran) {
  Hash hash;
  hash.Add(static_cast<uint64_t>(ran.status.code()));
  hash.Add(ran.status.message());
  hash.Add(static_cast<uint64_t>(ran.end));
  if (ran.status.ok()) AddOutcome(ran.outcome, &hash);
  return hash.value();
}

Digest InOrder(const std::vector<uint64_t>& digests) {
  Hash hash;
  for (const uint64_t digest : digests) hash.Add(digest);
  return {hash.value(), static_cast<int>(digests.size())};
}

Digest DigestOf(const kernels::KernelTable& kernels, int cases_max) {
  CaseRunner runner(kernels);
  std::vector<uint64_t> digests;
  for (int i = 0; i < std::min(cases_max, kDigestCases); ++i) {
    digests.push_back(DigestOf(runner.Run(DigestCase(i))));
  }
  return InOrder(digests);
}

namespace {

const kernels::KernelTable* planted_in = nullptr;
int planted_calls = 0;

double WithMistake(double mass) {
  // Several, because the mass that only aims top_p seldom shows.
  const bool wrong = ++planted_calls >= 500 && planted_calls < 510;
  return wrong ? mass * (1 + 0x1p-23) : mass;
}

double WeighWithMistake(const kernels::RowView& row, kernels::Scale scale,
                        kernels::Cut cut, uint32_t* active_count) {
  return WithMistake(planted_in->weigh(row, scale, cut, active_count));
}

double SumWithMistake(const kernels::RowView& row, kernels::Scale scale,
                      kernels::Cut cut, uint32_t* active_count,
                      uint64_t* count) {
  return WithMistake(
      planted_in->sum_weights(row, scale, cut, active_count, count));
}

}  // namespace

const kernels::KernelTable& WithPlantedMistake(
    const kernels::KernelTable& kernels) {
  static kernels::KernelTable planted;
  planted = kernels;
  planted.weigh = WeighWithMistake;
  planted.sum_weights = SumWithMistake;
  planted_in = &kernels;
  planted_calls = 0;
  return planted;
}

}  // namespace logitd::tests
