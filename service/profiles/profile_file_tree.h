// The text of a profile file as a tree, before any field is known.
//
// What YAML allows and a profile file does not is noted in the node where it
// stands, so that the reader can name the field. Pure; thread-safe; cost
// linear.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_TREE_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_TREE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

struct FileNode {
  enum class Kind { kScalar, kList, kMap };

  Kind kind = Kind::kScalar;
  int line = 1;
  // Of a scalar.
  std::string text;
  bool quoted = false;  // surely text: not a number, not a bool
  // Of a list: its items. Of a map: its values, in the order of `keys`.
  std::vector<FileNode> items;
  std::vector<std::pair<std::string, int>> keys;  // and their lines
  // Why no profile may have this node. Empty: it may.
  std::string fault;
};

// "<path>: <why> (line N)", INVALID_ARGUMENT.
Violation FileFault(absl::string_view path, absl::string_view why, int line);

// The text's one document. Nothing: *fault, of the field "profile", says why.
std::optional<FileNode> ParseTree(absl::string_view text, Violation* fault);

std::string TreeToYaml(const FileNode& root);
std::string TreeToJson(const FileNode& root);

// Neither null nor a bool nor a number, whatever case and version of YAML.
bool IsPlainText(absl::string_view text);
// As a JSON number; also with a plus, with zeros in front, without digits on
// one side of the point.
bool IsNumber(absl::string_view text);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_TREE_H_
