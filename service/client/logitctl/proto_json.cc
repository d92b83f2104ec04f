#include "service/client/logitctl/proto_json.h"

#include <google/protobuf/util/json_util.h>

namespace logitd::logitctl {

absl::StatusOr<std::string> ProtoJson(
    const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(status.ToString());
  }
  return json;
}

}  // namespace logitd::logitctl
