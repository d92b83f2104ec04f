#include "tests/sampler/digest.h"

#include <bit>
#include <cmath>
#include <vector>

#include "tests/sampler/cases.h"

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
}

void AddRun(const Case& c, CaseRunner* runner, Hash* hash) {
  const Ran& ran = runner->Run(c);
  hash->Add(static_cast<uint64_t>(ran.status.code()));
  hash->Add(ran.status.message());
  if (ran.status.ok()) AddOutcome(ran.outcome, hash);
}

constexpr int kSmallCases = 600;
constexpr int kLargeCases = 640;

Focus FocusOf(int i) { return static_cast<Focus>(i % kFocusCount); }

// Most of them as small as a large vocabulary gets.
uint32_t LargeVocabulary(int i) {
  const std::vector<uint32_t>& sizes = LargeVocabularies();
  const size_t n = static_cast<size_t>(i);
  return n % 8 == 7 ? sizes[n / 8 % sizes.size()] : sizes[n % 3];
}

uint32_t VocabularyOf(int i) {
  return i % 2 == 0 || i / 2 >= kSmallCases
             ? LargeVocabulary(i / 2)
             : SmallVocabulary(static_cast<uint64_t>(i));
}

}  // namespace

Digest DigestOf(const kernels::KernelTable& kernels, int cases_max) {
  CaseRunner runner(kernels);
  Hash hash;
  Digest digest;
  for (int i = 0; i < kSmallCases + kLargeCases && i < cases_max; ++i) {
    const uint64_t seed = 0xD16E57 + static_cast<uint64_t>(i);
    AddRun(MakeCase(FocusOf(i / 2), VocabularyOf(i), seed), &runner, &hash);
    ++digest.cases;
  }
  digest.value = hash.value();
  return digest;
}

namespace {

const kernels::KernelTable* planted_in = nullptr;
int planted_calls = 0;

double WeighWithMistake(const kernels::RowView& row, kernels::Scale scale,
                        kernels::Cut cut, uint32_t* active_count) {
  const double mass = planted_in->weigh(row, scale, cut, active_count);
  // Several, because the mass that only aims top_p seldom shows.
  const bool wrong = ++planted_calls >= 500 && planted_calls < 510;
  return wrong ? mass * (1 + 0x1p-23) : mass;
}

}  // namespace

const kernels::KernelTable& WithPlantedMistake(
    const kernels::KernelTable& kernels) {
  static kernels::KernelTable planted;
  planted = kernels;
  planted.weigh = WeighWithMistake;
  planted_in = &kernels;
  planted_calls = 0;
  return planted;
}

}  // namespace logitd::tests
