#include "service/profiles/profile_file.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/profiles/profile_file_message.h"
#include "service/profiles/profile_file_tree.h"

namespace logitd {
namespace {

constexpr size_t kIdBytesMax = 63;
constexpr size_t kShownMax = 80;
constexpr char kIdCharacters[] = "-0123456789abcdefghijklmnopqrstuvwxyz";

bool IsProfileId(absl::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax) return false;
  return id.find_first_not_of(kIdCharacters) == absl::string_view::npos &&
         id.front() >= 'a' && id.back() != '-';
}

// `Part` is Profile or Phase.
template <class Part>
void DropEmptyParams(Part* part) {
  if (part->default_params().ByteSizeLong() == 0) part->clear_default_params();
  if (part->force_params().ByteSizeLong() == 0) part->clear_force_params();
}

int LineOfKey(const FileNode& root, absl::string_view key) {
  for (const auto& [name, line] : root.keys) {
    if (name == key) return line;
  }
  return 1;
}

// What is wrong with the text's own name, if it has one.
void CheckName(const FileNode& root, const v1::Profile& profile,
               const std::string& name, Violations* faults) {
  if (profile.name().empty() || profile.name() == name) return;
  faults->push_back(FileFault(
      "name",
      absl::StrCat("\"", absl::CHexEscape(profile.name().substr(0, kShownMax)),
                   "\" is not \"", name, "\", as the file is called"),
      LineOfKey(root, "name")));
}

}  // namespace

absl::Status CheckProfileId(absl::string_view field, absl::string_view id) {
  if (IsProfileId(id)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", absl::CHexEscape(id.substr(0, kShownMax)),
                   "\" is not of the form [a-z]([a-z0-9-]{0,61}[a-z0-9])?"));
}

std::string IdOfProfileFile(absl::string_view file) {
  if (absl::StartsWith(file, ".")) return "";
  for (const absl::string_view suffix : {".yaml", ".yml", ".json"}) {
    if (absl::ConsumeSuffix(&file, suffix)) return std::string(file);
  }
  return "";
}

bool IsOutputOnly(int profile_field_number) {
  return profile_field_number >= v1::Profile::kEtagFieldNumber;
}

v1::Profile ContentOf(v1::Profile profile) {
  const auto& type = *v1::Profile::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsOutputOnly(type.field(i)->number())) continue;
    profile.GetReflection()->ClearField(&profile, type.field(i));
  }
  return profile;
}

v1::Profile WithoutEmptyParams(v1::Profile profile) {
  DropEmptyParams(&profile);
  for (v1::Phase& phase : *profile.mutable_phases()) DropEmptyParams(&phase);
  return profile;
}

absl::Status CheckProfileBytes(size_t bytes, size_t bytes_max) {
  if (bytes <= bytes_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("profile: ", bytes, " bytes are more than ",
                   "--max_profile_bytes ", bytes_max));
}

Violations ReadProfileText(absl::string_view text, absl::string_view id,
                           Fields fields, v1::Profile* profile) {
  if (!id.empty()) {
    const absl::Status status = CheckProfileId("name", id);
    if (!status.ok()) return {ViolationOf("", status)};
  }
  Violation fault;
  const std::optional<FileNode> root = ParseTree(text, &fault);
  if (!root) return {fault};
  v1::Profile read;
  Violations faults;
  ReadTree(*root, fields, &read, &faults);
  *profile = ContentOf(read);
  profile->set_etag(read.etag());
  if (id.empty()) return faults;
  const std::string name = absl::StrCat("profiles/", id);
  CheckName(*root, *profile, name, &faults);
  profile->set_name(name);
  return faults;
}

absl::StatusOr<v1::Profile> ParseProfile(absl::string_view text,
                                         absl::string_view id, Fields fields) {
  v1::Profile profile;
  const Violations faults = ReadProfileText(text, id, fields, &profile);
  if (!faults.empty()) return ToStatus(faults.front());
  return profile;
}

std::string WriteYaml(const v1::Profile& profile, Fields fields) {
  return TreeToYaml(WriteTree(profile, fields, IdStyle::kList));
}

std::string WriteJson(const v1::Profile& profile, Fields fields) {
  return TreeToJson(WriteTree(profile, fields, IdStyle::kBase64));
}

}  // namespace logitd
