#include "service/step_groups.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/convert.h"

namespace logitd {
namespace {

absl::Status Wrong(const char* field, uint32_t entry, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": entry ", entry, " ", why));
}

absl::StatusOr<v1::VerifyMode> ReadVerifyMode(int wire) {
  switch (wire) {
    case v1::VERIFY_MODE_UNSPECIFIED:
    case v1::VERIFY_MODE_MATCH:
      return v1::VERIFY_MODE_MATCH;
    case v1::VERIFY_MODE_REJECTION:
      return v1::VERIFY_MODE_REJECTION;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("verify_mode: ", wire, " is not a value of VerifyMode"));
  }
}

// What has no meaning without groups must not be sent and ignored.
absl::Status CheckNoGroups(const v1::Step& wire) {
  const auto refuse = [](const char* field) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": set without group_size"));
  };
  if (wire.verify_mode_size() > 0) return refuse("verify_mode");
  if (wire.draft_token_size() > 0) return refuse("draft_token");
  if (wire.parents_size() > 0) return refuse("parents");
  if (!IsEmpty(wire.draft_probabilities()))
    return refuse("draft_probabilities");
  if (!IsEmpty(wire.draft_ids())) return refuse("draft_ids");
  if (wire.draft_offset_size() > 0) return refuse("draft_offset");
  return absl::OkStatus();
}

absl::Status CheckOffsets(const v1::Step& wire, uint64_t drafts,
                          uint64_t count) {
  const auto& offsets = wire.draft_offset();
  if (static_cast<uint64_t>(offsets.size()) != drafts + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("draft_offset: ", offsets.size(), " elements for ", drafts,
                     " drafts of mode REJECTION, which take ", drafts + 1));
  }
  const bool rises = std::is_sorted(offsets.begin(), offsets.end());
  if (rises && offsets[0] == 0 && offsets[offsets.size() - 1] == count) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "draft_offset: must rise from 0 to the ", count, " ids of draft_ids"));
}

absl::Status CheckBytes(uint64_t size, uint64_t expected, uint64_t drafts) {
  if (size == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("draft_probabilities: ", size, " bytes for ", drafts,
                   " drafts, which take ", expected));
}

}  // namespace

void StepGroups::Clear() {
  groups_.clear();
  members_.clear();
}

absl::Status StepGroups::Read(const v1::Step& wire) {
  Clear();
  if (wire.group_size_size() == 0) return CheckNoGroups(wire);
  LOGITD_RETURN_IF_ERROR(ReadSizes(wire));
  members_.resize(static_cast<size_t>(wire.session_id_size()));
  for (const Group& group : groups_) {
    LOGITD_RETURN_IF_ERROR(ReadGroup(wire, group));
  }
  return ReadProbabilities(wire);
}

absl::Status StepGroups::ReadSizes(const v1::Step& wire) {
  const auto entries = static_cast<uint32_t>(wire.session_id_size());
  if (wire.verify_mode_size() != 0 &&
      wire.verify_mode_size() != wire.group_size_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("verify_mode: ", wire.verify_mode_size(), " elements for ",
                     wire.group_size_size(), " groups"));
  }
  uint32_t first = 0;
  for (int i = 0; i < wire.group_size_size(); ++i) {
    Group group = {first, wire.group_size(i), v1::VERIFY_MODE_MATCH};
    if (group.size == 0 || group.size > entries - first) {
      return absl::InvalidArgumentError(absl::StrCat(
          "group_size: ", group.size, " at index ", i, " is outside [1, ",
          entries - first, "], what is left of ", entries, " entries"));
    }
    if (wire.verify_mode_size() > 0) {
      LOGITD_ASSIGN_OR_RETURN(group.mode, ReadVerifyMode(wire.verify_mode(i)));
    }
    first += group.size;
    groups_.push_back(group);
  }
  if (first == entries) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "group_size: the groups have ", first, " of ", entries, " entries"));
}

