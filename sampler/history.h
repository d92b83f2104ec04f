// History: the tokens of a session, and what penalties and forcing look for in
// them.
//
// One representation: the token list. Count tables, marks and the index of
// repeats are derived from it and follow it at each append and rewind, so a
// copy of a History is a fork of it, and one that is made of the same tokens
// elsewhere is equal to it. Keeps as many tokens as the plans look back, and
// kRewindMin more to rewind over. Thread-compatible. Append is O(1) amortised
// whatever the length; it allocates only when a list or table doubles.
#ifndef LOGITD_SAMPLER_HISTORY_H_
#define LOGITD_SAMPLER_HISTORY_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "sampler/count_table.h"
#include "sampler/marks.h"
#include "sampler/plan.h"
#include "sampler/repeat_index.h"

namespace logitd {

// A session can always go back this far.
inline constexpr uint32_t kRewindMin = 256;

class History {
 public:
  // A prompt by its tokens.
  explicit History(absl::Span<const uint32_t> prompt = {});
  // A prompt known only by its length.
  static History WithoutPrompt(uint32_t prompt_length);

  // Counts what the plan's penalties look at. Call before the first use and
  // when the plan changes. FAILED_PRECONDITION, nothing changed, when the plan
  // looks at the prompt or further back than what was kept.
  absl::Status Follow(const Plan& plan);
  // The same for plans[in_force], and keeps what any of the plans looks at, at
  // least `lookback` tokens, so that Switch can never miss one.
  absl::Status Follow(absl::Span<const Plan> plans, size_t in_force,
                      uint32_t lookback);
  // Counts for another of the plans that Follow was given. O(1) when its
  // windows were the last ones counted, else O(its window).
  void Switch(const Plan& plan) { Count(plan, true); }

  void Append(uint32_t token);

  // Takes back all tokens from `position` on. INVALID_ARGUMENT outside
  // [prompt_length, position()]; FAILED_PRECONDITION when too little was kept.
  // Nothing changed on error.
  absl::Status Rewind(uint32_t position);

  // The position of the next token: prompt length + generated.
  uint32_t position() const {
    return first_kept_ + static_cast<uint32_t>(tokens_.size());
  }
  uint32_t prompt_length() const { return prompt_length_; }
  bool prompt_known() const { return prompt_known_; }
  // Tokens held in memory, 4 bytes each; at most twice what must stay.
  size_t kept() const { return tokens_.size(); }
  // The last tokens: at least as many as are looked at, or all that are known.
  absl::Span<const uint32_t> tail() const { return tokens_; }
  // No Rewind goes below.
  uint32_t floor() const { return std::max(first_kept_, prompt_length_); }
  uint32_t generated() const { return position() - prompt_length_; }

  // True if prompt and output end with the sequence.
  bool EndsWith(absl::Span<const uint32_t> sequence) const;
  // True if the output (never the prompt) ends with the sequence.
  bool OutputEndsWith(absl::Span<const uint32_t> sequence) const;
  // The last token. generated() > 0.
  uint32_t last() const { return tokens_.back(); }

  // What each penalty counts. Means nothing when the plan does not use it.
  const CountTable& repetition() const { return tracks_[kRepetition].counts; }
  const CountTable& frequency() const { return tracks_[kFrequency].counts; }
  // Shared with frequency when both look at the same window.
  const CountTable& presence() const { return tracks_[presence_track_].counts; }
  // The tokens of the prompt, and those of prompt and output.
  const CountTable& prompt_tokens() const { return tracks_[kPrompt].counts; }
  const CountTable& all_tokens() const { return tracks_[kAll].counts; }

  // The tokens that once followed the last n of the history, with the greatest
  // such n: for DRY in its window, behind the last breaker and at least
  // allowed_length; for no_repeat_ngram always n - 1. For plans that use them.
  // O(earlier places of the last tokens); on histories of endless repetition
  // O(tokens looked at).
  void FindDry(const DryPlan& dry, Repeats* repeats) const;
  void FindNgrams(uint32_t ngram, Repeats* repeats) const;

  // How many tokens stand behind the last start of a thinking section; nothing
  // when there is none, or an end is behind it.
  std::optional<uint32_t> thought() const;
  // How many tokens were generated behind the last one of top_p_resets, or at
  // all. O(1).
  uint32_t since_top_p_reset() const;

 private:
  enum TrackIndex {
    kRepetition,
    kFrequency,
    kPresence,
    kPrompt,
    kAll,
    kTrackCount
  };
  enum class Part { kBoth, kPrompt, kOutput };
  struct Track {
    bool active = false;
    Part part = Part::kBoth;
    uint32_t window = 0;  // 0: all
    CountTable counts;
  };

  enum MarkIndex { kBreaker, kThinkStart, kThinkEnd, kTopPReset, kMarkCount };

  // First position of the last `window` tokens, 0: of all, when `position`
  // comes next.
  uint32_t WindowStart(uint32_t window, uint32_t position) const;
  // The same of what the track sees.
  uint32_t WindowStart(const Track& track, uint32_t position) const;
  uint32_t KnownFrom() const { return prompt_known_ ? 0 : prompt_length_; }
  uint32_t token_at(uint32_t position) const {
    assert(position >= first_kept_);
    return tokens_[position - first_kept_];
  }
  // How many tokens must stay: what is looked at, and kRewindMin more.
  uint64_t Keep() const;
  absl::Status CheckKept(uint32_t lookback, uint32_t position) const;
  // What the plan does not use is dropped, or counted on for the next plan.
  void Count(const Plan& plan, bool keep_unused);
  void Recount(Track* track);
  // Where the breaker ends that begins last, not before `from`; of several the
  // longest. 0: there is none.
  uint32_t LastBegun(const std::vector<TokenIds>& breakers,
                     uint32_t from) const;
  void CountTracks(const Plan& plan, bool keep_unused);
  void SetMarks(const Plan& plan, bool keep_unused);
  void Remark(MarkIndex index);
  void Trim();
  void Shrink();
  // `count` tokens went from the front.
  void Dropped(size_t count);

  std::vector<uint32_t> tokens_;  // positions first_kept_ ..
  uint32_t first_kept_ = 0;
  uint32_t prompt_length_ = 0;
  bool prompt_known_ = true;
  uint32_t lookback_ = 0;
  Track tracks_[kTrackCount];
  TrackIndex presence_track_ = kPresence;
  Marks marks_[kMarkCount];
  RepeatIndex repeats_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_HISTORY_H_
