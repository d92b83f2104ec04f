#include "service/profiles/binding_blame.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sampler/params.h"
#include "service/convert_params.h"
#include "service/profiles/binding.h"
#include "service/profiles/catalog_name.h"
#include "service/profiles/knob.h"
#include "service/profiles/resolve_one.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

// What is in force in the base or in a phase, and an error about it.
struct Complaint {
  Layers layers;
  std::string knob;       // or another field, of a phase
  absl::string_view why;  // "banned_ids: id 7 at index 0 is outside [0, 5)"
};

// False: it is about neither.
bool ReadComplaint(const Binding& binding, absl::string_view message,
                   Complaint* complaint) {
  const v1::Profile* profile = binding.profile.get();
  complaint->why = message;
  if (absl::ConsumePrefix(&complaint->why, "params.")) {
    complaint->layers = LayersOf(profile, &binding.request);
  } else {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(message, absl::MaxSplits("].", 1));
    absl::string_view number = parts.first;
    size_t index = 0;
    const auto& phases = binding.resolution.phases;
    if (!absl::ConsumePrefix(&number, "phases[") ||
        !absl::SimpleAtoi(number, &index) || index >= phases.size()) {
      return false;
    }
    const bool is_own = !binding.request_phases.empty();
    const int at = static_cast<int>(index);
    const v1::Phase& phase =
        is_own ? binding.request_phases[index] : profile->phases(at);
    complaint->layers = LayersOf(profile, phase, at, is_own, &binding.request);
    complaint->why = parts.second;
  }
  complaint->knob = std::string(
      complaint->why.substr(0, complaint->why.find_first_of(".[:")));
  return true;
}

// What is wrong with the knob in this level by itself.
absl::Status FaultOf(const Level& level, const std::string& knob,
                     uint32_t vocab_size) {
  Params params;
  absl::Status status = ReadParams(*level.params, HardLimits(), &params);
  status.Update(Validate(params, vocab_size));
  return absl::StartsWith(status.message(), knob) ? status : absl::OkStatus();
}

}  // namespace

absl::Status OfProfile(const v1::Profile& profile, const absl::Status& status) {
  return InField(absl::StrCat("profile: ", NameWithRevision(profile), ", "),
                 status);
}

absl::Status IfOfProfile(const v1::Profile* profile,
                         const absl::Status& status) {
  if (profile == nullptr) return status;
  std::vector<absl::string_view> parts = {"default_params.", "force_params.",
                                          "clamps["};
  if (profile->phases_size() > 0) parts.push_back("phases[");
  return std::any_of(parts.begin(), parts.end(),
                     [&](absl::string_view part) {
                       return absl::StartsWith(status.message(), part);
                     })
             ? OfProfile(*profile, status)
             : status;
}

// The highest level whose own value is wrong: lists unite, so that it need not
// be the highest that has the knob. Without such a level that one.
absl::Status Binding::Blame(const absl::Status& status) const {
  Complaint complaint;
  if (status.ok() || !ReadComplaint(*this, status.message(), &complaint)) {
    return status;
  }
  const Knob* knob = FindKnob(complaint.knob);
  if (knob == nullptr) return IfOfProfile(profile.get(), status);  // a trigger
  std::vector<Level> levels = complaint.layers.below;
  levels.insert(levels.end(), complaint.layers.forces.begin(),
                complaint.layers.forces.end());
  absl::Status fault;
  std::string path;
  for (const Level& level : levels) {
    if (!IsSet(*level.params, *knob)) continue;
    const absl::Status own = FaultOf(level, complaint.knob, vocab_size);
    if (own.ok() && !fault.ok()) continue;
    fault = own;
    path = level.path;
  }
  if (path.empty()) return status;
  const absl::string_view why = fault.ok() ? complaint.why : fault.message();
  return IfOfProfile(profile.get(),
                     absl::Status(status.code(), absl::StrCat(path, why)));
}

}  // namespace logitd
