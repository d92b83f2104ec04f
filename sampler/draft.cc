#include "sampler/draft.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "sampler/race.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using kernels::RowView;

template <class T>
T At(const void* values, size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(values) + i * sizeof(T),
              sizeof(T));
  return value;
}

// Bits of floats from 0 to 1 are no more than those of 1; all others are, -0
// too.
bool MayBeOutside(const Draft& draft, uint32_t count) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < count; ++i) {
    most = std::max(most, At<uint32_t>(draft.probabilities, i));
  }
  return most > std::bit_cast<uint32_t>(1.0f);
}

absl::Status CheckProbabilities(const Draft& draft, uint32_t count) {
  if (!MayBeOutside(draft, count)) return absl::OkStatus();
  for (uint32_t i = 0; i < count; ++i) {
    const float q = At<float>(draft.probabilities, i);
    if (q >= 0 && q <= 1) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("draft_probabilities: ", q, " at index ", i, " of draft ",
                     draft.token, " is outside [0, 1]"));
  }
  return absl::OkStatus();
}

absl::Status CheckIds(const Draft& draft, uint32_t vocab_size) {
  for (uint32_t i = 0; i < draft.count; ++i) {
    const auto id = At<uint32_t>(draft.ids, i);
    if (id >= vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("draft_ids: ", id, " at index ", i, " of draft ",
                       draft.token, " is outside [0, ", vocab_size, ")"));
    }
    if (i > 0 && id <= At<uint32_t>(draft.ids, i - 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("draft_ids: ", id, " at index ", i, " of draft ",
                       draft.token, " does not rise"));
    }
  }
  return absl::OkStatus();
}

// q of the draft itself.
float DraftProbability(const Draft& draft) {
  if (draft.probabilities == nullptr) return 1;
  if (draft.ids == nullptr) {
    return draft.token < draft.count
               ? At<float>(draft.probabilities, draft.token)
               : 0;
  }
  uint32_t low = 0, high = draft.count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (At<uint32_t>(draft.ids, middle) < draft.token) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const bool found =
      low < draft.count && At<uint32_t>(draft.ids, low) == draft.token;
  return found ? At<float>(draft.probabilities, low) : 0;
}

// q in the blocks that have weights.
void SpreadDraft(const Draft& draft, RowView* q) {
  for (uint32_t a = 0; a < q->active_count; ++a) {
    const size_t first = size_t{q->active[a]} * kernels::kBlockSize;
    std::fill_n(q->w + first, kernels::kBlockSize, 0.0f);
    if (draft.probabilities == nullptr || draft.ids != nullptr) continue;
    if (first >= draft.count) continue;
    const size_t count =
        std::min<size_t>(kernels::kBlockSize, draft.count - first);
    std::memcpy(
        q->w + first,
        static_cast<const char*>(draft.probabilities) + first * sizeof(float),
        count * sizeof(float));
  }
  if (draft.probabilities == nullptr) {
    q->w[draft.token] = 1;
    return;
  }
  if (draft.ids == nullptr) return;
  for (uint32_t i = 0; i < draft.count; ++i) {
    q->w[At<uint32_t>(draft.ids, i)] = At<float>(draft.probabilities, i);
  }
}

}  // namespace

absl::Status CheckDraft(const Draft& draft, uint32_t vocab_size) {
  if (draft.token >= vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "draft_token: ", draft.token, " is outside [0, ", vocab_size, ")"));
  }
  if (draft.probabilities == nullptr) return absl::OkStatus();
  const uint32_t count =
      draft.ids != nullptr ? draft.count : std::min(draft.count, vocab_size);
  LOGITD_RETURN_IF_ERROR(CheckProbabilities(draft, count));
  if (draft.ids != nullptr) {
    LOGITD_RETURN_IF_ERROR(CheckIds(draft, vocab_size));
  }
  if (DraftProbability(draft) > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "draft_probabilities: the draft ", draft.token, " itself has 0"));
}

uint32_t Verified(const kernels::KernelTable& kernels, const Draft& draft,
                  const RowView& row, double mass, const NoisePoint& at,
                  Workspace* workspace) {
  const uint32_t token = draft.token;
  const uint32_t block = token / kernels::kBlockSize;
  const bool is_active =
      std::binary_search(row.active, row.active + row.active_count, block);
  const double p = is_active ? static_cast<double>(WeightsOf(
                                   row, block)[token % kernels::kBlockSize]) /
                                   mass
                             : 0;
  const double u = Uniform(Noise(at, Purpose::kAcceptCoin, 0));
  if (u * static_cast<double>(DraftProbability(draft)) < p) return token;
  RowView rest = workspace->SecondWeights();
  SpreadDraft(draft, &rest);
  kernels.subtract(row, static_cast<float>(1.0 / mass), rest);
  const uint32_t other = Race(kernels, rest, at, Purpose::kResidualBlockRace,
                              Purpose::kResidualTokenRace);
  if (other != kernels::kNone) return other;
  // The drafter gave too little to none.
  return p > 0 ? token
               : Race(kernels, row, at, Purpose::kResidualBlockRace,
                      Purpose::kResidualTokenRace);
}

}  // namespace logitd
