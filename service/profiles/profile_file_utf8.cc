#include "service/profiles/profile_file_utf8.h"

#include "absl/strings/escaping.h"
#include "service/utf8.h"

namespace logitd {

std::string Printable(absl::string_view text) {
  const absl::string_view head = text.substr(0, kPrintableMax);
  return IsUtf8(head) ? absl::Utf8SafeCHexEscape(head) : absl::CHexEscape(head);
}

}  // namespace logitd
