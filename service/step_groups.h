// StepGroups: the row groups of a step, checked. Which entry follows which, by
// what draft, and what the drafter gave.
//
// Looks at the message alone, whose arrays and rows have been checked; reads
// drafts in its bytes, which must outlive it. Errors are of the step as a whole
// and read "<field>: <why>". Reused from step to step. Thread-safe to read.
#ifndef LOGITD_SERVICE_STEP_GROUPS_H_
#define LOGITD_SERVICE_STEP_GROUPS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "logitd/v1/step.pb.h"
#include "sampler/draft.h"

namespace logitd {

inline constexpr uint32_t kNoParent = 0xFFFFFFFFu;

class StepGroups {
 public:
  void Clear();
  // O(entries log entries).
  absl::Status Read(const v1::Step& wire);

  // The entry that `entry` follows; kNoParent: none, it always runs.
  uint32_t ParentOf(uint32_t entry) const {
    return members_.empty() ? kNoParent : members_[entry].parent;
  }
  // The draft that leads to it from there.
  uint32_t LeadsTo(uint32_t entry) const { return members_[entry].token; }
  // The draft to be verified with its row, in groups of mode REJECTION.
  std::optional<Draft> VerifiedBy(uint32_t entry) const;

  struct Group {
    uint32_t first = 0;
    uint32_t size = 0;
    v1::VerifyMode mode = v1::VERIFY_MODE_MATCH;
  };
  absl::Span<const Group> groups() const { return groups_; }
  // True if a draft follows that entry.
  bool HasChildren(uint32_t entry, const Group& group) const;

 private:
  struct Member {
    uint32_t parent = kNoParent;
    uint32_t token = 0;  // that leads to it
    std::optional<Draft> draft;
  };

  absl::Status ReadSizes(const v1::Step& wire);
  absl::Status ReadGroup(const v1::Step& wire, const Group& group);
  absl::Status ReadMember(const v1::Step& wire, const Group& group,
                          uint32_t index);
  // Of groups of mode REJECTION, one-hot until read otherwise.
  std::vector<Draft*> BeginDrafts();
  absl::Status ReadProbabilities(const v1::Step& wire);
  static absl::Status ReadLists(const v1::Step& wire, absl::string_view values,
                                absl::Span<Draft* const> drafts);

  std::vector<Group> groups_;
  std::vector<Member> members_;  // by entry
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_STEP_GROUPS_H_
