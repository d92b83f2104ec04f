// llama.cpp's candidate array with what its stages do to it, over any kind of
// number: Real is the textbook, float the rounding of the engine itself.
// Read: src/llama-sampler.cpp and common/sampling.cpp, b10256.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_LIST_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_LIST_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/oracle/dialects/dialects.h"

namespace logitd::dialects {

// A list that stages shrink. What is banned stays in it with -inf until a stage
// that shrinks drops it: top_k and the dynamic temperature count it.
template <class N>
class LlamaList {
 public:
  struct Entry {
    uint32_t id;
    N logit;
    N p;
  };

  explicit LlamaList(std::vector<Entry> entries)
      : entries_(std::move(entries)) {}

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  Real closest() const { return closest_; }
  bool tied() const { return tied_; }

  // l >= max - n * sigma over what is not -inf, population sigma; what is below
  // becomes -inf and stays in the list.
  void TopNSigma(N n) {
    if (size() <= 1) return;
    N most = -std::numeric_limits<N>::infinity(), sum = 0;
    size_t count = 0;
    for (const Entry& e : entries_) {
      if (std::isinf(e.logit)) continue;
      most = std::max(most, e.logit);
      sum += e.logit;
      ++count;
    }
    if (count == 0) return;
    const N mean = sum / static_cast<N>(count);
    N squares = 0;
    for (const Entry& e : entries_) {
      if (!std::isinf(e.logit)) squares += (e.logit - mean) * (e.logit - mean);
    }
    const N floor = most - n * std::sqrt(squares / static_cast<N>(count));
    for (Entry& e : entries_) {
      if (std::isinf(e.logit)) continue;
      if (e.logit != most) Note((e.logit - floor) / Scale(floor));
      if (e.logit < floor) e.logit = -std::numeric_limits<N>::infinity();
    }
  }

  // Exactly k.
  void TopK(size_t k) {
    Sort();
    Keep(std::min(k, size()));
  }

  // By |-ln p - H| rising, then by rank; the shortest prefix whose mass exceeds
  // p (> p).
  void Typical(N p) {
    Softmax(true);
    const N entropy = Entropy();
    std::vector<N> score;
    for (const Entry& e : entries_) {
      score.push_back(std::fabs(-std::log(e.p) - entropy));
    }
    std::vector<size_t> order(size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return score[a] < score[b]; });
    N mass = 0;
    std::vector<Entry> kept;
    for (size_t i : order) {
      kept.push_back(entries_[i]);
      mass += entries_[i].p;
      Note(mass - p);
      if (mass > p) break;
    }
    if (kept.size() < size()) {
      const N last = score[order[kept.size() - 1]];
      const N next = score[order[kept.size()]];
      if (last == next) tied_ = true;
      if (last != next) Note(next - last);
    }
    entries_ = kept;
  }

  // The shortest prefix of the rank whose mass reaches p (>= p).
  void TopP(N p) {
    Softmax(false);
    Sort();
    N mass = 0;
    size_t count = 0;
    while (count < size()) {
      mass += entries_[count++].p;
      if (count < size()) Note(mass - p);
      if (mass >= p) break;
    }
    Keep(count);
  }

  // l >= max + ln(min_p).
  void MinP(N min_p) {
    Sort();
    const N floor = entries_[0].logit + std::log(min_p);
    size_t count = 1;
    for (const Entry& e : entries_) {
      if (e.logit != entries_[0].logit) Note((e.logit - floor) / Scale(floor));
    }
    while (count < size() && entries_[count].logit >= floor) ++count;
    Keep(count);
  }

  // Leaves those alone. Only for what the engine lacks.
  void KeepOnly(const Answer& answer) {
    const std::set<uint32_t> ids(answer.ids.begin(), answer.ids.end());
    std::erase_if(entries_,
                  [&](const Entry& e) { return ids.count(e.id) == 0; });
    closest_ = std::min(closest_, answer.closest);
    tied_ = tied_ || answer.tied;
  }

  // x = l - max becomes x * x * (cube * x - square). Not its own either.
  void Bend(N square, N cube) {
    N most = -std::numeric_limits<N>::infinity();
    for (const Entry& e : entries_) most = std::max(most, e.logit);
    for (Entry& e : entries_) {
      const N x = e.logit - most;
      if (!std::isinf(x)) e.logit = x * x * (cube * x - square);
    }
  }

  // Of those with p >= threshold (at least two) all but the last of the rank
  // and the protected ids go.
  void Xtc(N threshold, const Ids& kept_anyhow) {
    if (size() < 2) return;
    Softmax(true);
    size_t above = 0;
    for (const Entry& e : entries_) Note(e.p - threshold);
    while (above < size() && entries_[above].p >= threshold) ++above;
    if (above < 2) return;
    NoteCut(above - 1);
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(above - 1);
    const auto goes = [&](const Entry& e) {
      return std::find(kept_anyhow.begin(), kept_anyhow.end(), e.id) ==
             kept_anyhow.end();
    };
    entries_.erase(std::remove_if(entries_.begin(), end, goes), end);
  }

