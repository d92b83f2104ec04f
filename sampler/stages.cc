#include "sampler/stages.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "sampler/prefix.h"

namespace logitd {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

bool NothingLeft(Workspace* workspace) {
  return LargestLogit(workspace->row()) == kBanned;
}

void RefreshTouched(const kernels::KernelTable& kernels, Workspace* workspace) {
  const std::vector<uint32_t>& touched = workspace->touched();
  kernels.refresh_block_max(
      touched.data(), static_cast<uint32_t>(touched.size()), workspace->row());
  workspace->ClearTouched();
}

// Double to float, saturating, without -0.
float NarrowLogit(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax)) + 0.0f;
}

// Replaces the logit of an id that is not banned.
template <class Function>
void Change(uint32_t id, Workspace* workspace, const Function& function) {
  float& l = workspace->row().l[id];
  if (l == kBanned) return;
  l = NarrowLogit(function(static_cast<double>(l)));
  workspace->Touch(id);
}

template <class Function>
void ChangeCounted(const Plan& plan, const CountTable& counts,
                   Workspace* workspace, const Function& function) {
  const TokenIds& excluded = plan.penalty_exclude_ids;
  counts.ForEach([&](uint32_t id, uint32_t count) {
    if (std::binary_search(excluded.begin(), excluded.end(), id)) return;
    Change(id, workspace, [&](double l) { return function(l, count); });
  });
}

absl::Status NothingLeftError(const Plan& plan, const uint8_t* mask) {
  std::string bans;
  const auto name = [&](bool active, const char* ban) {
    if (active) absl::StrAppend(&bans, bans.empty() ? "" : ", ", ban);
  };
  name(mask != nullptr, "mask");
  name(!plan.params.allowed_ids.empty(), "allowed_ids");
  name(!plan.params.banned_ids.empty(), "banned_ids");
  name(plan.params.ban_eos.value_or(false), "ban_eos");
  return absl::FailedPreconditionError(absl::StrCat(
      "logits: nothing is left to choose from after the row's -inf and the "
      "hard bans: ",
      bans));
}

}  // namespace

absl::Status HardBans(const kernels::KernelTable& kernels, const Plan& plan,
                      const uint8_t* mask, size_t mask_bytes,
                      Workspace* workspace) {
  if (NothingLeft(workspace)) {
    return absl::FailedPreconditionError(
        "logits: nothing is left to choose from: every logit of the row is "
        "-inf");
  }
  if (mask != nullptr) kernels.apply_mask(mask, mask_bytes, workspace->row());
  if (!plan.allowed_mask.empty()) {
    kernels.apply_mask(plan.allowed_mask.data(), plan.allowed_mask.size(),
                       workspace->row());
  }
  for (const uint32_t id : plan.banned_ids) {
    workspace->row().l[id] = kBanned;
    workspace->Touch(id);
  }
  RefreshTouched(kernels, workspace);
  return NothingLeft(workspace) ? NothingLeftError(plan, mask)
                                : absl::OkStatus();
}

absl::Status SoftBans(const kernels::KernelTable& kernels, const Plan& plan,
                      uint32_t generated, Workspace* workspace, bool* lifted) {
  *lifted = false;
  if (generated >= plan.min_tokens || plan.delayed_ids.empty()) {
    return absl::OkStatus();
  }
  std::vector<Edit>& edits = workspace->edits();
  edits.clear();
  float* l = workspace->row().l;
  for (const uint32_t id : plan.delayed_ids) {
    edits.push_back({id, l[id]});
    l[id] = kBanned;
    workspace->Touch(id);
  }
  RefreshTouched(kernels, workspace);
  if (!NothingLeft(workspace)) return absl::OkStatus();
  if (!plan.relax_soft_bans) {
    return absl::FailedPreconditionError(
        "min_tokens: bans all that the hard bans leave, and on_empty is "
        "ERROR");
  }
  for (const Edit& edit : edits) {
    l[edit.id] = edit.before;
    workspace->Touch(edit.id);
  }
  RefreshTouched(kernels, workspace);
  *lifted = true;
  return absl::OkStatus();
}

void AddBias(const kernels::KernelTable& kernels, const Plan& plan,
             Workspace* workspace) {
  for (size_t i = 0; i < plan.bias_ids.size(); ++i) {
    const double bias = plan.bias_values[i];
    Change(plan.bias_ids[i], workspace, [&](double l) { return l + bias; });
  }
  RefreshTouched(kernels, workspace);
}

void Penalise(const kernels::KernelTable& kernels, const Plan& plan,
              const History& history, Workspace* workspace) {
  if (plan.repetition) {
    const double r = *plan.repetition;
    ChangeCounted(plan, history.repetition(), workspace,
                  [&](double l, uint32_t) { return l > 0 ? l / r : l * r; });
  }
  if (plan.frequency) {
    const double a = *plan.frequency;
    ChangeCounted(plan, history.frequency(), workspace,
                  [&](double l, uint32_t count) { return l - a * count; });
  }
  if (plan.presence) {
    const double b = *plan.presence;
    ChangeCounted(plan, history.presence(), workspace,
                  [&](double l, uint32_t) { return l - b; });
  }
  RefreshTouched(kernels, workspace);
}

}  // namespace logitd
