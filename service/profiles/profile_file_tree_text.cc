// The tree as text. Parsed again it is the same tree.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/profiles/profile_file_tree.h"

namespace logitd {
namespace {

using Kind = FileNode::Kind;

constexpr size_t kColumns = 80;

bool SkipDigits(absl::string_view* text) {
  const size_t end = text->find_first_not_of("0123456789");
  const size_t count = std::min(end, text->size());
  text->remove_prefix(count);
  return count > 0;
}

bool SkipSign(absl::string_view* text) {
  return absl::ConsumePrefix(text, "-") || absl::ConsumePrefix(text, "+");
}

// A string in double quotes: the same in JSON and in YAML.
std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&quoted, "\\u", absl::Hex(byte, absl::kZeroPad4));
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

// True if YAML reads the bare word as this text, in block and in flow style.
bool IsBareWord(absl::string_view text) {
  if (text.empty() || !IsPlainText(text)) return false;
  const auto is_letter = [](unsigned char c) { return absl::ascii_isalpha(c); };
  const auto is_harmless = [](unsigned char c) {
    return absl::ascii_isalnum(c) ||
           absl::StrContains(" _./-", static_cast<char>(c));
  };
  return is_letter(static_cast<unsigned char>(text.front())) &&
         text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), is_harmless);
}

std::string YamlScalar(const FileNode& node) {
  if (!node.quoted) return node.text;
  return IsBareWord(node.text) ? node.text : Quote(node.text);
}

std::string YamlKey(const std::string& key) {
  return IsBareWord(key) ? key : Quote(key);
}

bool IsFlow(const FileNode& node) {
  if (node.kind == Kind::kMap) return node.items.empty();
  if (node.kind == Kind::kScalar) return true;
  for (const FileNode& item : node.items) {
    if (item.kind != Kind::kScalar) return false;
  }
  return true;
}

// A scalar, a list of scalars, an empty map: what goes behind "key: ".
void AppendFlow(const FileNode& node, size_t indent, std::string* out) {
  if (node.kind == Kind::kMap) {
    *out += "{}";
    return;
  }
  if (node.kind == Kind::kScalar) {
    *out += YamlScalar(node);
    return;
  }
  *out += '[';
  size_t line_start = out->rfind('\n') + 1;  // npos + 1 is 0
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string item = YamlScalar(node.items[i]);
    if (i > 0) *out += ',';
    if (i > 0 && out->size() - line_start + item.size() + 2 > kColumns) {
      *out += '\n';
      line_start = out->size();
      out->append(indent, ' ');
    } else if (i > 0) {
      *out += ' ';
    }
    *out += item;
  }
  *out += ']';
}

void AppendBlock(const FileNode& node, size_t indent, bool first_is_placed,
                 std::string* out);

void AppendMember(const FileNode& node, size_t indent, std::string* out) {
  if (IsFlow(node)) {
    *out += ' ';
    AppendFlow(node, indent + 2, out);
    *out += '\n';
  } else {
    *out += '\n';
    AppendBlock(node, indent + 2, false, out);
  }
}

// Lines of a map or of a list of maps, each indented, the first one perhaps by
// the caller's "- ".
void AppendBlock(const FileNode& node, size_t indent, bool first_is_placed,
                 std::string* out) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0 || !first_is_placed) out->append(indent, ' ');
    if (node.kind == Kind::kMap) {
      absl::StrAppend(out, YamlKey(node.keys[i].first), ":");
      AppendMember(node.items[i], indent, out);
    } else if (IsFlow(node.items[i])) {
      *out += '-';
      AppendMember(node.items[i], indent, out);
    } else {
      *out += "- ";
      AppendBlock(node.items[i], indent + 2, true, out);
    }
  }
}

void AppendJson(const FileNode& node, std::string* out) {
  if (node.kind == Kind::kScalar) {
    *out += node.quoted ? Quote(node.text) : node.text;
    return;
  }
  const bool is_map = node.kind == Kind::kMap;
  *out += is_map ? '{' : '[';
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) *out += ", ";
    if (is_map) absl::StrAppend(out, Quote(node.keys[i].first), ": ");
    AppendJson(node.items[i], out);
  }
  *out += is_map ? '}' : ']';
}

}  // namespace

bool IsNumber(absl::string_view text) {
  SkipSign(&text);
  const bool before_point = SkipDigits(&text);
  bool after_point = false;
  if (absl::ConsumePrefix(&text, ".")) after_point = SkipDigits(&text);
  if (!before_point && !after_point) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    SkipSign(&text);
    if (!SkipDigits(&text)) return false;
  }
  return text.empty();
}

bool IsPlainText(absl::string_view text) {
  if (IsNumber(text)) return false;
  static constexpr absl::string_view kWords[] = {
      "",    "~", "null", "true", "false", "yes",   "no",   "on",
      "off", "y", "n",    ".nan", ".inf",  "-.inf", "+.inf"};
  for (const absl::string_view word : kWords) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  return true;
}

std::string TreeToYaml(const FileNode& root) {
  std::string out;
  if (root.items.empty()) return "{}\n";
  AppendBlock(root, 0, false, &out);
  return out;
}

std::string TreeToJson(const FileNode& root) {
  std::string out;
  AppendJson(root, &out);
  return out;
}

}  // namespace logitd
