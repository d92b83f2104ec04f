#include "service/profiles/profile_file_surrogates.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace logitd {
namespace {

// "\ud83d" becomes "\_" kSmall "83d", "\uD83D" the same with kLarge. yaml-cpp
// makes the byte kEscaped of "\_" in double quotes and leaves it elsewhere; the
// other two bytes are in no UTF-8 and come of no escape.
constexpr char kSmall = '\xff';
constexpr char kLarge = '\xfe';
constexpr char kEscaped = '\xa0';
constexpr size_t kDigits = 3;      // behind a mark
constexpr size_t kEscapeSize = 6;  // \ud83d

bool IsMark(char c) { return c == kSmall || c == kLarge; }

// At "\u": it goes on as "\ud800" to "\udfff" do.
bool IsSurrogate(absl::string_view text) {
  if (text.size() < kEscapeSize) return false;
  if (text[2] != 'd' && text[2] != 'D') return false;
  if (absl::ascii_isdigit(static_cast<unsigned char>(text[3])) &&
      text[3] < '8') {
    return false;
  }
  const absl::string_view digits = text.substr(3, kDigits);
  return std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit);
}

// The unit whose mark stands at `at`; 0: no escape.
uint32_t UnitAt(absl::string_view text, size_t at) {
  if (at == 0 || text.size() < at + 1 + kDigits) return 0;
  if (text[at - 1] != kEscaped || !IsMark(text[at])) return 0;
  uint32_t low = 0;
  return absl::SimpleHexAtoi(text.substr(at + 1, kDigits), &low) ? 0xd000 | low
                                                                 : 0;
}

void AppendUtf8(uint32_t point, std::string* out) {
  *out += static_cast<char>(0xf0 | point >> 18);
  for (int shift = 12; shift >= 0; shift -= 6) {
    *out += static_cast<char>(0x80 | (point >> shift & 0x3f));
  }
}

}  // namespace

bool MarkSurrogates(std::string* text) {
  // Not UTF-8: whoever reads it says so.
  if (std::any_of(text->begin(), text->end(), IsMark)) return false;
  bool is_marked = false;
  for (size_t i = text->find("\\u"); i < text->size();
       i = text->find("\\u", i + 1)) {
    if (!IsSurrogate(absl::string_view(*text).substr(i))) continue;
    (*text)[i + 1] = '_';
    (*text)[i + 2] = (*text)[i + 2] == 'd' ? kSmall : kLarge;
    is_marked = true;
  }
  return is_marked;
}

std::string ResolveSurrogates(std::string* scalar) {
  const std::string text = *scalar;
  scalar->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsMark(text[i]) || i == 0) {
      *scalar += text[i];
      continue;
    }
    scalar->pop_back();
    const uint32_t high = UnitAt(text, i);
    if (high == 0) {  // "\_": as it was written
      absl::StrAppend(scalar, "u", text[i] == kSmall ? "d" : "D");
      continue;
    }
    const uint32_t low = UnitAt(text, i + kDigits + 2);
    if (high >= 0xdc00 || low < 0xdc00) {
      return absl::StrCat("\\u", absl::Hex(high),
                          " is half of a surrogate pair");
    }
    AppendUtf8(0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff), scalar);
    i += 2 * kDigits + 2;
  }
  return "";
}

}  // namespace logitd
