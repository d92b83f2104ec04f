// Profiles as logitctl reads and writes them: names, files, tables, findings.
// Knows no server. Threads: free functions. Cost: O(text).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_TEXT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd::logitctl {

// "code" and "profiles/code" are the same: the latter.
std::string ProfileName(absl::string_view id);
// "profiles/code@3" -> "code".
std::string ProfileId(absl::string_view name);
// "profiles/code@3" of a profile that a server sent.
std::string RevisionName(const v1::Profile& profile);

// What is written is a profile, never one of its revisions: naming one is a
// usage error.
absl::Status CheckPlainId(absl::string_view id);

// Where logitd listens for writes when it was not told: unix:/x/logitd.sock ->
// unix:/x/logitd-admin.sock. Other targets stay as they are.
std::string AdminTargetOf(absl::string_view target);

// "dir/code.yaml" -> "code"; "-" -> "".
std::string StemOf(absl::string_view path);
// Folders become their *.yaml, *.yml and *.json, by name; the rest stays. Usage
// error: a folder has none.
absl::StatusOr<std::vector<std::string>> FilesOf(
    const std::vector<std::string>& paths);
// The bytes of a file, "-" is stdin, at most a little more than a profile file
// may have. Usage error: it cannot be read.
absl::StatusOr<std::string> ReadText(const std::string& path);
// A profile from a file, also as `get -o json` prints it: then with its etag.
// An empty id takes the file's stem. A name in the text must be that id's; but
// what comes from stdin is content, and an id given is its name. Usage error:
// all that is wrong with it, a line each, the path first.
absl::StatusOr<v1::Profile> ReadProfile(const std::string& path,
                                        absl::string_view id);

// A comment that says which revision it is, then the content: can be read back.
std::string AnnotatedYaml(const v1::Profile& profile);

// Columns with a head, a line for each profile; control characters escaped.
std::string ProfileTable(const std::vector<v1::Profile>& profiles);

// Several profiles as `format`: "table", "yaml" (documents) or "json" (one
// array, with what only servers set).
std::string ProfilesText(const std::vector<v1::Profile>& profiles,
                         absl::string_view format);

// One line: "REVISION profiles/code@3".
std::string EventText(const v1::WatchProfilesResponse& event);
// One line, a JSON object: event, profile, revision, resume_token. What an
// event has not is null.
std::string EventJson(const v1::WatchProfilesResponse& event);

// "severity rule field: message\n  fix: ...\n".
std::string FindingText(const v1::LintFinding& finding);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_TEXT_H_
