// Drafts, from sampler/README.md, "Drafts".
#include <algorithm>

#include "tests/oracle/oracle.h"

namespace logitd::oracle {

Verdict Verify(const Answer& answer, uint32_t draft,
               const std::vector<float>& q, const Point& at) {
  if (answer.greedy) {
    return {answer.winner.token, answer.winner.token == draft, 0};
  }
  const auto drafted = [&](uint32_t id) -> Real {
    return q.empty() ? (id == draft ? 1 : 0) : q[id];
  };
  const auto target = [&](uint32_t id) {
    return answer.weight[id] / answer.mass;
  };
  const Real integer = static_cast<Real>(Noise(at, 4, 0) / 4096);
  const Real u = (integer + 0.5L) / 4503599627370496.0L;
  const Real needed = u * drafted(draft), has = target(draft);
  Verdict verdict;
  verdict.closest = has > 0 ? std::min(needed, has) / std::max(needed, has) : 0;
  std::vector<Real> residual(answer.weight.size());
  Real all = 0;
  for (uint32_t id = 0; id < residual.size(); ++id) {
    residual[id] = std::max<Real>(target(id) - drafted(id), 0);
    all += residual[id];
  }
  if (needed < has || (all == 0 && has > 0)) {
    verdict.token = draft;
    verdict.accepted = true;
    return verdict;
  }
  const Winner other = Race(all > 0 ? residual : answer.weight, at, 5, 6);
  verdict.token = other.token;
  verdict.closest = std::max(verdict.closest, other.closest);
  return verdict;
}

}  // namespace logitd::oracle
