// What tests of the algebra ask, and how they write down what it came to.
#ifndef LOGITD_TESTS_PROFILES_RESOLVE_SUPPORT_H_
#define LOGITD_TESTS_PROFILES_RESOLVE_SUPPORT_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/profiles/knob.h"
#include "service/profiles/resolve.h"
#include "tests/profiles/resolve_texts.h"

namespace logitd::testing {

inline constexpr uint32_t kVocab = 32000;

inline absl::StatusOr<Resolution> ResolveTexts(const std::string& profile,
                                               const std::string& request,
                                               uint32_t vocab_size = kVocab) {
  const v1::Profile message = ProfileText(profile);
  return Resolve(&message, ParamsText(request), {}, vocab_size);
}

// "temperature: 0.5 top_p: 0.9".
inline std::string Short(const v1::SamplingParams& params) {
  std::string text = params.ShortDebugString();
  return text;
}

// "temperature PROFILE_DEFAULT, top_p CLAMP profile clamps[0]".
inline std::string FromText(const ResolvedParams& resolved) {
  std::vector<std::string> parts;
  for (const v1::Provenance& from : resolved.provenance) {
    parts.push_back(absl::StrCat(
        from.knob(), " ",
        v1::ParamLevel_Name(from.level()).substr(sizeof("PARAM_LEVEL")),
        from.rule().empty() ? "" : " ", from.rule(),
        from.has_off_value()
            ? absl::StrCat(" off ", Digits(from.off_value(), true))
            : ""));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_PROFILES_RESOLVE_SUPPORT_H_
