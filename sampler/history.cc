#include "sampler/history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"

namespace logitd {

History::History(absl::Span<const uint32_t> prompt)
    : tokens_(prompt.begin(), prompt.end()),
      prompt_length_(static_cast<uint32_t>(prompt.size())) {}

History History::WithoutPrompt(uint32_t prompt_length) {
  History history;
  history.prompt_length_ = prompt_length;
  history.first_kept_ = prompt_length;
  history.prompt_known_ = prompt_length == 0;
  return history;
}

uint32_t History::WindowStart(uint32_t window, uint32_t position) const {
  const bool all = window == 0 || window >= position;
  return std::max(all ? 0 : position - window, KnownFrom());
}

uint32_t History::WindowStart(const Track& track, uint32_t position) const {
  const uint32_t start = WindowStart(track.window, position);
  return track.part == Part::kOutput ? std::max(start, prompt_length_) : start;
}

absl::Status History::CheckKept(uint32_t lookback, uint32_t position) const {
  const uint32_t start = lookback >= position ? 0 : position - lookback;
  if (first_kept_ <= std::max(start, KnownFrom())) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("history: needs the tokens from position ",
                   std::max(start, KnownFrom()), ", kept are those from ",
                   first_kept_, "; open the session again with its history"));
}

namespace {

// What the index of repeats must find for all of the plans; 0: nothing.
uint32_t LeastRepeat(absl::Span<const Plan> plans) {
  uint32_t least = 0;
  for (const Plan& plan : plans) {
    const uint32_t of_plan = plan.least_repeat();
    if (of_plan != 0 && (least == 0 || of_plan < least)) least = of_plan;
  }
  return least;
}

}  // namespace

absl::Status History::Follow(const Plan& plan) {
  return Follow({&plan, 1}, 0, 0);
}

absl::Status History::Follow(absl::Span<const Plan> plans, size_t in_force,
                             uint32_t lookback) {
  for (const Plan& plan : plans) {
    if (plan.needs_prompt() && !prompt_known_) {
      return absl::FailedPreconditionError(
          absl::StrCat("prompt: ", plan.knob_of_prompt(),
                       " looks at the prompt; send its tokens, not only "
                       "prompt_length"));
    }
    lookback = std::max(lookback, plan.lookback());
  }
  LOGITD_RETURN_IF_ERROR(CheckKept(lookback, position()));
  lookback_ = lookback;
  Count(plans[in_force], false);
  Shrink();
  const uint32_t gram = std::min(LeastRepeat(plans), RepeatIndex::kGramMax);
  if (gram != repeats_.gram()) repeats_.Start(gram, tokens_, first_kept_);
  return absl::OkStatus();
}

void History::Count(const Plan& plan, bool keep_unused) {
  CountTracks(plan, keep_unused);
  SetMarks(plan, keep_unused);
}

void History::CountTracks(const Plan& plan, bool keep_unused) {
  const auto set = [&](TrackIndex index, bool used, Part part,
                       std::optional<uint32_t> optional_window) {
    Track& track = tracks_[index];
    if (!used && keep_unused) return;
    const uint32_t window = optional_window.value_or(0);
    if (track.active == used && track.window == window && track.part == part) {
      return;
    }
    // A table never shrinks, and each step walks all of it.
    const bool narrower =
        track.window == 0 || (window != 0 && window < track.window);
    if (narrower) track.counts = CountTable();
    track.active = used;
    track.part = part;
    track.window = window;
    Recount(&track);  // it may be long: 5 ms for 2^20 tokens
  };
  const Params& params = plan.params;
  const auto part = [](bool both) {
    return both ? Part::kBoth : Part::kOutput;
  };
  const Part repetition = part(plan.rules->repetition_counts_prompt);
  const Part frequency = part(plan.rules->frequency_counts_prompt);
  set(kRepetition, plan.values.repetition.has_value(), repetition,
      params.repetition_window);
  set(kFrequency, plan.values.frequency.has_value(), frequency,
      params.frequency_window);
  const bool shared = plan.values.frequency.has_value() &&
                      params.frequency_window == params.presence_window;
  set(kPresence, plan.values.presence.has_value() && !shared, frequency,
      params.presence_window);
  set(kPrompt, plan.values.prompt_repetition.has_value(), Part::kPrompt, {});
  set(kAll, plan.no_repeat_ngram == 1, Part::kBoth, {});
  presence_track_ = shared ? kFrequency : kPresence;
}

