// Profile files: YAML or JSON text to and from the message Profile.
//
// A file is the proto3 JSON mapping of Profile with snake_case keys, one
// profile per file, the file's stem is its id. Two liberties: token ids
// (`bytes`) are also taken as a list of numbers, and YAML files are written so.
// Strict: an unknown or doubled key, a wrong type, null, a number with a zero
// in front, an anchor, alias or tag, a second document and an output-only field
// are refused.
//
// Every fault is INVALID_ARGUMENT, "<field path>: <why> (line N)". Ranges are
// validate.h's, also that of NaN and infinity; what the message cannot hold,
// such as a count of -1, is refused here in the same words. Pure; thread-safe;
// needs no server. Cost is linear in the text, which is refused unread above
// kProfileFileBytesMax; it is nested at most kProfileFileDepthMax deep.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

inline constexpr size_t kProfileFileBytesMax = size_t{64} << 10;
inline constexpr int kProfileFileDepthMax = 16;

// Which fields are written or read: what a file may hold, or also etag,
// revision, times, source and warnings.
enum class Fields { kContent, kAll };

// The id must be `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`; INVALID_ARGUMENT on
// `field`.
absl::Status CheckProfileId(absl::string_view field, absl::string_view id);

// "chat" of "chat.yaml", "chat.yml" and "chat.json"; empty: by its name it is
// no profile file, as hidden ones are not.
std::string IdOfProfileFile(absl::string_view file);

// True of etag, revision, create_time, update_time, source and warnings.
bool IsOutputOnly(int profile_field_number);
// `profile` without them.
v1::Profile ContentOf(v1::Profile profile);
// `profile` without parameters that have no knob: they say nothing, so that
// with them or without them it is the same profile.
v1::Profile WithoutEmptyParams(v1::Profile profile);

// RESOURCE_EXHAUSTED: content of so many bytes is more than
// --max_profile_bytes.
absl::Status CheckProfileBytes(size_t bytes, size_t bytes_max);

// `id` is the file's stem: a `name` in the text must be profiles/<id>, without
// one it is filled. Empty id (standard input): the text's name stays as it is.
// Fields::kAll takes what WriteJson(profile, Fields::kAll) made: of what only
// servers set the etag is kept; the rest is read, and dropped.
// Returns all that is wrong with keys and values, in the order of the file,
// then its name, up to kViolationsMax; of what is no YAML, or too much of it,
// that. Empty: *profile is what the text says.
Violations ReadProfileText(absl::string_view text, absl::string_view id,
                           Fields fields, v1::Profile* profile);

// The same; the status is the first of the faults.
absl::StatusOr<v1::Profile> ParseProfile(absl::string_view text,
                                         absl::string_view id,
                                         Fields fields = Fields::kContent);

// ParseProfile gives back the same message, bit for bit (Fields::kContent).
// Ends with a newline.
std::string WriteYaml(const v1::Profile& profile,
                      Fields fields = Fields::kContent);
// One line, without a newline; token ids in base64, as other readers of the
// proto3 JSON mapping expect.
std::string WriteJson(const v1::Profile& profile,
                      Fields fields = Fields::kContent);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_H_
