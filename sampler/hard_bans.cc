// Hard bans: the row's -inf, allowed and banned ids, the mask.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/logit_edit.h"
#include "sampler/stages.h"

namespace logitd {
namespace {

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

bool Has(const uint8_t* bits, size_t bytes, uint32_t id) {
  return id / 8 < bytes && (bits[id / 8] >> (id % 8) & 1) == 1;
}

}  // namespace

bool IsHardBanned(const Plan& plan, const uint8_t* mask, size_t mask_bytes,
                  uint32_t id, Workspace* workspace) {
  if (LogitOf(workspace->row(), id) == kBanned || IsIn(plan.banned_ids, id)) {
    return true;
  }
  if (mask != nullptr && !Has(mask, mask_bytes, id)) return true;
  const std::vector<uint8_t>& allowed = plan.allowed_mask;
  return !allowed.empty() && !Has(allowed.data(), allowed.size(), id);
}

absl::Status HardBans(const kernels::KernelTable& kernels, const Plan& plan,
                      const uint8_t* mask, size_t mask_bytes,
                      Workspace* workspace) {
  if (NothingLeft(kernels, workspace)) {
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
    LogitOf(workspace->row(), id) = kBanned;
    workspace->Touch(id);
  }
  workspace->RefreshTouched(kernels);
  return NothingLeft(kernels, workspace) ? NothingLeftError(plan, mask)
                                         : absl::OkStatus();
}

}  // namespace logitd
