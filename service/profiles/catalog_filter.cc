#include "service/profiles/catalog_filter.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

constexpr size_t kFilterBytesMax = 1024;

bool IsSpace(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '-';
}

}  // namespace

class FilterReader {
 public:
  explicit FilterReader(absl::string_view text) : text_(text) {}

  absl::Status Read(ProfileFilter* filter) {
    SkipSpaces();
    if (AtEnd()) return absl::OkStatus();
    while (true) {
      LOGITD_RETURN_IF_ERROR(ReadComparison(filter));
      const bool spaced = SkipSpaces();
      if (AtEnd()) return absl::OkStatus();
      start_ = at_;
      if (!spaced || ReadWord() != "AND") return Expected("AND or the end");
      if (!SkipSpaces()) return Expected("a space");
    }
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }

  bool SkipSpaces() {
    const size_t before = at_;
    while (!AtEnd() && IsSpace(text_[at_])) ++at_;
    return at_ != before;
  }

  bool Skip(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // Where the thing that was last read began.
  absl::Status Expected(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: ", what, " is expected at column ", start_ + 1));
  }

  absl::string_view ReadWord() {
    start_ = at_;
    while (!AtEnd() && IsWord(text_[at_])) ++at_;
    return text_.substr(start_, at_ - start_);
  }

  absl::StatusOr<std::string> ReadQuoted() {
    start_ = at_;
    if (!Skip('"')) return Expected("a value in double quotes");
    std::string value;
    while (!AtEnd()) {
      const char c = text_[at_++];
      if (c == '"') return value;
      const bool escaped =
          c == '\\' && !AtEnd() && (text_[at_] == '"' || text_[at_] == '\\');
      value += escaped ? text_[at_++] : c;
    }
    start_ = at_;
    return Expected("a closing quote");
  }

  absl::Status ReadComparison(ProfileFilter* filter) {
    const absl::string_view word = ReadWord();
    if (word != "labels" && word != "model") return Expected("labels or model");
    std::string key;
    if (word == "labels") {
      start_ = at_;
      if (!Skip('.')) return Expected("a dot and a key");
      if (!AtEnd() && text_[at_] == '"') {
        LOGITD_ASSIGN_OR_RETURN(key, ReadQuoted());
      } else {
        key = std::string(ReadWord());
        if (key.empty()) return Expected("a key");
      }
    }
    SkipSpaces();
    start_ = at_;
    if (!Skip('=')) return Expected("=");
    SkipSpaces();
    LOGITD_ASSIGN_OR_RETURN(std::string value, ReadQuoted());
    if (word == "model") {
      filter->models_.push_back(std::move(value));
    } else {
      filter->labels_.emplace_back(std::move(key), std::move(value));
    }
    return absl::OkStatus();
  }

  const absl::string_view text_;
  size_t at_ = 0;
  size_t start_ = 0;
};

absl::StatusOr<ProfileFilter> ProfileFilter::Parse(absl::string_view text) {
  if (text.size() > kFilterBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "filter: ", text.size(), " bytes, at most ", kFilterBytesMax));
  }
  ProfileFilter filter;
  LOGITD_RETURN_IF_ERROR(FilterReader(text).Read(&filter));
  return filter;
}

bool ProfileFilter::Matches(const v1::Profile& profile) const {
  for (const auto& [key, value] : labels_) {
    const auto label = profile.labels().find(key);
    if (label == profile.labels().end() || label->second != value) return false;
  }
  const auto& models = profile.models();
  return models.empty() ||
         std::all_of(models_.begin(), models_.end(), [&](const auto& model) {
           return std::find(models.begin(), models.end(), model) !=
                  models.end();
         });
}

}  // namespace logitd
