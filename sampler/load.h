// The first stages of a row: it is loaded and checked, and with it the second
// row of a step with guidance, which then moves the first.
//
// Thread-safe on different workspaces; O(V); allocates only through the
// workspace. Specification: sampler/README.md, "Numbers", "Guidance".
#ifndef LOGITD_SAMPLER_LOAD_H_
#define LOGITD_SAMPLER_LOAD_H_

#include "absl/status/status.h"
#include "sampler/kernels/kernels.h"
#include "sampler/plan.h"
#include "sampler/sampler.h"
#include "sampler/workspace.h"

namespace logitd {

// Loads `row`, and its guidance if that is asked for, into the workspace. Fills
// the outcome's non_finite_banned and row_digest. INVALID_ARGUMENT naming row
// and index: NaN or +inf that the plan does not ban.
absl::Status LoadRows(const kernels::KernelTable& kernels, const Plan& plan,
                      const Row& row, bool wants_guidance, const Report& report,
                      const RowOptions& options, Workspace* workspace,
                      Outcome* outcome);

// Moves the workspace's row, which has the given log-sum-exp, by its second
// one. At least one logit is not banned.
void Guide(const kernels::KernelTable& kernels, double guidance_scale,
           double log_sum_exp, Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_LOAD_H_
