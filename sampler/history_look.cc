// What a history watches for and finds in itself: repeats, breakers, thinking
// sections, resets.
#include <algorithm>
#include <memory>
#include <optional>

#include "sampler/history.h"

namespace logitd {

void History::SetMarks(const Plan& plan, bool keep_unused) {
  const auto set = [&](MarkIndex index,
                       const std::shared_ptr<const SequenceSet>& sequences) {
    if (sequences == nullptr && keep_unused) return;
    if (marks_[index].Watches(sequences)) return;
    marks_[index].Watch(sequences);
    if (sequences != nullptr) Remark(index);
  };
  set(kBreaker, plan.dry ? plan.dry->breakers : nullptr);
  set(kThinkStart, plan.thinking ? plan.thinking->start : nullptr);
  set(kThinkEnd, plan.thinking ? plan.thinking->end : nullptr);
  set(kTopPReset, plan.top_p_resets);
}

void History::Remark(MarkIndex index) {
  const absl::Span<const uint32_t> tokens = tokens_;
  for (size_t n = 1; n <= tokens.size(); ++n) {
    marks_[index].Append(tokens.first(n),
                         first_kept_ + static_cast<uint32_t>(n));
  }
}

void History::FindDry(const DryPlan& dry, Repeats* repeats) const {
  const uint32_t from = WindowStart(dry.window.value_or(0), position());
  uint32_t breaker = 0;
  if (!dry.breakers_by_start.empty()) {
    breaker = LastBegun(dry.breakers_by_start, from);
  } else if (dry.breakers) {
    breaker = marks_[kBreaker].last();
  }
  const uint32_t most = position() - std::max(from, breaker);
  repeats_.Find(tokens_, first_kept_, {from, dry.allowed_length, most},
                repeats);
}

uint32_t History::LastBegun(const std::vector<TokenIds>& breakers,
                            uint32_t from) const {
  uint32_t begin = 0, end = 0;
  // Those that end earlier begin earlier than that.
  const absl::Span<const uint32_t> marks = marks_[kBreaker].positions();
  for (size_t i = marks.size(); i-- > 0;) {
    const uint32_t mark = marks[i];
    if (mark <= std::max(first_kept_, from)) break;
    if (end > 0 && mark <= begin + 1) break;
    const absl::Span<const uint32_t> before =
        absl::MakeConstSpan(tokens_).first(mark - first_kept_);
    for (const TokenIds& breaker : breakers) {
      const auto size = static_cast<uint32_t>(breaker.size());
      if (size > before.size() || mark - size < from) continue;
      if (end > 0 && mark - size <= begin) continue;
      if (!std::equal(breaker.rbegin(), breaker.rend(), before.rbegin()))
        continue;
      begin = mark - size;
      end = mark;
    }
  }
  return end;
}

void History::FindNgrams(uint32_t ngram, Repeats* repeats) const {
  repeats_.Find(tokens_, first_kept_, {KnownFrom(), ngram - 1, ngram - 1},
                repeats);
}

std::optional<uint32_t> History::thought() const {
  const uint32_t start = marks_[kThinkStart].last();
  if (start <= marks_[kThinkEnd].last()) return std::nullopt;
  return position() - start;
}

uint32_t History::since_top_p_reset() const {
  return position() - std::max(prompt_length_, marks_[kTopPReset].last());
}

}  // namespace logitd
