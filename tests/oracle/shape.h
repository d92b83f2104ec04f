// The stages between the bans and the draw, in any order, from
// sampler/README.md: which tokens stay, and with which d. What a stage does
// that changes single logits is the caller's (Changer); here is when, and what
// the others do.
//
// Written once for two kinds of arithmetic: the textbook's long double, and the
// exact one of the specification, which a caller brings. A class A of
// arithmetic has a type of weights W and one of numbers N, and
//
//   W Weigh(float d)           exp of d, a weight
//   N Sum(vector<W> by id)     of weights, or of products of them
//   N Log(N), N Exp(N)         natural
//
// Everything is sorted and added up as the page says it, with no thought of
// cost. `margin` tells how near the nearest decision was: two kinds of
// arithmetic may differ in what they keep only where it is tiny.
#ifndef LOGITD_TESTS_ORACLE_SHAPE_H_
#define LOGITD_TESTS_ORACLE_SHAPE_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/oracle/oracle.h"

namespace logitd::oracle {

template <class A>
class Shaper {
 public:
  using W = typename A::W;
  using N = typename A::N;

  // `logits`: by id, after the bans; at least one is not banned.
  Shaper(const Params& params, const Feedback& feedback, const Point& at,
         std::vector<float> logits, const Changer& change)
      : params_(params), feedback_(feedback), at_(at), l_(std::move(logits)) {
    Rerank();
    for (const std::string& step : Steps()) {
      const auto stage = Stages().find(step);
      if (!IsOn(step)) continue;
      if (stage == Stages().end()) {
        Change(step, change);
      } else if (step == "temperature" || !greedy_) {
        Begin();
        (this->*stage->second)();
      }
    }
    Begin();
    if (greedy_) First(1);
  }

  bool greedy() const { return greedy_; }
  // Before a stage dropped a token or gave it another logit.
  const std::vector<float>& original() const {
    return rewritten_ ? original_l_ : l_;
  }

  const Ids& kept() const { return ids_; }  // best first
  float D(uint32_t id) const { return DOf(l_[id], m_, map_); }
  W Weight(uint32_t id) const { return A::Weigh(D(id)); }
  // Of the kept.
  N Mass() const {
    return SumOf([&](uint32_t id) { return Weight(id); });
  }
  N MeanD() const {
    return SumOf([&](uint32_t id) { return Product(Weight(id), D(id)); }) /
           Mass();
  }
  N Entropy() const { return A::Log(Mass()) - MeanD(); }

  // Before truncation, of every id.
  float TemperedD(uint32_t id) const {
    return DOf(original()[id], original_m_, tempered_);
  }
  N TemperedMass() const { return SumTempered(AllOf(original())); }
  // The share of it that the kept have.
  N KeptMass() const {
    if (!rewritten_) return Mass() / TemperedMass();
    return SumTempered(ids_) / TemperedMass();
  }

  Feedback After(uint32_t token) const;

  Real margin() const { return margin_; }
  // How much more than its own rounding the numbers may be off: some stages
  // divide by what is nearly 0.
  Real slack() const { return slack_; }

 private:
  static constexpr float kBanned = -std::numeric_limits<float>::infinity();
  static constexpr N kInfinity = std::numeric_limits<N>::infinity();
  static constexpr double kLn2 = 0x1.62e42fefa39efp-1;

  static Ids AllOf(const std::vector<float>& l) {
    Ids ids;
    for (uint32_t i = 0; i < l.size(); ++i) {
      if (l[i] != kBanned) ids.push_back(i);
    }
    return ids;
  }

  // All that are not banned, best first; the largest is m.
  void Rerank() {
    ids_ = AllOf(l_);
    std::stable_sort(ids_.begin(), ids_.end(),
                     [&](uint32_t a, uint32_t b) { return l_[a] > l_[b]; });
    m_ = l_[ids_[0]];
  }

