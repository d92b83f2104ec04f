#include "service/client/logitctl/vocabulary.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/token_knobs.h"

namespace logitd::logitctl {

Vocabulary::Vocabulary(std::vector<std::string> words, std::uint32_t end_id)
    : words_(std::move(words)), end_id_(end_id) {
  ids_.reserve(words_.size());
  for (std::uint32_t id = 0; id < words_.size(); ++id) {
    ids_.emplace(words_[id], id);
  }
}

std::string Vocabulary::Word(std::uint32_t id) const {
  return id < words_.size() ? words_[id] : absl::StrCat("#", id);
}

absl::StatusOr<std::uint32_t> Vocabulary::Resolve(
    absl::string_view token) const {
  const auto found = ids_.find(absl::AsciiStrToLower(token));
  if (found != ids_.end()) {
    return found->second;
  }
  if (!token.empty() &&
      std::all_of(token.begin(), token.end(), absl::ascii_isdigit)) {
    return ResolveId(token);
  }
  return UsageError(
      absl::StrCat("\"", token, "\" is neither a word of the model nor an id"));
}

std::string TextWriter::Next(std::uint32_t id) {
  if (id == vocabulary_->end_id()) {
    separator_ = "\n";
    return "";
  }
  std::string text = absl::StrCat(separator_, vocabulary_->Word(id));
  separator_ = " ";
  return text;
}

std::string TextOf(const Vocabulary& vocabulary,
                   absl::Span<const std::uint32_t> ids) {
  TextWriter writer(&vocabulary);
  std::string text;
  for (const std::uint32_t id : ids) {
    absl::StrAppend(&text, writer.Next(id));
  }
  return text;
}

}  // namespace logitd::logitctl
