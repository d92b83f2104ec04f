#include "service/profiles/catalog_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

constexpr size_t kRevisionBytesMax = 64;

bool IsRevision(absl::string_view text) {
  return !text.empty() && text.size() <= kRevisionBytesMax &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-';
         });
}

}  // namespace

absl::StatusOr<ProfileName> ParseProfileName(absl::string_view text) {
  ProfileName parsed;
  const size_t at = text.find('@');
  absl::string_view id = text.substr(0, at);
  absl::ConsumePrefix(&id, "profiles/");
  LOGITD_RETURN_IF_ERROR(CheckProfileId("name", id));
  parsed.name = absl::StrCat("profiles/", id);
  if (at == absl::string_view::npos) return parsed;
  const absl::string_view revision = text.substr(at + 1);
  if (!IsRevision(revision)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: \"", absl::CHexEscape(revision.substr(0, kRevisionBytesMax)),
        "\" is no revision"));
  }
  parsed.revision = std::string(revision);
  return parsed;
}

absl::StatusOr<std::string> ParsePlainName(absl::string_view text) {
  LOGITD_ASSIGN_OR_RETURN(ProfileName parsed, ParseProfileName(text));
  if (!parsed.revision.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: \"", text, "\" may not name a revision here"));
  }
  return parsed.name;
}

std::string NameWithRevision(const v1::Profile& profile) {
  return absl::StrCat(profile.name(), "@", profile.revision());
}

absl::Status NoSuchProfile(absl::string_view name) {
  return absl::NotFoundError(absl::StrCat("name: there is no ", name));
}

}  // namespace logitd
