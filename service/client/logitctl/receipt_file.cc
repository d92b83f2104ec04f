#include "service/client/logitctl/receipt_file.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/proto_json.h"

namespace logitd::logitctl {

absl::Status WriteReceipt(const v1::SessionClosed& closed,
                          const std::string& file) {
  const auto json = ProtoJson(closed);
  return json.ok() ? WriteFile(file, *json) : json.status();
}

absl::StatusOr<v1::SessionClosed> ReadReceipt(const std::string& file) {
  const auto json = ReadFile(file);
  if (!json.ok()) {
    return json.status();
  }
  v1::SessionClosed closed;
  const auto status =
      google::protobuf::util::JsonStringToMessage(*json, &closed);
  if (!status.ok()) {
    // Its first line: the rest quotes what may be no text.
    const absl::string_view why(status.message().data(),
                                status.message().size());
    return UsageError(
        absl::StrCat(file, ": not a receipt: ", why.substr(0, why.find('\n'))));
  }
  if (!closed.has_receipt()) {
    return UsageError(absl::StrCat(
        file, ": no receipt is in it; `logitctl sample --receipt` writes one"));
  }
  return closed;
}

}  // namespace logitd::logitctl
