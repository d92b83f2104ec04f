// PhaseTable: the token sequences that switch a session's parameters.
//
// Made once at open or update and shared by forks; immutable, thread-safe.
// Where a session stands: phase_tracker.h. Specification: sampler/README.md,
// "Phases". Knows no protobuf, no gRPC.
#ifndef LOGITD_SERVICE_SESSION_PHASES_H_
#define LOGITD_SERVICE_SESSION_PHASES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sampler/params.h"
#include "service/limits.h"

namespace logitd {

// A phase as asked for.
struct PhaseParams {
  std::string name;
  std::vector<TokenIds> enter;
  std::vector<TokenIds> leave;  // empty: never left
  std::string within;           // empty: entered from anywhere
  Params params;
};

// A phase, 1 to kPhasesMax, in a set of phases.
inline uint32_t PhaseBit(uint32_t phase) {
  return 1u << ((phase - 1) % kPhasesMax);
}

// Phases are numbered from 1 in the order of their list; 0 is the base.
class PhaseTable {
 public:
  // INVALID_ARGUMENT: more than kPhasesMax, a name that is missing, twice or
  // unknown, a circle, a sequence that is empty, too long or has an id beyond
  // the vocabulary. RESOURCE_EXHAUSTED: more than `sequences_max` sequences of
  // one list. Errors read "phases[i].<field>: <why>".
  static absl::StatusOr<std::shared_ptr<const PhaseTable>> Create(
      absl::Span<const PhaseParams> phases, uint32_t vocab_size,
      uint32_t sequences_max);

  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }
  const std::string& name(uint32_t phase) const { return names_[phase - 1]; }
  // The number of a name; 0: none has it.
  uint32_t Find(absl::string_view name) const;
  // True when each history switches the phases of both alike, by their numbers;
  // names and parameters may differ.
  bool SwitchesAs(const PhaseTable& other) const {
    return within_ == other.within_ && triggers_ == other.triggers_;
  }
  // The number of the phase directly inside which this one is entered; 0: any.
  uint32_t within(uint32_t phase) const { return within_[phase - 1]; }
  // The set of phases that may be entered from `phase`.
  uint32_t enterable(uint32_t phase) const { return enterable_[phase]; }
  // How many tokens before a new one may be part of a sequence.
  uint32_t lookback() const { return lookback_; }

  // Calls visit(enters, leaves), the sets of phases that a sequence enters and
  // leaves, for each distinct sequence that the tail ends with, shortest first.
  // O(1) when the last token ends no sequence, else O(tokens matched), not
  // times the number of sequences, however alike they are.
  template <class Visit>
  void ForEachEnd(absl::Span<const uint32_t> tail, const Visit& visit) const;

 private:
  struct Trigger {
    TokenIds backwards;  // last token first
    uint32_t enters = 0;
    uint32_t leaves = 0;
    bool operator==(const Trigger&) const = default;
  };
  struct Range {
    size_t begin;
    size_t end;
  };
  absl::Status AddWithin(const std::string& name);
  bool IsInCircle(uint32_t phase) const;
  void SetTriggers(absl::Span<const PhaseParams> phases);
  // The part of `range` whose token at `depth` is `token`.
  Range Narrow(Range range, size_t depth, uint32_t token) const;

  std::vector<std::string> names_;
  std::vector<uint32_t> within_;
  std::array<uint32_t, kPhasesMax + 1> enterable_{};
  uint32_t lookback_ = 0;
  // Sorted by `backwards`, so that those which end alike are neighbours and a
  // match is a walk back through the history that narrows a range. An
  // Aho-Corasick automaton would save that walk, for a state that is computed
  // again at every rewind and a node for each token of each sequence.
  std::vector<Trigger> triggers_;
  absl::flat_hash_map<uint32_t, Range> by_last_;
};

template <class Visit>
void PhaseTable::ForEachEnd(absl::Span<const uint32_t> tail,
                            const Visit& visit) const {
  const auto found = by_last_.find(tail.back());
  if (found == by_last_.end()) return;
  Range range = found->second;  // those that end with the last `depth` tokens
  for (size_t depth = 1; range.begin != range.end; ++depth) {
    const Trigger& first = triggers_[range.begin];
    if (first.backwards.size() == depth) {
      visit(first.enters, first.leaves);
      ++range.begin;
    }
    if (depth == tail.size()) return;
    range = Narrow(range, depth, tail[tail.size() - 1 - depth]);
  }
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_PHASES_H_
