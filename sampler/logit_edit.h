// What the stages that change single logits share.
//
// They edit the workspace's row and refresh the maxima of the blocks touched.
// Thread-safe on different workspaces.
#ifndef LOGITD_SAMPLER_LOGIT_EDIT_H_
#define LOGITD_SAMPLER_LOGIT_EDIT_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "sampler/params.h"
#include "sampler/prefix.h"
#include "sampler/workspace.h"

namespace logitd {

inline constexpr float kBanned = -std::numeric_limits<float>::infinity();

inline bool NothingLeft(const kernels::KernelTable& kernels,
                        Workspace* workspace) {
  return kernels.largest(workspace->row()) == kBanned;
}

// Double to float, saturating, without -0.
inline float NarrowLogit(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax)) + 0.0f;
}

// Replaces the logit of an id that is not banned.
template <class Function>
void Change(uint32_t id, Workspace* workspace, const Function& function) {
  float& l = LogitOf(workspace->row(), id);
  if (l == kBanned) return;
  l = NarrowLogit(function(static_cast<double>(l)));
  workspace->Touch(id);
}

inline bool IsIn(const TokenIds& sorted, uint32_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace logitd

#endif  // LOGITD_SAMPLER_LOGIT_EDIT_H_
