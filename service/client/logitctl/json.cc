#include "service/client/logitctl/json.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace logitd::logitctl {

std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", static_cast<unsigned>(c));
    } else {
      json += c;
    }
  }
  return json + "\"";
}

std::string JsonNumber(double number) {
  if (std::isnan(number)) {
    return "null";
  }
  if (std::isinf(number)) {
    return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
  return absl::StrFormat("%.17g", number);
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
