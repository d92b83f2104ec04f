#include "sampler/load.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"
#include "sampler/row_digest.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using kernels::KernelTable;
using kernels::RowView;
using kernels::Scale;

// Whether a step looks at most of the row anyway.
bool NeedsWhole(const Row& row, bool wants_guidance, const Report& report,
                const RowOptions& options) {
  return report.row_digest || wants_guidance || row.mask != nullptr ||
         options.observer != nullptr;
}

bool IsAligned(const Row& row) {
  const size_t size = row.dtype == Dtype::kFloat32 ? 4 : 2;
  return reinterpret_cast<uintptr_t>(row.logits) % size == 0;
}

kernels::Stored StoredAs(Dtype dtype) {
  switch (dtype) {
    case Dtype::kBfloat16:
      return kernels::Stored::kBfloat16;
    case Dtype::kFloat16:
      return kernels::Stored::kFloat16;
    default:
      return kernels::Stored::kFloat32;
  }
}

auto LoadKernel(const KernelTable& kernels, Dtype dtype) {
  switch (dtype) {
    case Dtype::kBfloat16:
      return kernels.load_bf16;
    case Dtype::kFloat16:
      return kernels.load_f16;
    default:
      return kernels.load_f32;
  }
}

// What a read found. `error` begins the message of a row with NaN or +inf.
absl::Status Judge(const Plan& plan, uint32_t bad, uint32_t bad_count,
                   const char* error, Outcome* outcome) {
  if (bad != kernels::kNone && !plan.ban_non_finite) {
    return absl::InvalidArgumentError(absl::StrCat(
        error, bad, " of the row; on_non_finite BAN would count it as banned"));
  }
  outcome->non_finite_banned += bad_count;
  return absl::OkStatus();
}

absl::Status Load(const KernelTable& kernels, const Plan& plan, Dtype dtype,
                  const void* logits, const char* error, const RowView& view,
                  Outcome* outcome) {
  uint32_t bad_count = 0;
  const uint32_t bad = LoadKernel(kernels, dtype)(
      logits, plan.vocab_size, plan.ban_non_finite, view, &bad_count);
  return Judge(plan, bad, bad_count, error, outcome);
}

absl::Status Screen(const KernelTable& kernels, const Plan& plan,
                    const Row& row, Workspace* workspace, Outcome* outcome) {
  kernels::LazyRow& lazy = workspace->ReserveLazy(plan.vocab_size);
  lazy.source = row.logits;
  lazy.stored = StoredAs(row.dtype);
  lazy.kernels = &kernels;
  uint32_t bad_count = 0;
  const uint32_t bad =
      kernels.screen(workspace->row(), plan.ban_non_finite, &bad_count);
  return Judge(plan, bad, bad_count, kNonFiniteError, outcome);
}

}  // namespace

absl::Status LoadRows(const KernelTable& kernels, const Plan& plan,
                      const Row& row, bool wants_guidance, const Report& report,
                      const RowOptions& options, Workspace* workspace,
                      Outcome* outcome) {
  if (IsAligned(row) && !NeedsWhole(row, wants_guidance, report, options)) {
    return Screen(kernels, plan, row, workspace, outcome);
  }
  workspace->Reserve(plan.vocab_size);
  LOGITD_RETURN_IF_ERROR(Load(kernels, plan, row.dtype, row.logits,
                              kNonFiniteError, workspace->row(), outcome));
  if (report.row_digest) {
    outcome->row_digest = RowDigest(workspace->row().l, plan.vocab_size);
  }
  if (!wants_guidance) return absl::OkStatus();
  return Load(kernels, plan, row.dtype, row.guidance, kNonFiniteGuidanceError,
              workspace->ReserveSecond(), outcome);
}

void Guide(const KernelTable& kernels, double guidance_scale,
           double log_sum_exp, Workspace* workspace) {
  RowView& second = workspace->second();
  const Scale scale = {kernels.largest(second), 1.0f};
  double second_log_sum_exp = 0;  // not looked at when all are -inf
  if (scale.m > -std::numeric_limits<float>::infinity()) {
    const double mass =
        kernels.weigh(second, scale, kAllAllowed, &second.active_count);
    second_log_sum_exp = static_cast<double>(scale.m) + LogD(mass);
  }
  kernels.guide(workspace->row(), second.l,
                {log_sum_exp, second_log_sum_exp, guidance_scale});
}

}  // namespace logitd
