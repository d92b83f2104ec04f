// SequenceSet: token sequences, and whether a history ends with one of them.
//
// Immutable, thread-safe. Made once with a plan and shared by what follows it.
#ifndef LOGITD_SAMPLER_SEQUENCE_SET_H_
#define LOGITD_SAMPLER_SEQUENCE_SET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "sampler/params.h"

namespace logitd {

class SequenceSet {
 public:
  // None of them is empty.
  explicit SequenceSet(std::vector<TokenIds> sequences);

  // O(tokens matched), not times the number of sequences, however alike they
  // are; O(log sequences) when the last token ends none.
  bool EndsOneOf(absl::Span<const uint32_t> tokens) const;
  // Tokens of the longest; 0: there are none.
  uint32_t longest() const { return longest_; }

  bool operator==(const SequenceSet&) const = default;

 private:
  // Last token first, sorted: those that end alike are neighbours, and a match
  // is a walk back through the history that narrows a range.
  std::vector<TokenIds> backwards_;
  uint32_t longest_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_SEQUENCE_SET_H_
