#include "service/client/logitctl/profile_text.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/json.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

constexpr char kCollection[] = "profiles/";

std::string TimeOf(const google::protobuf::Timestamp& time) {
  return google::protobuf::util::TimeUtil::ToString(time);
}

// "WATCH_EVENT_DELETED" -> "DELETED".
std::string EventName(const v1::WatchProfilesResponse& event) {
  const std::string name = v1::WatchEvent_Name(event.event());
  return std::string(absl::StripPrefix(name, "WATCH_EVENT_"));
}

// Each on a line of its own, the path first.
std::string FaultLines(absl::string_view path, const Violations& faults) {
  return absl::StrJoin(
      faults, "\n", [&](std::string* line, const Violation& fault) {
        absl::StrAppend(line, path, ": ", ToStatus(fault).message());
      });
}

}  // namespace

std::string ProfileName(absl::string_view id) {
  absl::ConsumePrefix(&id, kCollection);
  return absl::StrCat(kCollection, id);
}

std::string ProfileId(absl::string_view name) {
  absl::ConsumePrefix(&name, kCollection);
  return std::string(name.substr(0, name.find('@')));
}

std::string RevisionName(const v1::Profile& profile) {
  return absl::StrCat(profile.name(), "@", profile.revision());
}

absl::Status CheckPlainId(absl::string_view id) {
  if (absl::StrContains(id, '@')) {
    return UsageError(absl::StrCat("\"", id,
                                   "\" names a revision: the server numbers "
                                   "them, give the id alone"));
  }
  return absl::OkStatus();
}

std::string AdminTargetOf(absl::string_view target) {
  if (!absl::StartsWith(target, "unix:")) {
    return std::string(target);
  }
  absl::ConsumeSuffix(&target, ".sock");
  return absl::StrCat(target, "-admin.sock");
}

std::string StemOf(absl::string_view path) {
  return path == "-" ? ""
                     : std::filesystem::path(std::string(path)).stem().string();
}

absl::StatusOr<std::vector<std::string>> FilesOf(
    const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (!IdOfProfileFile(entry.path().filename().string()).empty()) {
        found.push_back(entry.path().string());
      }
    }
    if (error || found.empty()) {
      return UsageError(absl::StrCat("no profiles in ", path));
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  return ReadFile(path, kProfileFileBytesMax + 1);
}

absl::StatusOr<v1::Profile> ReadProfile(const std::string& path,
                                        absl::string_view id) {
  const std::string name = ProfileName(ProfileId(id));
  if (!id.empty()) {
    const absl::Status status = CheckProfileId("ID", ProfileId(id));
    if (!status.ok()) {
      return UsageError(status.message());
    }
  }
  const auto text = ReadText(path);
  if (!text.ok()) {
    return text.status();
  }
  v1::Profile profile;
  // A name that is given is compared below.
  Violations faults = ReadProfileText(*text, id.empty() ? StemOf(path) : "",
                                      Fields::kAll, &profile);
  if (!id.empty() && !profile.name().empty() && profile.name() != name) {
    if (path != "-") {
      faults.push_back(
          {"name", absl::StrCat(JsonString(profile.name()), " is not \"", name,
                                "\": remove `name` or give it the same id")});
    }
    profile.clear_etag();  // Another profile's.
  }
  if (!faults.empty()) {
    return UsageError(FaultLines(path == "-" ? "stdin" : path, faults));
  }
  if (!id.empty()) {
    profile.set_name(name);
  }
  return profile;
}

std::string AnnotatedYaml(const v1::Profile& profile) {
  return absl::StrCat("# ", RevisionName(profile), ", etag ", profile.etag(),
                      ", of ", profile.source(), ", made ",
                      TimeOf(profile.update_time()), "\n", WriteYaml(profile));
}

std::string ProfileTable(const std::vector<v1::Profile>& profiles) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "REVISION", "SOURCE", "UPDATED", "LABELS", "DESCRIPTION"}};
  for (const v1::Profile& profile : profiles) {
    const std::map<std::string, std::string> labels(profile.labels().begin(),
                                                    profile.labels().end());
    const std::string& description = profile.description();
    rows.push_back({ProfileId(profile.name()), profile.revision(),
                    profile.source(), TimeOf(profile.update_time()),
                    absl::StrJoin(labels, ",", absl::PairFormatter("=")),
                    description.substr(0, description.find('\n'))});
    for (std::string& cell : rows.back()) {
      cell = EscapeControls(cell);
    }
  }
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      absl::StrAppendFormat(&line, "%-*s  ", static_cast<int>(widths[i]),
                            row[i]);
    }
    absl::StrAppend(&table, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return table;
}

std::string ProfilesText(const std::vector<v1::Profile>& profiles,
                         absl::string_view format) {
  if (format == "table") {
    return ProfileTable(profiles);
  }
  std::string text;
  std::vector<std::string> objects;
  for (const v1::Profile& profile : profiles) {
    if (format == "json") {
      objects.push_back(WriteJson(profile, Fields::kAll));
    } else {
      absl::StrAppend(&text, "---\n", AnnotatedYaml(profile));
    }
  }
  return format == "json" ? JsonArray(objects) + "\n" : text;
}

std::string EventText(const v1::WatchProfilesResponse& event) {
  return absl::StrCat(EventName(event),
                      event.has_profile()
                          ? absl::StrCat(" ", RevisionName(event.profile()))
                          : "",
                      "\n");
}

std::string EventJson(const v1::WatchProfilesResponse& event) {
  const auto text = [](const std::string& value) {
    return value.empty() ? "null" : JsonString(value);
  };
  return JsonObject({{"event", JsonString(EventName(event))},
                     {"profile", text(event.profile().name())},
                     {"revision", text(event.profile().revision())},
                     {"resume_token", text(event.resume_token())}}) +
         "\n";
}

std::string FindingText(const v1::LintFinding& finding) {
  std::string severity = v1::LintSeverity_Name(finding.severity());
  severity =
      absl::AsciiStrToLower(absl::StripPrefix(severity, "LINT_SEVERITY_"));
  return absl::StrCat(severity, " ", finding.rule(), " ", finding.field(), ": ",
                      finding.message(), "\n  fix: ", finding.fix(), "\n");
}

}  // namespace logitd::logitctl
