// Soft bans, and what is done when they leave nothing.
#include <string>

#include "absl/strings/str_cat.h"
#include "sampler/logit_edit.h"
#include "sampler/stages.h"

namespace logitd {
namespace {

// Bans ids and remembers what they were, and which knobs did so.
class SoftBanner {
 public:
  explicit SoftBanner(Workspace* workspace) : workspace_(workspace) {
    workspace_->edits().clear();
  }

  void Ban(const char* knob, uint32_t id) {
    knob_count_ += knobs_[Last()] == knob ? 0 : 1;
    knobs_[Last()] = knob;
    float& l = LogitOf(workspace_->row(), id);
    if (l == kBanned) return;
    workspace_->edits().push_back({id, l});
    l = kBanned;
    workspace_->Touch(id);
  }
  void Ban(const char* knob, const TokenIds& ids) {
    for (const uint32_t id : ids) Ban(knob, id);
  }

  void Lift() {
    for (const Edit& edit : workspace_->edits()) {
      workspace_->row().l[edit.id] = edit.before;
      workspace_->Touch(edit.id);
    }
  }

  // The knobs that had a ban: "min_tokens, bad_words: ban".
  std::string Blame() const {
    std::string names;
    for (size_t i = 0; i < knob_count_; ++i) {
      absl::StrAppend(&names, i == 0 ? "" : ", ", knobs_[i]);
    }
    return absl::StrCat(names, knob_count_ == 1 ? ": bans" : ": ban");
  }

 private:
  size_t Last() const { return knob_count_ == 0 ? 0 : knob_count_ - 1; }

  Workspace* workspace_;
  const char* knobs_[5] = {};
  size_t knob_count_ = 0;
};

void BanBadWords(const Plan& plan, const History& history, SoftBanner* banner) {
  for (const TokenIds& word : plan.bad_words) {
    const absl::Span<const uint32_t> tokens = word;
    const auto others = tokens.first(tokens.size() - 1);
    if (plan.rules->bad_words_match_prompt ? history.EndsWith(others)
                                           : history.OutputEndsWith(others)) {
      banner->Ban("bad_words", word.back());
    }
  }
}

void BanNgrams(const Plan& plan, const History& history, Workspace* workspace,
               SoftBanner* banner) {
  static constexpr char kKnob[] = "no_repeat_ngram";
  if (plan.no_repeat_ngram == 0) return;
  if (plan.no_repeat_ngram == 1) {
    history.all_tokens().ForEach(
        [&](uint32_t id, uint32_t) { banner->Ban(kKnob, id); });
    return;
  }
  Repeats& repeats = workspace->repeats();
  repeats.Clear(plan.vocab_size);
  history.FindNgrams(plan.no_repeat_ngram, &repeats);
  banner->Ban(kKnob, repeats.ids);
}

}  // namespace

absl::Status SoftBans(const kernels::KernelTable& kernels, const Plan& plan,
                      const History& history, Workspace* workspace,
                      bool* lifted) {
  *lifted = false;
  SoftBanner banner(workspace);
  if (history.generated() < plan.min_tokens) {
    banner.Ban("min_tokens", plan.delayed_ids);
  }
  BanBadWords(plan, history, &banner);
  banner.Ban("suppressed_ids", plan.suppressed_ids);
  if (history.generated() == 0) {
    banner.Ban("begin_suppressed_ids", plan.begin_suppressed_ids);
  }
  BanNgrams(plan, history, workspace, &banner);
  if (workspace->edits().empty()) return absl::OkStatus();
  workspace->RefreshTouched(kernels);
  if (!NothingLeft(kernels, workspace)) return absl::OkStatus();
  if (!plan.relax_soft_bans) {
    return absl::FailedPreconditionError(
        absl::StrCat(banner.Blame(),
                     " all that the hard bans leave, and on_empty is ERROR"));
  }
  banner.Lift();
  workspace->RefreshTouched(kernels);
  *lifted = true;
  return absl::OkStatus();
}

}  // namespace logitd
