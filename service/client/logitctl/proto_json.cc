#include "service/client/logitctl/proto_json.h"

#include <google/protobuf/util/json_util.h>

namespace logitd::logitctl {

absl::StatusOr<std::string> ProtoJson(const google::protobuf::Message& message,
                                      bool with_defaults) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = with_defaults;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(status.ToString());
  }
  return json;
}

}  // namespace logitd::logitctl
