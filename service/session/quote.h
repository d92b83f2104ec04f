// Quotes a client's text for an error message: escaped, and short however long
// it is. Pure; thread-safe.
#ifndef LOGITD_SERVICE_SESSION_QUOTE_H_
#define LOGITD_SERVICE_SESSION_QUOTE_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace logitd {

inline constexpr size_t kQuoteMax = 80;

inline std::string Quote(absl::string_view text) {
  const bool is_long = text.size() > kQuoteMax;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kQuoteMax)), "\"",
                      is_long ? "..." : "");
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_QUOTE_H_
