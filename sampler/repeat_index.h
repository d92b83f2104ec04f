// RepeatIndex: where the last tokens of a history stood before, and what
// followed them there.
//
// Places with equal last tokens are chained through one 4-byte link per token
// and a table of chain heads: 8 to 16 bytes per token. Append and RemoveLast
// are O(1) amortised; Find is O(earlier places of the last tokens) on text and
// O(tokens looked at) at worst, however repetitive they are. The tokens are the
// caller's: a span of those kept, `first` the position of the first of them.
// Copyable; thread-compatible. Why so: DECISIONS.md.
#ifndef LOGITD_SAMPLER_REPEAT_INDEX_H_
#define LOGITD_SAMPLER_REPEAT_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "sampler/params.h"

namespace logitd {

// What Find looks for.
struct RepeatQuery {
  uint32_t from;   // earliest position looked at
  uint32_t least;  // shortest match told; at least the index's gram
  uint32_t most;   // no longer match is told
};

// What Find found. Reused from row to row: its vectors keep their memory.
struct Repeats {
  TokenIds ids;                  // each once
  std::vector<uint32_t> length;  // by id; 0 but for `ids`
  std::vector<uint32_t> scratch;

  void Clear(uint32_t vocab_size);
  void Raise(uint32_t id, uint32_t to);
};

class RepeatIndex {
 public:
  // Chains by the last `gram` tokens, at most kGramMax; 0: keeps nothing.
  static constexpr uint32_t kGramMax = 4;
  uint32_t gram() const { return gram_; }
  void Start(uint32_t gram, absl::Span<const uint32_t> tokens, uint32_t first);
  // The last of `tokens` is new.
  void Append(absl::Span<const uint32_t> tokens, uint32_t first);
  // The last of `tokens` is about to go. At least gram() of those that stay
  // must still be kept.
  void RemoveLast(absl::Span<const uint32_t> tokens, uint32_t first);
  // The first `count` tokens went.
  void DropFront(size_t count);

  // For each id x: the greatest n of [least, most] such that the last n tokens
  // stood before, x after them, all at or behind `from`.
  void Find(absl::Span<const uint32_t> tokens, uint32_t first,
            const RepeatQuery& query, Repeats* repeats) const;

 private:
  void Link(absl::Span<const uint32_t> tokens, uint32_t place);
  size_t Slot(absl::Span<const uint32_t> tokens) const;

  uint32_t gram_ = 0;
  // A place is the number of tokens before it; 0: none.
  std::vector<uint32_t> previous_;  // of the place behind each token kept
  std::vector<uint32_t> heads_;     // a power of two of them
};

// What Find finds, by the Z-function of all tokens from `from` on, backwards.
void FindRepeatsInLinearTime(absl::Span<const uint32_t> tokens, uint32_t first,
                             const RepeatQuery& query, Repeats* repeats);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_REPEAT_INDEX_H_
