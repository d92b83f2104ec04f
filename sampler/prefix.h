// Finding prefixes of the rank by count or by floor: what top_k and min_p keep,
// and top-N lists, without ever sorting a row. By mass: mass_prefix.h.
//
// The rank orders ids by logit falling, id rising. A truncation keeps the
// shortest prefix whose measure reaches a target, and a count never falls as a
// prefix grows, so a search by pivots over values and then over ids is exact.
// Functions use the workspace's id list; thread-safe on different workspaces;
// O(V) per pass, a handful of passes; do not allocate. The row is the
// workspace's, or another of the same shape with keys for logits.
// Specification: sampler/README.md, "Truncation".
#ifndef LOGITD_SAMPLER_PREFIX_H_
#define LOGITD_SAMPLER_PREFIX_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

using kernels::kAllAllowed;

// True if `a` keeps no more than `b`.
bool AtMost(kernels::Cut a, kernels::Cut b);

// The prefix of exactly k tokens, or all that are not banned if they are fewer.
// k >= 1; at least one token is not banned.
kernels::Cut PrefixOfCount(const kernels::KernelTable& kernels,
                           const kernels::RowView& row, uint64_t k,
                           Workspace* workspace);

// The prefix of all tokens with d >= floor.
kernels::Cut PrefixOfFloor(const kernels::Scale& scale, float floor);

// The first min(n, size) ids of the prefix, in rank order, in the workspace's
// id list. n <= Workspace::kGatherMax / 2.
absl::Span<const uint32_t> FirstOfPrefix(const kernels::KernelTable& kernels,
                                         const kernels::RowView& row,
                                         kernels::Cut prefix, uint32_t n,
                                         Workspace* workspace);

// Sorts ids by their rank. O(n log n).
void SortByRank(const kernels::RowView& row, absl::Span<uint32_t> ids);

// Appends the ids of the prefix to *ids, rising. *ids allocates while it grows.
void ListKept(const kernels::KernelTable& kernels, const kernels::RowView& row,
              kernels::Cut prefix, Workspace* workspace,
              std::vector<uint32_t>* ids);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PREFIX_H_