  using Run = void (Shaper::*)();
  static const std::map<std::string, Run>& Stages() {
    static const std::map<std::string, Run> stages = {
        {"temperature", &Shaper::Temperature},
        {"top_n_sigma", &Shaper::TopNSigma},
        {"top_k", &Shaper::TopK},
        {"top_p", &Shaper::TopP},
        {"min_p", &Shaper::MinP},
        {"typical", &Shaper::Typical},
        {"epsilon", &Shaper::Epsilon},
        {"eta", &Shaper::Eta},
        {"top_a", &Shaper::TopA},
        {"tail_free", &Shaper::TailFree},
        {"top_h", &Shaper::TopH},
        {"p_less", &Shaper::PLess},
        {"xtc", &Shaper::Xtc},
        {"mirostat", &Shaper::Mirostat},
        {"adaptive_p", &Shaper::AdaptiveP}};
    return stages;
  }

  // True if the knob of a step does something.
  bool IsOn(const std::string& step) const {
    const Params& p = params_;
    const bool any_bias =
        std::any_of(p.bias.begin(), p.bias.end(),
                    [](const auto& bias) { return bias.second != 0; });
    const std::map<std::string, bool> on = {
        {"logit_bias", any_bias},
        {"prompt_repetition", p.prompt_repetition != 1},
        {"repetition", p.repetition != 1},
        {"frequency", p.frequency != 0},
        {"presence", p.presence != 0},
        {"dry", p.dry_multiplier != 0},
        {"length", p.length_factor != 1 && !p.eos_ids.empty() && !p.ignore_eos},
        {"temperature", true},
        {"top_n_sigma", p.top_n_sigma != 0},
        {"top_k", p.top_k != 0 && p.top_k < l_.size()},
        {"top_p", p.top_p != 1},
        {"min_p", !IsOff(p.min_p)},
        {"typical", p.typical_p != 1},
        {"epsilon", !IsOff(p.epsilon)},
        {"eta", !IsOff(p.eta)},
        {"top_a", !IsOff(p.top_a)},
        {"tail_free", p.tail_free != 1},
        {"top_h", p.top_h != 1},
        {"p_less", p.p_less},
        {"xtc", p.xtc_probability != 0},
        {"mirostat", p.mirostat != 0},
        {"adaptive_p", p.adaptive_target != 0}};
    return on.at(step);
  }

  // The steps, with a temperature before the first cut if they lack it.
  std::vector<std::string> Steps() const {
    std::vector<std::string> steps =
        params_.steps.empty() ? DefaultSteps() : params_.steps;
    if (std::find(steps.begin(), steps.end(), "temperature") == steps.end()) {
      steps.insert(std::find_if(steps.begin(), steps.end(),
                                [](const std::string& step) {
                                  return Stages().count(step) > 0;
                                }),
                   "temperature");
    }
    return steps;
  }

  // A stage that changes single logits. Behind others they are what those made
  // of them.
  void Change(const std::string& step, const Changer& change) {
    std::vector<float> after = l_;
    if (pending_) {
      after = Applied();
      KeepOriginal();
      map_ = {};
      pending_ = false;
    }
    change(step, &after);
    l_ = after;
    Rerank();
  }

  // The logits that the map and the cuts made.
  std::vector<float> Applied() const {
    constexpr float kLargest = std::numeric_limits<float>::max();
    const float base = std::min(std::max(m_ * map_.it, -kLargest), kLargest);
    std::vector<float> l(l_.size(), kBanned);
    for (uint32_t id : ids_) {
      const float sum = base + D(id);
      l[id] = std::min(std::max(sum, -kLargest), kLargest) + 0.0f;
    }
    return l;
  }

  void Begin() {
    if (!begun_) original_m_ = m_;
    begun_ = pending_ = true;
  }
  void KeepOriginal() {
    if (!rewritten_) original_l_ = l_;
    rewritten_ = true;
  }

  // From logits to d.
  struct Map {
    float it = 1, square = 0, cube = 0;
  };
  static float DOf(float l, float m, const Map& map) {
    float x = (l - m) * map.it;
    if (map.square == 0 && map.cube == 0) return x;
    x = std::max(x, -1e12f);
    const float bend = map.cube * x - map.square;
    return (x * x) * bend;
  }

