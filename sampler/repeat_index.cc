#include "sampler/repeat_index.h"

#include <algorithm>

namespace logitd {
namespace {

constexpr size_t kHeadsMin = 64;

// How many of the last tokens before `a` and before `b` are equal, at most
// `most`. Places relative to the span.
size_t EqualBefore(absl::Span<const uint32_t> tokens, size_t a, size_t b,
                   size_t most) {
  size_t n = 0;
  while (n < most && tokens[a - 1 - n] == tokens[b - 1 - n]) ++n;
  return n;
}

}  // namespace

void Repeats::Clear(uint32_t vocab_size) {
  for (const uint32_t id : ids) length[id] = 0;
  ids.clear();
  if (length.size() < vocab_size) length.resize(vocab_size, 0);
}

void Repeats::Raise(uint32_t id, uint32_t to) {
  if (length[id] == 0) ids.push_back(id);
  length[id] = to;
}

size_t RepeatIndex::Slot(absl::Span<const uint32_t> tokens) const {
  uint64_t mixed = 0;
  for (size_t i = tokens.size() - gram_; i < tokens.size(); ++i) {
    mixed = (mixed ^ tokens[i]) * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 32;
  }
  return static_cast<size_t>(mixed) & (heads_.size() - 1);
}

void RepeatIndex::Link(absl::Span<const uint32_t> tokens, uint32_t place) {
  uint32_t previous = 0;
  if (tokens.size() >= gram_) {
    uint32_t& head = heads_[Slot(tokens)];
    previous = head;
    head = place;
  }
  previous_.push_back(previous);
}

void RepeatIndex::Start(uint32_t gram, absl::Span<const uint32_t> tokens,
                        uint32_t first) {
  gram_ = gram;
  previous_.clear();
  if (gram == 0) {
    previous_ = {};
    heads_ = {};
    return;
  }
  size_t size = std::max(heads_.size(), kHeadsMin);
  while (size < tokens.size()) size *= 2;
  heads_.assign(size, 0);
  for (uint32_t n = 1; n <= tokens.size(); ++n) {
    Link(tokens.first(n), first + n);
  }
}

void RepeatIndex::Append(absl::Span<const uint32_t> tokens, uint32_t first) {
  if (gram_ == 0) return;
  if (tokens.size() > heads_.size()) return Start(gram_, tokens, first);
  Link(tokens, first + static_cast<uint32_t>(tokens.size()));
}

void RepeatIndex::RemoveLast(absl::Span<const uint32_t> tokens,
                             uint32_t first) {
  if (gram_ == 0) return;
  if (tokens.size() >= gram_) {
    uint32_t& head = heads_[Slot(tokens)];
    if (head == first + tokens.size()) head = previous_.back();
  }
  previous_.pop_back();
}

void RepeatIndex::DropFront(size_t count) {
  if (gram_ == 0) return;
  previous_.erase(previous_.begin(),
                  previous_.begin() + static_cast<std::ptrdiff_t>(count));
}

void RepeatIndex::Find(absl::Span<const uint32_t> tokens, uint32_t first,
                       const RepeatQuery& query, Repeats* repeats) const {
  const uint32_t end = first + static_cast<uint32_t>(tokens.size());
  if (query.most < query.least || end - query.from <= query.least) return;
  // Beyond this much work the tokens are too repetitive for comparing.
  int64_t budget = 4 * (int64_t{end} - query.from) + 64;
  const size_t last = tokens.size();
  for (uint32_t place = previous_.back(); place >= query.from + query.least;
       place = previous_[place - first - 1]) {
    const size_t here = place - first;
    const uint32_t next = tokens[here];
    const uint32_t known = repeats->length[next];
    const uint32_t room = std::min(place - query.from, query.most);
    if (--budget < 0) break;
    if (room <= known) continue;
    if (tokens[here - 1 - known] != tokens[last - 1 - known]) continue;
    const size_t n = EqualBefore(tokens, here, last, room);
    budget -= static_cast<int64_t>(n);
    if (n >= query.least && n > known) {
      repeats->Raise(next, static_cast<uint32_t>(n));
    }
  }
  if (budget < 0) FindRepeatsInLinearTime(tokens, first, query, repeats);
}

void FindRepeatsInLinearTime(absl::Span<const uint32_t> tokens, uint32_t first,
                             const RepeatQuery& query, Repeats* repeats) {
  const size_t count = tokens.size() - (query.from - first);
  const auto at = [&](size_t i) { return tokens[tokens.size() - 1 - i]; };
  std::vector<uint32_t>& z = repeats->scratch;
  z.resize(count);
  // z[i]: how many tokens before the last i are equal to the last ones.
  size_t left = 0, right = 0;
  for (size_t i = 1; i < count; ++i) {
    size_t n = i < right ? std::min<size_t>(z[i - left], right - i) : 0;
    while (i + n < count && at(n) == at(i + n)) ++n;
    z[i] = static_cast<uint32_t>(n);
    if (i + n > right) {
      left = i;
      right = i + n;
    }
    const uint32_t told = std::min(z[i], query.most);
    const uint32_t next = at(i - 1);
    if (told >= query.least && told > repeats->length[next]) {
      repeats->Raise(next, told);
    }
  }
}

}  // namespace logitd
