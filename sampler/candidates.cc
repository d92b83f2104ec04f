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
      original_m_(kernels.largest(workspace->row())),
      scale_({original_m_, 1.0f}),
      cut_(kAllAllowed) {}

bool Candidates::Holds(uint32_t id) const {
  return AtMost(Cut{LogitOf(row(), id), id}, cut_);
}

uint64_t Candidates::Count() const {
  return count_ ? *count_ : kernels_.count_cut(row(), cut_);
}

// Weights that a few blocks have most of are made where they are looked at.
bool Candidates::IsNarrow() const {
  constexpr double kFew = 1.0 / 96;
  const RowView& view = row();
  return kernels_.spread_of_blocks(view, scale_) < kFew * view.block_count;
}

void Candidates::Weigh(Use use) {
  RowView& row = workspace_->row();
  if (weights_ == Weights::kWider) {
    uint64_t count = 0;
    mass_ = kernels_.restrict_to(row, cut_, &row.active_count, &count);
    // What weighs nothing is in no active block.
    const bool all_weigh = kernels::DOf(scale_, cut_.value) >= kernels::kLeastD;
    if (all_weigh) count_ = count;
  } else if (weights_ == Weights::kNone) {
    const bool is_cut = cut_.value > kAllAllowed.value;
    const bool makes =
        use == Use::kAll || (use == Use::kSearch && (is_cut || !IsNarrow()));
    if (makes) {
      mass_ = kernels_.weigh(row, scale_, cut_, &row.active_count);
    } else {
      uint64_t count = 0;
      mass_ = kernels_.sum_weights(row, scale_, cut_, &row.active_count,
                                   count_ ? nullptr : &count);
      if (!count_) count_ = count;
    }
  }
  weights_ = Weights::kExact;
}

double Candidates::Mass() {
  Weigh(Use::kSum);
  return mass_;
}

double Candidates::MassOfAll() {
  const Cut cut = std::exchange(cut_, kAllAllowed);
  weights_ = Weights::kNone;
  count_.reset();
  const double mass = Mass();
  Keep(cut);
  return mass;
}

double Candidates::LogMass() { return LogD(Mass()); }

double Candidates::MeanD() {
  Weigh(Use::kAll);
  return kernels_.weighted_sum(row(), scale_) / mass_;
}

void Candidates::SetScale(const kernels::Scale& scale) {
  if (scale == scale_) return;
  scale_ = scale;
  weights_ = Weights::kNone;
}

void Candidates::Keep(Cut prefix, std::optional<uint64_t> count) {
  if (AtMost(cut_, prefix)) return;
  cut_ = prefix;
  count_ = count;
  if (weights_ == Weights::kExact) weights_ = Weights::kWider;
}

void Candidates::KeepFloor(float floor) { Keep(PrefixOfFloor(scale_, floor)); }

void Candidates::KeepFirst(uint64_t n) {
  Keep(PrefixOfCount(kernels_, row(), n, workspace_));
}

double Candidates::MassToSearch() {
  Weigh(Use::kSearch);
  return mass_;
}

void Candidates::KeepMass(double target) {
  Weigh(Use::kSearch);
  const MassPrefix kept = RestrictToMass(kernels_, scale_, cut_, target, mass_,
                                         &workspace_->row(), workspace_);
  cut_ = kept.cut;
  mass_ = kept.mass;
  count_ = kept.count;
}

void Candidates::KeepSurprisal(double share) {
  Weigh(Use::kAll);
  const auto log_mass = static_cast<float>(LogMass());
  RowView& row = workspace_->row();
  const std::optional<MassPrefix> beyond = RestrictToSurprisal(
      kernels_, scale_, cut_, mass_, log_mass, share, &row, workspace_);
  if (!beyond.has_value()) return;
  cut_ = beyond->cut;
  mass_ = beyond->mass;
  count_ = beyond->count;
  if (WithoutLast(&cut_)) {
    if (count_) --*count_;
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
  count_.reset();
}

void Candidates::BeginRewrite() {
  workspace_->MakeWhole();
  if (keep_original_ && copy_ == nullptr) copy_ = &workspace_->CopyRow();
}

void Candidates::EndRewrite() {
  scale_.m = kernels_.largest(row());
  cut_ = kAllAllowed;
  count_.reset();
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
  count_.reset();
}

void Candidates::EndEdit() {
  edited_ = true;
  count_.reset();
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
  scale_.m = kernels_.largest(row());
  if (!begun_) original_m_ = scale_.m;
}

}  // namespace logitd
