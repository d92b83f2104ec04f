// Tokens by rank with the cuts that several engines make, in real numbers. A
// cut keeps the first so many; the comments of each engine say which it makes.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_RANKED_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_RANKED_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "tests/oracle/dialects/dialects.h"

namespace logitd::dialects {

// The largest of several equal choices, or the answer when all is said.
Answer NothingLeft();
Answer Greedy(const std::vector<Real>& logits);

class Ranked {
 public:
  // The tokens that are not banned; logit falling, then id rising.
  explicit Ranked(const std::vector<Real>& logits);

  size_t size() const { return ids_.size(); }
  const Ids& ids() const { return ids_; }
  const std::vector<Real>& logits() const { return logits_; }
  // l_i / temperature. Never changes the rank.
  void Temper(Real temperature);
  // Makes x = l_i - max of each logit another number that falls as x does. From
  // then on max is always that of what is left.
  void Bend(const std::function<Real(Real)>& curve);
  // Other logits for the same tokens, by rank; they are ranked anew.
  void Replace(const std::vector<Real>& logits);
  // Probabilities of what is left, by rank; their sum is 1.
  std::vector<Real> Probabilities() const;
  Real Entropy() const;

  // Counts: how many a cut would keep. They note how close it was.
  size_t TopKKeepingTies(size_t k);  // no less than the k-th largest
  size_t TopKExactly(size_t k);
  // The shortest prefix that reaches p; or exceeds it, or all.
  size_t TopPReaching(Real p);
  size_t TopPExceeding(Real p);
  size_t MinP(Real min_p);  // p_i >= min_p * largest p
  // p_i >= threshold; what equals the largest stays.
  size_t AtLeast(Real threshold);

  void Keep(size_t count);
  // Keeps those whose flag, by rank, is set.
  void Keep(const std::vector<bool>& kept);
  void NoteDistance(Real distance);
  void NoteTie() { tied_ = true; }

  Answer ToAnswer() const;

 private:
  size_t TopP(Real p, bool exceed);
  void NoteCut(size_t count);

  void Rebend();

  Ids ids_;
  std::vector<Real> logits_;
  std::vector<Real> straight_;  // logits_ before they were bent; empty: never
  std::function<Real(Real)> curve_;
  Real closest_ = std::numeric_limits<Real>::infinity();
  bool tied_ = false;
};

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_RANKED_H_
