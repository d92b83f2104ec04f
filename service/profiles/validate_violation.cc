#include "service/profiles/validate_violation.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace logitd {

absl::Status ToStatus(const Violations& violations) {
  if (violations.empty()) return absl::OkStatus();
  absl::Status status =
      absl::InvalidArgumentError(ToStatus(violations.front()).message());
  google::rpc::BadRequest bad;
  for (const Violation& violation : violations) {
    auto* wire = bad.add_field_violations();
    wire->set_field(violation.field);
    wire->set_description(violation.description);
  }
  status.SetPayload(kBadRequestUrl, absl::Cord(bad.SerializeAsString()));
  return status;
}

}  // namespace logitd
