#include "service/profiles/profile_file_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/profile_file_surrogates.h"

namespace logitd {
namespace {

using Kind = FileNode::Kind;

int LineOf(const YAML::Mark& mark) { return mark.line + 1; }

// Events to a tree. After the first failure nothing is kept any more.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(bool has_surrogates) : has_surrogates_(has_surrogates) {}
  const std::optional<Violation>& failure() const { return failure_; }
  bool empty() const { return documents_ == 0 || !has_root_; }
  FileNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) Fail(mark, "a second document begins");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    FileNode node = NodeAt(mark, "", anchor);
    node.text = "null";
    node.fault = "null is no value: leave the key out or give it one";
    Add(mark, std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    FileNode node = NodeAt(mark, "", YAML::NullAnchor);
    node.fault = "aliases are refused: write the value out";
    Add(mark, std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    FileNode node = NodeAt(mark, tag, anchor);
    node.text = value;
    node.quoted = tag == "!";
    if (has_surrogates_) {
      const std::string why = ResolveSurrogates(&node.text);
      if (!why.empty() && KeyIsNext()) Fail(mark, "a key: " + why);
      if (!why.empty()) node.fault = why;
    }
    Add(mark, std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, Kind::kList, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, Kind::kMap, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  // The parser says "?" where no tag is written and "!" at quoted scalars.
  static FileNode NodeAt(const YAML::Mark& mark, const std::string& tag,
                         YAML::anchor_t anchor) {
    FileNode node;
    node.line = LineOf(mark);
    if (!tag.empty() && tag != "?" && tag != "!") {
      node.fault = "tags are refused: write the value without one";
    }
    if (anchor != YAML::NullAnchor) {
      node.fault = "anchors are refused: write the value out";
    }
    return node;
  }

  void Fail(const YAML::Mark& mark, absl::string_view why) {
    if (!failure_) failure_ = FileFault("profile", why, LineOf(mark));
  }

  bool KeyIsNext() const {
    return !open_.empty() && open_.back()->kind == Kind::kMap &&
           open_.back()->keys.size() == open_.back()->items.size();
  }

  void Open(const YAML::Mark& mark, Kind kind, const std::string& tag,
            YAML::anchor_t anchor) {
    if (open_.size() == kProfileFileDepthMax) {
      Fail(mark, absl::StrCat("nested deeper than ", kProfileFileDepthMax));
    }
    FileNode node = NodeAt(mark, tag, anchor);
    node.kind = kind;
    FileNode* added = Add(mark, std::move(node));
    // A parent's items move only when the next one is added: after the Close.
    if (added != nullptr) open_.push_back(added);
  }

  void Close() {
    if (!failure_) open_.pop_back();
  }

  FileNode* Add(const YAML::Mark& mark, FileNode node) {
    const bool is_key = KeyIsNext();
    if (is_key && (node.kind != Kind::kScalar || !node.fault.empty())) {
      Fail(mark, "a key is not plain text");
    }
    if (failure_) return nullptr;
    if (is_key) {
      open_.back()->keys.emplace_back(std::move(node.text), node.line);
      return nullptr;
    }
    if (!open_.empty()) {
      open_.back()->items.push_back(std::move(node));
      return &open_.back()->items.back();
    }
    has_root_ = true;
    root_ = std::move(node);
    return &root_;
  }

  const bool has_surrogates_;
  std::optional<Violation> failure_;
  int documents_ = 0;
  bool has_root_ = false;
  FileNode root_;
  std::vector<FileNode*> open_;
};

// What need not be parsed. yaml-cpp takes 0x04 for the end, and bytes after it
// for nothing.
std::optional<Violation> WrongText(absl::string_view text) {
  if (text.size() > kProfileFileBytesMax) {
    return FileFault(
        "profile",
        absl::StrCat("the file has more than ", kProfileFileBytesMax, " bytes"),
        1);
  }
  int line = 1;
  for (const char c : text) {
    const bool is_space = c == '\n' || c == '\r' || c == '\t';
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && !is_space) || byte == 0x7f) {
      return FileFault(
          "profile",
          absl::StrCat("the byte 0x", absl::Hex(byte, absl::kZeroPad2),
                       " does not belong into text"),
          line);
    }
    if (c == '\n') ++line;
  }
  return std::nullopt;
}

// What the parser says of the whole text.
std::optional<Violation> Build(std::string text, TreeBuilder* builder) {
  try {  // yaml-cpp reports by exceptions
    std::istringstream stream(std::move(text));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(*builder) && !builder->failure()) {
    }
  } catch (const YAML::Exception& error) {
    // What came before it is more to the point.
    if (builder->failure()) return builder->failure();
    return FileFault("profile", error.msg, LineOf(error.mark));
  }
  if (builder->failure()) return builder->failure();
  if (builder->empty()) return FileFault("profile", "the file is empty", 1);
  return std::nullopt;
}

}  // namespace

Violation FileFault(absl::string_view path, absl::string_view why, int line) {
  return {std::string(path), absl::StrCat(why, " (line ", line, ")")};
}

std::optional<FileNode> ParseTree(absl::string_view text, Violation* fault) {
  if (auto wrong = WrongText(text)) {
    *fault = *std::move(wrong);
    return std::nullopt;
  }
  std::string marked(text);
  TreeBuilder builder(MarkSurrogates(&marked));
  if (auto wrong = Build(std::move(marked), &builder)) {
    *fault = *std::move(wrong);
    return std::nullopt;
  }
  return builder.TakeRoot();
}

}  // namespace logitd
