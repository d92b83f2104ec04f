#include "service/profiles/validate.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/knobs.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/resolve_one.h"
#include "service/profiles/validate_params.h"
#include "service/profiles/validate_phases.h"
#include "service/profiles/validate_together.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

// A profile's sessions may have any vocabulary.
constexpr uint32_t kVocabMax = kCountMax;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

bool IsLabelKey(const std::string& key) {
  return !key.empty() && key.size() <= kLabelBytesMax && IsLower(key[0]) &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return IsLower(c) || (c >= '0' && c <= '9') || c == '_' ||
                  c == '.' || c == '-';
         });
}

void ValidateName(const std::string& name, Violations* violations) {
  absl::string_view id = name;
  if (!absl::ConsumePrefix(&id, "profiles/")) {
    violations->push_back(
        {"name", absl::StrCat(Quote(name), " is not profiles/{id}")});
    return;
  }
  const absl::Status status = CheckProfileId("name", id);
  if (!status.ok()) violations->push_back(ViolationOf("", status));
}

// The first control character of UTF-8, but newline and tab.
std::optional<uint32_t> ControlIn(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_space = byte == '\n' || byte == '\t';
    if ((byte < 0x20 && !is_space) || byte == 0x7f) return byte;
    if (byte != 0xc2 || i + 1 == text.size()) continue;
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (next < 0xa0) return next;  // U+0080 to U+009F
  }
  return std::nullopt;
}

// What people read must not steer their terminals.
void ValidateText(const std::string& field, absl::string_view text,
                  Violations* violations) {
  const auto control = ControlIn(text);
  if (!control) return;
  const std::string digits =
      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(*control, absl::kZeroPad4)));
  violations->push_back({field, absl::StrCat("the character U+", digits,
                                             " does not belong into text")});
}

void ValidateLabels(const v1::Profile& profile, Violations* violations) {
  const int count = static_cast<int>(profile.labels().size());
  if (count > kLabelsMax) {
    violations->push_back(
        {"labels", absl::StrCat(count, " labels are more than ", kLabelsMax)});
  }
  const std::map<std::string, std::string> labels(profile.labels().begin(),
                                                  profile.labels().end());
  for (const auto& [key, value] : labels) {
    if (!IsLabelKey(key)) {
      violations->push_back(
          {"labels", absl::StrCat("the key ", Quote(key),
                                  " is not [a-z][a-z0-9_.-]{0,62}")});
    } else if (value.size() > kLabelBytesMax) {
      violations->push_back({absl::StrCat("labels.", key),
                             absl::StrCat(value.size(), " bytes are more than ",
                                          kLabelBytesMax)});
    } else {
      ValidateText(absl::StrCat("labels.", key), value, violations);
    }
  }
}

void ValidateModels(const v1::Profile& profile, Violations* violations) {
  if (profile.models_size() > kModelsMax) {
    violations->push_back(
        {"models", absl::StrCat(profile.models_size(), " models are more than ",
                                kModelsMax)});
  }
  for (int i = 0; i < profile.models_size(); ++i) {
    const size_t bytes = profile.models(i).size();
    const std::string field = absl::StrCat("models[", i, "]");
    if (bytes >= 1 && bytes <= kModelBytesMax) {
      ValidateText(field, profile.models(i), violations);
      continue;
    }
    violations->push_back({field, absl::StrCat(bytes, " bytes are outside [1, ",
                                               kModelBytesMax, "]")});
  }
}

void ValidateHead(const v1::Profile& profile, const Limits& limits,
                  Violations* violations) {
  ValidateName(profile.name(), violations);
  const absl::Status size =
      CheckProfileBytes(profile.ByteSizeLong(), limits.max_profile_bytes);
  if (!size.ok()) {
    violations->push_back(
        {"profile", std::string(absl::StripPrefix(size.message(), "profile: ")),
         size.code()});
  }
  if (profile.description().size() > kDescriptionBytesMax) {
    violations->push_back(
        {"description",
         absl::StrCat(profile.description().size(), " bytes are more than ",
                      kDescriptionBytesMax)});
  } else {
    ValidateText("description", profile.description(), violations);
  }
  ValidateLabels(profile, violations);
  ValidateModels(profile, violations);
}

}  // namespace

Violations Validate(const v1::Profile& given, const Limits& limits) {
  const v1::Profile profile = ContentOf(given);
  Violations violations;
  ValidateHead(profile, limits, &violations);
  if (profile.ByteSizeLong() > limits.max_profile_bytes) return violations;
  ValidateKnown("", profile, &violations);
  ValidateParams("default_params.", profile.default_params(), limits, kVocabMax,
                 &violations);
  ValidateParams("force_params.", profile.force_params(), limits, kVocabMax,
                 &violations);
  ValidateClamps("", profile.clamps(), &violations);
  std::vector<const v1::Phase*> phases;
  for (const v1::Phase& phase : profile.phases()) phases.push_back(&phase);
  ValidatePhases(phases, limits, kVocabMax, &violations);
  ValidateTogether(LayersOf(&profile, nullptr), kVocabMax, &violations);
  if (phases.size() > kPhasesMax) return violations;
  for (int i = 0; i < profile.phases_size(); ++i) {
    ValidateTogether(LayersOf(&profile, profile.phases(i), i, false, nullptr),
                     kVocabMax, &violations);
  }
  return violations;
}

}  // namespace logitd