absl::Status StepGroups::ReadGroup(const v1::Step& wire, const Group& group) {
  for (uint32_t i = 1; i < group.size; ++i) {
    LOGITD_RETURN_IF_ERROR(ReadMember(wire, group, group.first + i));
  }
  if (group.size == 1) return absl::OkStatus();
  for (uint32_t i = group.first; i < group.first + group.size; ++i) {
    const int mode = wire.mode_size() > 0 ? wire.mode(static_cast<int>(i)) : 0;
    if (mode != v1::ENTRY_MODE_UNSPECIFIED && mode != v1::ENTRY_MODE_SAMPLE) {
      return Wrong(
          "mode", i,
          absl::StrCat("has ", mode, "; in a group it must be SAMPLE"));
    }
  }
  if (wire.parents_size() == 0) return absl::OkStatus();  // a chain
  // Which of two equal drafts would be the one that was drawn?
  std::vector<std::pair<uint32_t, uint32_t>> seen;
  for (uint32_t i = group.first + 1; i < group.first + group.size; ++i) {
    seen.emplace_back(members_[i].parent, members_[i].token);
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  if (twice == seen.end()) return absl::OkStatus();
  return Wrong("draft_token", twice->first,
               absl::StrCat("leads to two others by ", twice->second));
}

absl::Status StepGroups::ReadMember(const v1::Step& wire, const Group& group,
                                    uint32_t index) {
  const int i = static_cast<int>(index);
  Member& member = members_[index];
  member.token = wire.draft_token(i);
  member.parent = index - 1;
  if (wire.parents_size() > 0) {
    const uint32_t parent = wire.parents(i);
    if (parent >= index - group.first) {
      return Wrong(
          "parents", index,
          absl::StrCat("has ", parent, ", outside [0, ", index - group.first,
                       "): a parent stands before it in its group"));
    }
    member.parent = group.first + parent;
    if (group.mode == v1::VERIFY_MODE_REJECTION && member.parent != index - 1) {
      return Wrong("parents", index,
                   absl::StrCat("has ", parent,
                                "; groups of mode REJECTION are chains"));
    }
  }
  const int parent = static_cast<int>(member.parent);
  if (wire.session_id(i) != wire.session_id(parent)) {
    return Wrong("session_id", index,
                 absl::StrCat("has ", wire.session_id(i), "; its group is of ",
                              wire.session_id(parent)));
  }
  const uint64_t behind = uint64_t{wire.position(parent)} + 1;
  if (wire.position(i) != behind) {
    return Wrong("position", index,
                 absl::StrCat("has ", wire.position(i),
                              "; behind its parent is ", behind));
  }
  return absl::OkStatus();
}

std::vector<Draft*> StepGroups::BeginDrafts() {
  std::vector<Draft*> drafts;
  for (const Group& group : groups_) {
    if (group.mode != v1::VERIFY_MODE_REJECTION) continue;
    for (uint32_t i = group.first; i + 1 < group.first + group.size; ++i) {
      members_[i].draft = Draft{members_[i + 1].token};
      drafts.push_back(&*members_[i].draft);
    }
  }
  return drafts;
}

absl::Status StepGroups::ReadProbabilities(const v1::Step& wire) {
  const std::vector<Draft*> drafts = BeginDrafts();
  const bool has_lists =
      !IsEmpty(wire.draft_ids()) || wire.draft_offset_size() > 1;
  if (IsEmpty(wire.draft_probabilities())) {
    if (!has_lists) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "draft_probabilities: required with draft_ids and draft_offset");
  }
  if (drafts.empty()) {
    return absl::InvalidArgumentError(
        "draft_probabilities: set, but no group has drafts of mode REJECTION");
  }
  LOGITD_ASSIGN_OR_RETURN(
      const absl::string_view values,
      ReadPlace("draft_probabilities", wire.draft_probabilities()));
  if (!IsEmpty(wire.draft_ids())) return ReadLists(wire, values, drafts);
  if (wire.draft_offset_size() > 0) {
    return absl::InvalidArgumentError("draft_offset: set without draft_ids");
  }
  const uint64_t row_bytes = uint64_t{4} * wire.row_width();
  LOGITD_RETURN_IF_ERROR(
      CheckBytes(values.size(), row_bytes * drafts.size(), drafts.size()));
  for (size_t i = 0; i < drafts.size(); ++i) {
    drafts[i]->probabilities = values.data() + row_bytes * i;
    drafts[i]->count = wire.row_width();
  }
  return absl::OkStatus();
}

absl::Status StepGroups::ReadLists(const v1::Step& wire,
                                   absl::string_view values,
                                   absl::Span<Draft* const> drafts) {
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view ids,
                          ReadPlace("draft_ids", wire.draft_ids()));
  if (ids.size() % 4 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "draft_ids: ", ids.size(), " bytes are no whole number of ids"));
  }
  LOGITD_RETURN_IF_ERROR(CheckOffsets(wire, drafts.size(), ids.size() / 4));
  LOGITD_RETURN_IF_ERROR(CheckBytes(values.size(), ids.size(), drafts.size()));
  for (size_t i = 0; i < drafts.size(); ++i) {
    const uint64_t first = wire.draft_offset(static_cast<int>(i));
    const uint64_t end = wire.draft_offset(static_cast<int>(i) + 1);
    drafts[i]->probabilities = values.data() + 4 * first;
    drafts[i]->ids = ids.data() + 4 * first;
    drafts[i]->count = static_cast<uint32_t>(end - first);
  }
  return absl::OkStatus();
}

bool StepGroups::HasChildren(uint32_t entry, const Group& group) const {
  for (uint32_t i = group.first + 1; i < group.first + group.size; ++i) {
    if (members_[i].parent == entry) return true;
  }
  return false;
}

std::optional<Draft> StepGroups::VerifiedBy(uint32_t entry) const {
  return members_.empty() ? std::nullopt : members_[entry].draft;
}

}  // namespace logitd
