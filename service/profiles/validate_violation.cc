#include "service/profiles/validate_violation.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace logitd {
namespace {

// What cannot be right anywhere, before what is too much for this server.
int RankOf(const Violation& violation) {
  return violation.code == absl::StatusCode::kResourceExhausted ? 1 : 0;
}

}  // namespace

absl::Status ToStatus(const Violations& violations) {
  if (violations.empty()) return absl::OkStatus();
  const Violation& told =
      *std::min_element(violations.begin(), violations.end(),
                        [](const Violation& a, const Violation& b) {
                          return RankOf(a) < RankOf(b);
                        });
  absl::Status status = ToStatus(told);
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