void History::Recount(Track* track) {
  track->counts.Clear();
  if (!track->active) return;
  const uint32_t end =
      track->part == Part::kPrompt ? prompt_length_ : position();
  for (uint32_t p = WindowStart(*track, position()); p < end; ++p) {
    track->counts.Add(token_at(p));
  }
}

void History::Append(uint32_t token) {
  const uint32_t here = position();
  tokens_.push_back(token);
  for (Track& track : tracks_) {
    if (!track.active || track.part == Part::kPrompt) continue;
    track.counts.Add(token);
    for (uint32_t p = WindowStart(track, here);
         p < WindowStart(track, here + 1); ++p) {
      track.counts.Remove(token_at(p));
    }
  }
  for (Marks& marks : marks_) marks.Append(tokens_, position());
  repeats_.Append(tokens_, first_kept_);
  Trim();
}

absl::Status History::Rewind(uint32_t to) {
  if (to < prompt_length_ || to > position()) {
    return absl::InvalidArgumentError(
        absl::StrCat("position: ", to, " is outside [", prompt_length_, ", ",
                     position(), "]"));
  }
  LOGITD_RETURN_IF_ERROR(CheckKept(lookback_, to));
  while (position() > to) {
    const uint32_t last_position = position() - 1;
    for (Track& track : tracks_) {
      if (!track.active || track.part == Part::kPrompt) continue;
      track.counts.Remove(tokens_.back());
      for (uint32_t p = WindowStart(track, last_position);
           p < WindowStart(track, last_position + 1); ++p) {
        track.counts.Add(token_at(p));
      }
    }
    repeats_.RemoveLast(tokens_, first_kept_);
    tokens_.pop_back();
  }
  for (Marks& marks : marks_) marks.Rewind(to);
  return absl::OkStatus();
}

uint64_t History::Keep() const {
  return uint64_t{std::max(lookback_, kRewindMin)} + kRewindMin;
}

void History::Trim() {
  if (tokens_.size() < 2 * Keep()) return;
  const size_t drop = tokens_.size() - static_cast<size_t>(Keep());
  tokens_.erase(tokens_.begin(),
                tokens_.begin() + static_cast<std::ptrdiff_t>(drop));
  Dropped(drop);
}

void History::Dropped(size_t count) {
  first_kept_ += static_cast<uint32_t>(count);
  repeats_.DropFront(count);
  for (Marks& marks : marks_) marks.Trim(floor());
}

// Gives back what a long prompt took and nothing looks at.
void History::Shrink() {
  if (tokens_.size() <= Keep()) return;
  const size_t keep = static_cast<size_t>(Keep());
  std::vector<uint32_t> kept;
  kept.reserve(2 * keep);
  kept.assign(tokens_.end() - static_cast<std::ptrdiff_t>(keep), tokens_.end());
  const size_t drop = tokens_.size() - keep;
  tokens_ = std::move(kept);
  Dropped(drop);
}

bool History::EndsWith(absl::Span<const uint32_t> sequence) const {
  return sequence.size() <= tokens_.size() &&
         std::equal(sequence.rbegin(), sequence.rend(), tokens_.rbegin());
}

bool History::OutputEndsWith(absl::Span<const uint32_t> sequence) const {
  if (sequence.size() > generated()) return false;
  return std::equal(sequence.rbegin(), sequence.rend(), tokens_.rbegin());
}

}  // namespace logitd