  // A weight times a fp32 number, 0 for weights of 0.
  static W Product(W weight, float x) {
    return weight > 0 ? weight * static_cast<W>(x) : 0;
  }

  // A share of a mass, a double.
  static double Product(double share, N mass) {
    return static_cast<double>(share * mass);
  }

  template <class Term>
  N SumOver(const Ids& ids, const Term& term) const {
    std::vector<W> terms(l_.size(), 0);
    for (uint32_t id : ids) terms[id] = term(id);
    return A::Sum(terms);
  }
  template <class Term>
  N SumOf(const Term& term) const {
    return SumOver(ids_, term);
  }
  N SumTempered(const Ids& ids) const {
    return SumOver(ids, [&](uint32_t id) { return A::Weigh(TemperedD(id)); });
  }

  void Near(Real distance) {
    if (distance < 0) distance = -distance;
    if (distance < margin_) margin_ = distance;
  }

  // Keeps the first n.
  void First(size_t n) { ids_.resize(std::min(ids_.size(), n)); }

  // Keeps d >= floor, and the first.
  void Floor(N number) {
    const float floor = static_cast<float>(number);
    size_t n = 1;
    while (n < ids_.size() && D(ids_[n]) >= floor) ++n;
    for (uint32_t id : ids_) {
      const Real d = static_cast<Real>(D(id));
      Near((d - static_cast<Real>(number)) / std::max<Real>(1, std::abs(d)));
    }
    First(n);
  }

  // The length of the shortest prefix of `order` whose terms reach the target;
  // order.size() + 1: none does.
  template <class Term>
  size_t Reach(const Ids& order, N target, N total, const Term& term) {
    const auto sum = [&](size_t n) {
      return SumOver(
          Ids(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n)),
          term);
    };
    size_t low = 0, high = order.size() + 1;  // not reached at low
    while (high - low > 1) {
      const size_t middle = low + (high - low) / 2;
      (sum(middle) >= target ? high : low) = middle;
    }
    Near(static_cast<Real>((sum(low) - target) / total));
    if (high <= order.size()) {
      Near(static_cast<Real>((sum(high) - target) / total));
    }
    return high;
  }

  void Temperature();
  N Spread();
  void TopNSigma();
  void TopK();
  void TopP();
  void MinP();
  void Typical();

  template <class Stays>
  void Rewrite(const Stays& stays) {
    KeepOriginal();
    std::vector<float> l(l_.size(), kBanned);
    for (uint32_t id : ids_) {
      if (stays(id)) l[id] = l_[id];
    }
    l_ = std::move(l);
    Rerank();
  }

  // Keeps probabilities whose logarithm is at least this.
  void Probable(N log_probability) {
    Floor(std::min<N>(log_probability + A::Log(Mass()), 0));
  }
  static bool IsOff(double x) { return x < std::numeric_limits<double>::min(); }

  void Epsilon();
  void Eta();
  void TopA();
  void TailFree();
  void TopH();
  void PLess();
  void Xtc();

  double Mu() const { return feedback_.mu.value_or(2 * params_.mirostat_tau); }

  void Mirostat();
  void AdaptiveP();

  const Params params_;
  const Feedback feedback_;
  const Point at_;
  std::vector<float> l_;
  Ids ids_;
  float m_ = 0;
  Map map_, tempered_;
  std::vector<float> original_l_;
  float original_m_ = 0;
  bool begun_ = false;    // a stage ran that does not change single logits
  bool pending_ = false;  // and what it did is not in the logits yet
  bool rewritten_ = false;
  bool greedy_ = false;
  std::vector<float> steered_d_;
  N log_steered_mass_ = 0;
  Real margin_ = 1;
  Real slack_ = 1;
};

}  // namespace logitd::oracle

#include "tests/oracle/shape_cuts.h"
#include "tests/oracle/shape_feedback.h"

#endif  // LOGITD_TESTS_ORACLE_SHAPE_H_
