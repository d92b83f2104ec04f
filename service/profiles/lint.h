// Lint: what is wrong with a profile, and what the field's advice says about
// it.
//
// Errors are all violations of validate.h, in the same words: such a profile is
// refused. The name may be empty, as whoever creates the profile gives it.
// Warnings and infos are stored with it and told. Each finding has the id of
// its rule, the field, one sentence and a fix. Rules look at what a caller who
// sets nothing gets, in the base and in each phase, and at no value that is an
// error. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_LINT_H_
#define LOGITD_SERVICE_PROFILES_LINT_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"
#include "service/limits.h"
#include "service/profiles/profile_file.h"

namespace logitd {

// Errors first, then warnings, then infos.
std::vector<v1::LintFinding> Lint(const v1::Profile& profile,
                                  const Limits& limits);

// Of a file, or of standard input: profile_file.h has `id` and `fields`. A text
// that is no profile has the errors that only a text can have, all of them, in
// its order; *is_profile is then false, and its values were not judged.
std::vector<v1::LintFinding> LintText(absl::string_view text,
                                      absl::string_view id, Fields fields,
                                      const Limits& limits, bool* is_profile);

// The id of an error that nobody has foreseen.
inline constexpr char kInvalidRule[] = "invalid";

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_LINT_H_
