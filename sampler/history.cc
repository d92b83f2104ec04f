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

uint32_t History::WindowStart(const Track& track, uint32_t position) const {
  const uint32_t start = track.window == 0 || track.window >= position
                             ? 0
                             : position - track.window;
  return std::max(start, track.output_only ? prompt_length_ : KnownFrom());
}

absl::Status History::CheckKept(uint32_t lookback, uint32_t position) const {
  const uint32_t start = lookback >= position ? 0 : position - lookback;
  if (first_kept_ <= std::max(start, KnownFrom())) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("history: needs the tokens from position ",
                   std::max(start, KnownFrom()), ", kept are those from ",
                   first_kept_, "; open the session again with its history"));
}

absl::Status History::Follow(const Plan& plan) {
  return Follow({&plan, 1}, 0, 0);
}

absl::Status History::Follow(absl::Span<const Plan> plans, size_t in_force,
                             uint32_t lookback) {
  for (const Plan& plan : plans) {
    if (plan.needs_prompt() && !prompt_known_) {
      return absl::FailedPreconditionError(
          "prompt: repetition_penalty looks at the prompt; send its tokens, "
          "not only prompt_length");
    }
    lookback = std::max(lookback, plan.lookback());
  }
  LOGITD_RETURN_IF_ERROR(CheckKept(lookback, position()));
  lookback_ = lookback;
  Count(plans[in_force], false);
  Shrink();
  return absl::OkStatus();
}

void History::Count(const Plan& plan, bool keep_unused) {
  const auto set = [&](TrackIndex index, bool used, bool output_only,
                       std::optional<uint32_t> optional_window) {
    Track& track = tracks_[index];
    if (!used && keep_unused) return;
    const uint32_t window = optional_window.value_or(0);
    if (track.active == used && track.window == window) return;
    // A table never shrinks, and each step walks all of it.
    const bool narrower =
        track.window == 0 || (window != 0 && window < track.window);
    if (narrower) track.counts = CountTable();
    track.active = used;
    track.output_only = output_only;
    track.window = window;
    Recount(&track);  // it may be long: 5 ms for 2^20 tokens
  };
  const Params& params = plan.params;
  set(kRepetition, plan.repetition.has_value(), false,
      params.repetition_window);
  set(kFrequency, plan.frequency.has_value(), true, params.frequency_window);
  const bool shared = plan.frequency.has_value() &&
                      params.frequency_window == params.presence_window;
  set(kPresence, plan.presence.has_value() && !shared, true,
      params.presence_window);
  presence_track_ = shared ? kFrequency : kPresence;
}

void History::Recount(Track* track) {
  track->counts.Clear();
  if (!track->active) return;
  for (uint32_t p = WindowStart(*track, position()); p < position(); ++p) {
    track->counts.Add(token_at(p));
  }
}

void History::Append(uint32_t token) {
  const uint32_t here = position();
  tokens_.push_back(token);
  for (Track& track : tracks_) {
    if (!track.active) continue;
    track.counts.Add(token);
    for (uint32_t p = WindowStart(track, here);
         p < WindowStart(track, here + 1); ++p) {
      track.counts.Remove(token_at(p));
    }
  }
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
      if (!track.active) continue;
      track.counts.Remove(tokens_.back());
      for (uint32_t p = WindowStart(track, last_position);
           p < WindowStart(track, last_position + 1); ++p) {
        track.counts.Add(token_at(p));
      }
    }
    tokens_.pop_back();
  }
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
  first_kept_ += static_cast<uint32_t>(drop);
}

// Gives back what a long prompt took and nothing looks at.
void History::Shrink() {
  if (tokens_.size() <= Keep()) return;
  const size_t keep = static_cast<size_t>(Keep());
  std::vector<uint32_t> kept;
  kept.reserve(2 * keep);
  kept.assign(tokens_.end() - static_cast<std::ptrdiff_t>(keep), tokens_.end());
  first_kept_ += static_cast<uint32_t>(tokens_.size() - keep);
  tokens_ = std::move(kept);
}

bool History::OutputEndsWith(absl::Span<const uint32_t> sequence) const {
  if (sequence.size() > generated()) return false;
  return std::equal(sequence.rbegin(), sequence.rend(), tokens_.rbegin());
}

}  // namespace logitd
