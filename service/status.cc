#include "service/status.h"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

void WriteStatus(const absl::Status& status, google::rpc::Status* wire) {
  const std::string message(status.message());
  wire->set_code(static_cast<int>(status.code()));
  wire->set_message(message);
  const auto all = status.GetPayload(kBadRequestUrl);
  if (all) {  // more than one thing is wrong
    google::protobuf::Any* detail = wire->add_details();
    detail->set_type_url(kBadRequestUrl);
    detail->set_value(std::string(*all));
    return;
  }
  const size_t colon = message.find(": ");
  if (colon == std::string::npos) return;
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field(message.substr(0, colon));
  violation->set_description(message.substr(colon + 2));
  wire->add_details()->PackFrom(bad);
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status wire;
  WriteStatus(status, &wire);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      wire.message(), wire.SerializeAsString());
}

}  // namespace logitd
