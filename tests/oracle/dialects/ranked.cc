#include "tests/oracle/dialects/ranked.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tests/oracle/dialects/bans.h"

namespace logitd::dialects {

Answer NothingLeft() {
  Answer answer;
  answer.nothing_left = true;
  return answer;
}

Answer Greedy(const std::vector<Real>& logits) {
  Answer answer;
  answer.greedy = true;
  const auto best = std::max_element(logits.begin(), logits.end());
  answer.ids = {static_cast<uint32_t>(best - logits.begin())};
  answer.p = {1};
  for (auto it = logits.begin(); it != logits.end(); ++it) {
    if (it == best) continue;
    if (*it == *best) answer.tied = true;
    if (*it != *best) answer.closest = std::min(answer.closest, *best - *it);
  }
  return answer;
}

Ranked::Ranked(const std::vector<Real>& logits) {
  for (uint32_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kBanned) ids_.push_back(i);
  }
  std::stable_sort(ids_.begin(), ids_.end(), [&](uint32_t a, uint32_t b) {
    return logits[a] > logits[b];
  });
  for (uint32_t id : ids_) logits_.push_back(logits[id]);
}

void Ranked::Temper(Real temperature) {
  for (Real& l : logits_) l /= temperature;
}

void Ranked::Bend(const std::function<Real(Real)>& curve) {
  curve_ = curve;
  straight_ = logits_;
  Rebend();
}

void Ranked::Rebend() {
  for (size_t i = 0; i < straight_.size(); ++i) {
    logits_[i] = curve_(straight_[i] - straight_[0]);
  }
}

void Ranked::Replace(const std::vector<Real>& logits) {
  straight_.clear();
  std::vector<size_t> order(size());
  for (size_t i = 0; i < size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : ids_[a] < ids_[b];
  });
  const Ids ids = ids_;
  for (size_t i = 0; i < size(); ++i) {
    ids_[i] = ids[order[i]];
    logits_[i] = logits[order[i]];
  }
}

std::vector<Real> Ranked::Probabilities() const {
  std::vector<Real> p;
  Real sum = 0;
  for (Real l : logits_) {
    p.push_back(std::exp(l - logits_[0]));
    sum += p.back();
  }
  for (Real& x : p) x /= sum;
  return p;
}

Real Ranked::Entropy() const {
  Real sum = 0;
  for (Real p : Probabilities()) {
    if (p > 0) sum -= p * std::log(p);
  }
  return sum;
}

size_t Ranked::TopKKeepingTies(size_t k) {
  size_t count = std::min(k, size());
  while (count < size() && logits_[count] == logits_[count - 1]) ++count;
  NoteCut(count);
  return count;
}

size_t Ranked::TopKExactly(size_t k) {
  const size_t count = std::min(k, size());
  NoteCut(count);
  return count;
}

size_t Ranked::TopPReaching(Real p) { return TopP(p, false); }
size_t Ranked::TopPExceeding(Real p) { return TopP(p, true); }

// Keeps a token while the mass before it is below p, or not above it.
size_t Ranked::TopP(Real p, bool exceed) {
  const std::vector<Real> each = Probabilities();
  Real before = 0;
  size_t count = 0;
  for (; count < size(); ++count) {
    if (count > 0) NoteDistance(std::fabs(before - p));
    if (count > 0 && (exceed ? before > p : before >= p)) break;
    before += each[count];
  }
  NoteCut(count);
  return count;
}

size_t Ranked::MinP(Real min_p) {
  size_t count = 1;
  const std::vector<Real> each = Probabilities();
  for (size_t i = 0; i < size(); ++i) {
    if (logits_[i] == logits_[0]) continue;  // equal in any arithmetic
    NoteDistance(std::fabs(each[i] / each[0] - min_p));
  }
  while (count < size() && each[count] >= min_p * each[0]) ++count;
  return count;
}

size_t Ranked::AtLeast(Real threshold) {
  size_t count = 1;
  const std::vector<Real> each = Probabilities();
  for (size_t i = 0; i < size(); ++i) {
    if (logits_[i] == logits_[0]) continue;  // stays in any case
    NoteDistance(std::fabs(each[i] - threshold));
  }
  while (count < size() &&
         (each[count] >= threshold || logits_[count] == logits_[0])) {
    ++count;
  }
  return count;
}

void Ranked::Keep(size_t count) {
  ids_.resize(count);
  logits_.resize(count);
  if (!straight_.empty()) straight_.resize(count);
}

void Ranked::Keep(const std::vector<bool>& kept) {
  size_t count = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (!kept[i]) continue;
    ids_[count] = ids_[i];
    if (!straight_.empty()) straight_[count] = straight_[i];
    logits_[count++] = logits_[i];
  }
  Keep(count);
  Rebend();
}

void Ranked::NoteDistance(Real distance) {
  closest_ = std::min(closest_, distance);
}

// Equals on both sides of a cut, or a step that rounding might turn around.
void Ranked::NoteCut(size_t count) {
  if (count == 0 || count >= size()) return;
  const Real step = logits_[count - 1] - logits_[count];
  if (step == 0) {
    tied_ = true;
  } else {
    NoteDistance(step / std::max<Real>(1, std::fabs(logits_[count])));
  }
}

Answer Ranked::ToAnswer() const {
  Answer answer;
  answer.ids = ids_;
  answer.p = Probabilities();
  answer.closest = closest_;
  answer.tied = tied_;
  return answer;
}

}  // namespace logitd::dialects
