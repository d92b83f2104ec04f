#include "sampler/sequence_set.h"

#include <algorithm>
#include <utility>

namespace logitd {

SequenceSet::SequenceSet(std::vector<TokenIds> sequences)
    : backwards_(std::move(sequences)) {
  for (TokenIds& sequence : backwards_) {
    std::reverse(sequence.begin(), sequence.end());
    longest_ = std::max(longest_, static_cast<uint32_t>(sequence.size()));
  }
  std::sort(backwards_.begin(), backwards_.end());
  backwards_.erase(std::unique(backwards_.begin(), backwards_.end()),
                   backwards_.end());
}

bool SequenceSet::EndsOneOf(absl::Span<const uint32_t> tokens) const {
  auto begin = backwards_.begin();
  auto end = backwards_.end();
  for (size_t depth = 0; depth < tokens.size(); ++depth) {
    const uint32_t token = tokens[tokens.size() - 1 - depth];
    begin = std::partition_point(
        begin, end, [&](const TokenIds& s) { return s[depth] < token; });
    end = std::partition_point(
        begin, end, [&](const TokenIds& s) { return s[depth] == token; });
    if (begin == end) return false;
    // The shortest of those that begin alike is first.
    if (begin->size() == depth + 1) return true;
  }
  return false;
}

}  // namespace logitd
