#include "sampler/candidates.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "sampler/bracket.h"
#include "sampler/mass_prefix.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"

namespace logitd {

using kernels::Cut;
using kernels::RowView;

Candidates::Candidates(const kernels::KernelTable& kernels, bool keep_original,
                       Workspace* workspace)
    : kernels_(kernels),
      workspace_(workspace),
      keep_original_(keep_original),
      original_m_(LargestLogit(workspace->row())),
      scale_({original_m_, 1.0f}),
      cut_(kAllAllowed) {}

bool Candidates::Holds(uint32_t id) const {
  return AtMost(Cut{row().l[id], id}, cut_);
}

uint64_t Candidates::Count() const { return kernels_.count_cut(row(), cut_); }

double Candidates::Mass() {
  RowView& row = workspace_->row();
  if (weights_ == Weights::kNone) {
    mass_ = kernels_.weigh(row, scale_, cut_, &row.active_count);
  } else if (weights_ == Weights::kWider) {
    mass_ = kernels_.restrict_to(row, cut_, &row.active_count);
  }
  weights_ = Weights::kExact;
  return mass_;
}

double Candidates::MassOfAll() {
  const Cut cut = std::exchange(cut_, kAllAllowed);
  weights_ = Weights::kNone;
  const double mass = Mass();
  Keep(cut);
  return mass;
}

double Candidates::LogMass() { return LogD(Mass()); }

double Candidates::MeanD() {
  const double mass = Mass();
  return kernels_.weighted_sum(row(), scale_) / mass;
}

void Candidates::SetScale(const kernels::Scale& scale) {
  if (scale == scale_) return;
  scale_ = scale;
  weights_ = Weights::kNone;
}

void Candidates::Keep(Cut prefix) {
  if (AtMost(cut_, prefix)) return;
  cut_ = prefix;
  if (weights_ == Weights::kExact) weights_ = Weights::kWider;
}

void Candidates::KeepFloor(float floor) { Keep(PrefixOfFloor(scale_, floor)); }

void Candidates::KeepFirst(uint64_t n) {
  Keep(PrefixOfCount(kernels_, row(), n, workspace_));
}

void Candidates::KeepMass(double target) {
  const double mass = Mass();
  const MassPrefix kept = RestrictToMass(kernels_, scale_, cut_, target, mass,
                                         &workspace_->row(), workspace_);
  cut_ = kept.cut;
  mass_ = kept.mass;
}

void Candidates::KeepSurprisal(double share) {
  const auto log_mass = static_cast<float>(LogMass());
  RowView& row = workspace_->row();
  const std::optional<MassPrefix> beyond = RestrictToSurprisal(
      kernels_, scale_, cut_, mass_, log_mass, share, &row, workspace_);
  if (!beyond.has_value()) return;
  cut_ = beyond->cut;
  mass_ = beyond->mass;
  if (WithoutLast(&cut_)) {
    mass_ = TakeOff(kernels_, cut_, {&beyond->cut.id, 1}, &row);
  }
}

bool Candidates::WithoutLast(Cut* prefix) const {
  const float m = scale_.m;
  if (prefix->value == m && kernels_.first_equal(row(), m) == prefix->id) {
    return false;
  }
  *prefix = prefix->id > 0
                ? Cut{prefix->value, prefix->id - 1}
                : Cut{ValueOf(KeyOf(prefix->value) + 1), kernels::kNone};
  return true;
}

void Candidates::Ban(Cut prefix, absl::Span<const uint32_t> protected_ids) {
  BeginRewrite();
  RowView& row = workspace_->row();
  std::vector<Edit>& kept = workspace_->edits();
  kept.clear();
  for (const uint32_t id : protected_ids) kept.push_back({id, row.l[id]});
  kernels_.ban_cut(row, prefix);
  for (const Edit& edit : kept) {
    row.l[edit.id] = edit.before;
    workspace_->Touch(edit.id);
  }
  workspace_->RefreshTouched(kernels_);
  const Cut cut = cut_;
  EndRewrite();
  cut_ = cut;  // those behind it are out as before
}

void Candidates::BeginRewrite() {
  if (keep_original_ && copy_ == nullptr) copy_ = &workspace_->CopyRow();
}

void Candidates::EndRewrite() {
  scale_.m = LargestLogit(row());
  cut_ = kAllAllowed;
  weights_ = Weights::kNone;
}

void Candidates::BeginEdit() {
  if (edited_ || !begun_) return;
  BeginRewrite();
  constexpr float kLargest = std::numeric_limits<float>::max();
  const float base =
      std::clamp(scale_.m * scale_.inverse_temperature, -kLargest, kLargest);
  kernels_.apply_scale(row(), scale_, cut_, base);
  scale_.inverse_temperature = 1.0f;
  scale_.square = scale_.cube = 0;
  cut_ = kAllAllowed;
}

void Candidates::EndEdit() {
  edited_ = true;
  weights_ = Weights::kNone;
}

void Candidates::Begin() {
  Settle();
  begun_ = true;
}

void Candidates::Settle() {
  if (!edited_) return;
  edited_ = false;
  workspace_->RefreshTouched(kernels_);
  scale_.m = LargestLogit(row());
  if (!begun_) original_m_ = scale_.m;
}

}  // namespace logitd
