#include "service/profiles/profile_file.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
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

int LineOfKey(const FileNode& root, absl::string_view key) {
  for (const auto& [name, line] : root.keys) {
    if (name == key) return line;
  }
  return 1;
}

// Removes what only servers set; its etag, or an empty one.
std::string TakeOutputOnly(FileNode* root) {
  std::string etag;
  FileNode content = *root;
  content.keys.clear();
  content.items.clear();
  for (size_t i = 0; i < root->keys.size(); ++i) {
    const auto* field =
        v1::Profile::descriptor()->FindFieldByName(root->keys[i].first);
    if (field != nullptr && IsOutputOnly(field->number())) {
      const bool is_etag = field->number() == v1::Profile::kEtagFieldNumber;
      if (is_etag) etag = root->items[i].text;
      continue;
    }
    content.keys.push_back(std::move(root->keys[i]));
    content.items.push_back(std::move(root->items[i]));
  }
  if (root->kind == FileNode::Kind::kMap) *root = std::move(content);
  return etag;
}

}  // namespace

absl::Status CheckProfileId(absl::string_view field, absl::string_view id) {
  if (IsProfileId(id)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", absl::CHexEscape(id.substr(0, kShownMax)),
                   "\" is not of the form [a-z]([a-z0-9-]{0,61}[a-z0-9])?"));
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

absl::Status CheckProfileBytes(size_t bytes, size_t bytes_max) {
  if (bytes <= bytes_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("profile: ", bytes, " bytes are more than ",
                   "--max_profile_bytes ", bytes_max));
}

absl::StatusOr<v1::Profile> ParseProfile(absl::string_view text,
                                         absl::string_view id, Fields fields) {
  if (!id.empty()) LOGITD_RETURN_IF_ERROR(CheckProfileId("name", id));
  LOGITD_ASSIGN_OR_RETURN(FileNode root, ParseTree(text));
  v1::Profile profile;
  std::string etag;
  if (fields == Fields::kAll) etag = TakeOutputOnly(&root);
  LOGITD_RETURN_IF_ERROR(ReadTree(root, &profile));
  profile.set_etag(std::move(etag));
  if (id.empty()) return profile;
  const std::string name = absl::StrCat("profiles/", id);
  const int line = LineOfKey(root, "name");
  if (!profile.name().empty() && profile.name() != name) {
    return FileError(
        "name",
        absl::StrCat("\"",
                     absl::CHexEscape(profile.name().substr(0, kShownMax)),
                     "\" is not \"", name, "\", as the file is called"),
        line);
  }
  profile.set_name(name);
  return profile;
}

std::string WriteYaml(const v1::Profile& profile, Fields fields) {
  return TreeToYaml(WriteTree(profile, fields, IdStyle::kList));
}

std::string WriteJson(const v1::Profile& profile, Fields fields) {
  return TreeToJson(WriteTree(profile, fields, IdStyle::kBase64));
}

}  // namespace logitd
