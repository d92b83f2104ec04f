#include "service/status.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "service/profiles/validate_violation.h"

namespace logitd {
namespace {

// A client takes 8 KiB of metadata: the message up to three times as long as it
// is (percent-encoding), and the details, where it stands once more, a third
// longer (base64).
constexpr size_t kMessageMax = 1000;
constexpr size_t kDetailsMax = 2300;
constexpr char kCut[] = "...";

void Cut(std::string* text, size_t most) {
  if (text->size() <= most) return;
  text->resize(most - std::strlen(kCut));
  // Not amid a character.
  while (!text->empty() && (text->back() & 0xc0) == 0x80) text->pop_back();
  if (!text->empty() && (text->back() & 0x80) != 0) text->pop_back();
  text->append(kCut);
}

// As many violations as there is room for, and how many more there are.
void FitIntoMetadata(google::rpc::Status* wire) {
  Cut(wire->mutable_message(), kMessageMax);
  google::rpc::BadRequest all;
  if (wire->details_size() == 0 || !wire->details(0).UnpackTo(&all)) return;
  if (all.ByteSizeLong() <= kDetailsMax) return;
  google::rpc::BadRequest some;
  for (auto& violation : *all.mutable_field_violations()) {
    Cut(violation.mutable_description(), kMessageMax);
    if (some.ByteSizeLong() + violation.ByteSizeLong() > kDetailsMax) break;
    *some.add_field_violations() = violation;
  }
  const int left = all.field_violations_size() - some.field_violations_size();
  if (left > 0) {
    some.add_field_violations()->set_description(
        absl::StrCat("and ", left, " more"));
  }
  wire->mutable_details(0)->PackFrom(some);
}

void CopyDetail(const absl::Status& status, const char* url,
                google::rpc::Status* wire) {
  const auto payload = status.GetPayload(url);
  if (!payload) return;
  google::protobuf::Any* detail = wire->add_details();
  detail->set_type_url(url);
  detail->set_value(std::string(*payload));
}

}  // namespace

void SetRetryDelay(absl::Duration delay, absl::Status* status) {
  google::rpc::RetryInfo info;
  const timespec wire = absl::ToTimespec(delay);
  info.mutable_retry_delay()->set_seconds(wire.tv_sec);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(wire.tv_nsec));
  status->SetPayload(kRetryInfoUrl, absl::Cord(info.SerializeAsString()));
}

void WriteStatus(const absl::Status& status, google::rpc::Status* wire) {
  const std::string message(status.message());
  wire->set_code(static_cast<int>(status.code()));
  wire->set_message(message);
  // One that has this one has more than one violation.
  CopyDetail(status, kBadRequestUrl, wire);
  const size_t colon = message.find(": ");
  if (wire->details_size() == 0 && colon != std::string::npos) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(message.substr(0, colon));
    violation->set_description(message.substr(colon + 2));
    wire->add_details()->PackFrom(bad);
  }
  CopyDetail(status, kRetryInfoUrl, wire);
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status wire;
  WriteStatus(status, &wire);
  FitIntoMetadata(&wire);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      wire.message(), wire.SerializeAsString());
}

}  // namespace logitd
