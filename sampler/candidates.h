// Candidates: the tokens still in play, with the map from logits to weights.
//
// Most stages shorten a prefix of the rank, which costs nothing until someone
// asks for a mass: weights are made, or narrowed, only then. A stage that keeps
// something else than a prefix, or gives logits of its own, rewrites the row;
// what the row was before is kept when a number is asked for that needs it.
// Confined to one thread; works in the workspace, allocates as it does.
// Specification: sampler/README.md, "Truncation".
#ifndef LOGITD_SAMPLER_CANDIDATES_H_
#define LOGITD_SAMPLER_CANDIDATES_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

class Candidates {
 public:
  // All tokens of the workspace's row that are not banned: at least one. With
  // `keep_original` the row is copied before a stage rewrites it.
  Candidates(const kernels::KernelTable& kernels, bool keep_original,
             Workspace* workspace);

  const kernels::KernelTable& kernels() const { return kernels_; }
  Workspace* workspace() const { return workspace_; }
  const kernels::RowView& row() const { return workspace_->row(); }
  const kernels::Scale& scale() const { return scale_; }
  // Call before a stage of another kind: m, after single logits were changed.
  void Begin();
  kernels::Cut cut() const { return cut_; }
  bool Holds(uint32_t id) const;
  uint64_t Count() const;
  float D(uint32_t id) const {
    return kernels::DOf(scale_, LogitOf(row(), id));
  }

  // mass() of the candidates, whose weights the row has after it (kernels.h,
  // WeightsOf); its log_d; and sum(w d) / mass.
  double Mass();
  // The same before KeepMass.
  double MassToSearch();
  double LogMass();
  double MeanD();
  // Entropy in nats: LogMass() - MeanD().
  double Entropy() { return LogMass() - MeanD(); }
  // mass() under the present map of all tokens that are not banned.
  double MassOfAll();

  // Another map of the same logits; m stays.
  void SetScale(const kernels::Scale& scale);

  // Keeps those in the prefix; the first of the rank always. `count` of the row
  // are in it, if that is known.
  void Keep(kernels::Cut prefix, std::optional<uint64_t> count = {});
  // Keeps those with d >= floor. floor <= 0.
  void KeepFloor(float floor);
  // Keeps the first n; n >= 1.
  void KeepFirst(uint64_t n);
  // Keeps the shortest prefix of at least this mass; 0 < target <= Mass().
  void KeepMass(double target);
  // Keeps the longest prefix whose surprisals w * (LogMass() - d) add up to no
  // more than this share of those of all, or the first.
  void KeepSurprisal(double share);
  // Takes the last one off a prefix that ends with it; false if it is the only
  // one.
  bool WithoutLast(kernels::Cut* prefix) const;
  // Bans all that are in the prefix but not protected (sorted ids).
  void Ban(kernels::Cut prefix, absl::Span<const uint32_t> protected_ids);

  // For stages that write the row themselves. Before each rewriting; after it,
  // when all that is left are candidates.
  void BeginRewrite();
  void EndRewrite();
  // For stages that change single logits: what the map and the cuts made of the
  // row becomes its logits first. Maxima are looked for again when needed.
  void BeginEdit();
  void EndEdit();

  // The row before any stage rewrote it: with keep_original, else the row.
  kernels::RowView& original() {
    return copy_ != nullptr ? *copy_ : workspace_->row();
  }
  // Largest logit of the original.
  float original_m() const { return original_m_; }
  bool rewritten() const { return copy_ != nullptr; }

 private:
  void Settle();
  // What weights are made for: their sum; to find a prefix; to look at all.
  enum class Use { kSum, kSearch, kAll };
  void Weigh(Use use);
  bool IsNarrow() const;

  // What the row's weights are of: nothing, more than the candidates, or them.
  enum class Weights { kNone, kWider, kExact };

  const kernels::KernelTable& kernels_;
  Workspace* const workspace_;
  const bool keep_original_;
  float original_m_;
  kernels::Scale scale_;
  kernels::Cut cut_;
  Weights weights_ = Weights::kNone;
  bool begun_ = false;   // a stage ran that does not change single logits
  bool edited_ = false;  // and block maxima wait
  double mass_ = 0;
  std::optional<uint64_t> count_;  // of the candidates, where it is known
  kernels::RowView* copy_ = nullptr;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_CANDIDATES_H_