  // T in [t - range, t + range] by the entropy, relative to that of as many
  // equal candidates as the list has.
  void Temperature(N t, N range, N exponent) {
    if (range > 0) {
      if (size() <= 1) return;
      Softmax(true);
      const N low = std::max<N>(0, t - range);
      const N most = std::log(static_cast<N>(size()));
      t = low + (t + range - low) * std::pow(Entropy() / most, exponent);
    }
    if (t <= 0) {
      Greedy();
      return;
    }
    for (Entry& e : entries_) e.logit /= t;
  }

  // All but the largest, the lowest id of equals, become -inf.
  void Greedy() {
    Sort();
    if (size() > 1) NoteCut(1);
    for (size_t i = 1; i < size(); ++i) {
      entries_[i].logit = -std::numeric_limits<N>::infinity();
    }
  }

  // How many mirostat 1 keeps, before it is made a whole number.
  N MirostatLimit(size_t vocabulary, N mu) {
    Softmax(true);
    N products = 0, squares = 0;
    for (size_t i = 0; i < 99 && i + 1 < size(); ++i) {
      if (!(entries_[i + 1].p > 0)) break;
      const N t = std::log(static_cast<N>(i + 2) / static_cast<N>(i + 1));
      products += t * std::log(entries_[i].p / entries_[i + 1].p);
      squares += t * t;
    }
    const N s = products / squares;
    if (s == 0) return std::numeric_limits<N>::infinity();  // a flat row
    const N e = s - 1;
    const N room = 1 - std::pow(static_cast<N>(vocabulary), -e);
    return std::pow(e * std::pow(N{2}, mu) / room, 1 / s);
  }

  void Mirostat1(size_t vocabulary, N mu) {
    const N k = MirostatLimit(vocabulary, mu);
    if (std::isnan(k)) {  // one candidate, or one that has all
      TopK(1);
      return;
    }
    Note((k - std::round(k)) / Scale(k));
    const N most = static_cast<N>(size());
    TopK(k < 1 ? 1 : static_cast<size_t>(std::min(k, most)));
  }

  // Drops from the first whose -log2 p > mu; never the first.
  void Mirostat2(N mu) {
    Softmax(true);
    size_t count = 0;
    for (const Entry& e : entries_) Note((-std::log2(e.p) - mu) / Scale(mu));
    while (count < size() && -std::log2(entries_[count].p) <= mu) ++count;
    Keep(std::max<size_t>(count, 1));
  }

  void AdaptiveP(N target, N weighted_sum, N total_weight) {
    Softmax(false);
    const N past = total_weight == 0 ? target : weighted_sum / total_weight;
    const N aim = std::clamp<N>(2 * target - past, 0, 1);
    for (Entry& e : entries_) {
      if (std::isinf(e.logit)) continue;
      const N x = std::fabs(e.p - aim) / N(0.3L);
      e.logit = 5 - 10 * x * x / (1 + x);
    }
  }

  void Softmax(bool sorted) {
    if (sorted) Sort();
    Softmax<N>();
  }

  // What dist draws from: it alone adds up in double.
  void Dist() { Softmax<std::common_type_t<N, double>>(); }

 private:
  template <class Sum>
  void Softmax() {
    N most = -std::numeric_limits<N>::infinity();
    Sum sum = 0;
    for (const Entry& e : entries_) most = std::max(most, e.logit);
    for (Entry& e : entries_) sum += e.p = std::exp(e.logit - most);
    for (Entry& e : entries_) e.p = static_cast<N>(e.p / sum);
  }

  void Sort() {
    std::stable_sort(
        entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
          return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
        });
  }

  N Entropy() const {
    N sum = 0;
    for (const Entry& e : entries_) {
      if (e.p > 0) sum -= e.p * std::log(e.p);
    }
    return sum;
  }

  void Keep(size_t count) {
    NoteCut(count);
    entries_.resize(count);
  }

  // Equals on both sides of a cut, or a step that rounding might turn around.
  void NoteCut(size_t count) {
    if (count == 0 || count >= size()) return;
    const N above = entries_[count - 1].logit, below = entries_[count].logit;
    if (std::isinf(above) || std::isinf(below)) return;
    if (above == below) tied_ = true;
    if (above != below) Note((above - below) / Scale(below));
  }

  static N Scale(N x) { return std::max<N>(1, std::fabs(x)); }
  void Note(N distance) {
    closest_ = std::min<Real>(closest_, std::fabs(distance));
  }

  std::vector<Entry> entries_;
  Real closest_ = std::numeric_limits<Real>::infinity();
  bool tied_ = false;
};

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_LIST_H_
