#include "service/client/logitctl/json.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace logitd::logitctl {

std::string EscapeControls(absl::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = static_cast<unsigned char>(text[i]);
    const unsigned next =
        i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (code == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F
      code = next;
      ++i;
    } else if (code >= 0x20 && code != 0x7f) {
      escaped += text[i];
      continue;
    }
    absl::StrAppendFormat(&escaped, "\\u%04x", code);
  }
  return escaped;
}

std::string JsonString(absl::string_view text) {
  const std::string quoted =
      absl::StrReplaceAll(text, {{"\"", "\\\""}, {"\\", "\\\\"}});
  return absl::StrCat("\"", EscapeControls(quoted), "\"");
}

std::string JsonNumber(double number) {
  if (std::isnan(number)) {
    return "null";
  }
  if (std::isinf(number)) {
    return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
  const std::string brief = absl::StrCat(number);
  double back = 0;
  return absl::SimpleAtod(brief, &back) && back == number
             ? brief
             : absl::StrFormat("%.17g", number);
}

std::string JsonObject(
    const std::vector<std::pair<std::string, std::string>>& members) {
  const std::string joined =
      absl::StrJoin(members, ", ", [](std::string* out, const auto& member) {
        absl::StrAppend(out, JsonString(member.first), ": ", member.second);
      });
  return absl::StrCat("{", joined, "}");
}

std::string JsonArray(const std::vector<std::string>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

}  // namespace logitd::logitctl
