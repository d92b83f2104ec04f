#include "service/client/logitctl/profile_assign.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/knobs.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

constexpr char kDefault[] = "default_params.";
constexpr char kForce[] = "force_params.";
constexpr char kLabels[] = "labels.";
constexpr char kDescription[] = "description";
constexpr char kLists[] =
    "; clamps, phases and models are changed with `profiles edit` or --file";

}  // namespace

absl::Status SetProfileField(absl::string_view assignment,
                             v1::Profile* profile) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  absl::string_view field = parts.first;
  const std::string value(parts.second);
  if (absl::ConsumePrefix(&field, kDefault)) {
    return SetKnobFrom(absl::StripPrefix(assignment, kDefault),
                       profile->mutable_default_params());
  }
  if (absl::ConsumePrefix(&field, kForce)) {
    return SetKnobFrom(absl::StripPrefix(assignment, kForce),
                       profile->mutable_force_params());
  }
  if (absl::StrContains(assignment, '=')) {
    if (absl::ConsumePrefix(&field, kLabels)) {
      (*profile->mutable_labels())[std::string(field)] = value;
      return absl::OkStatus();
    }
    if (field == kDescription) {
      profile->set_description(value);
      return absl::OkStatus();
    }
  }
  return UsageError(absl::StrCat(
      "--set \"", assignment,
      "\" is not default_params.KNOB=VALUE, force_params.KNOB=VALUE, "
      "labels.KEY=VALUE or description=TEXT",
      kLists));
}

absl::Status UnsetProfileField(absl::string_view field, v1::Profile* profile) {
  absl::string_view rest = field;
  absl::Status status;
  if (absl::ConsumePrefix(&rest, kDefault)) {
    status = ClearKnob(rest, profile->mutable_default_params());
  } else if (absl::ConsumePrefix(&rest, kForce)) {
    status = ClearKnob(rest, profile->mutable_force_params());
  } else if (absl::ConsumePrefix(&rest, kLabels)) {
    profile->mutable_labels()->erase(std::string(rest));
  } else if (field == kDescription) {
    profile->clear_description();
  } else {
    status = UsageError(absl::StrCat(
        "--unset \"", field,
        "\" is not default_params.KNOB, force_params.KNOB, labels.KEY or "
        "description",
        kLists));
  }
  // Parameters that are there and empty would be a change.
  *profile = WithoutEmptyParams(std::move(*profile));
  return status;
}

}  // namespace logitd::logitctl
