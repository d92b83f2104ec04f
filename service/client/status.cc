#include "service/client/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace logitd::client {
namespace {

absl::StatusCode ToCode(int code) {
  return code >= 0 && code <= 16 ? static_cast<absl::StatusCode>(code)
                                 : absl::StatusCode::kUnknown;
}

// Adds a line unless the message says it already.
void AddLine(const std::string& subject, const std::string& text,
             std::string* message) {
  if (!text.empty() && absl::StrContains(*message, text) &&
      absl::StrContains(*message, subject)) {
    return;
  }
  absl::StrAppend(message, "\n  ", subject, subject.empty() ? "" : ": ", text);
}

absl::Duration DelayOf(const google::rpc::RetryInfo& info) {
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

void AddDetail(const google::protobuf::Any& detail, std::string* message) {
  google::rpc::BadRequest bad_request;
  google::rpc::PreconditionFailure precondition;
  google::rpc::ErrorInfo reason;
  google::rpc::RetryInfo retry;
  if (detail.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      AddLine(violation.field(), violation.description(), message);
    }
  } else if (detail.UnpackTo(&precondition)) {
    for (const auto& violation : precondition.violations()) {
      AddLine(violation.subject(), violation.description(), message);
    }
  } else if (detail.UnpackTo(&reason)) {
    AddLine("reason", reason.reason(), message);
  } else if (detail.UnpackTo(&retry)) {
    AddLine("retry after", absl::FormatDuration(DelayOf(retry)), message);
  } else {
    AddLine("detail not understood", detail.type_url(), message);
  }
}

}  // namespace

absl::Status ToStatus(const google::rpc::Status& status) {
  if (status.code() == 0) {
    return absl::OkStatus();
  }
  std::string message = status.message();
  for (const auto& detail : status.details()) {
    AddDetail(detail, &message);
  }
  absl::Status result(ToCode(status.code()), message);
  if (status.details_size() > 0) {
    result.SetPayload(kDetailsUrl, absl::Cord(status.SerializeAsString()));
  }
  return result;
}

std::optional<absl::Duration> RetryDelay(const google::rpc::Status& status) {
  google::rpc::RetryInfo info;
  for (const auto& detail : status.details()) {
    if (detail.UnpackTo(&info)) return DelayOf(info);
  }
  return std::nullopt;
}

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) {
    return absl::OkStatus();
  }
  google::rpc::Status with_details;
  if (!status.error_details().empty() &&
      with_details.ParseFromString(status.error_details()) &&
      with_details.code() == static_cast<int>(status.error_code())) {
    // The call's own message counts, should the two differ.
    with_details.set_message(status.error_message());
    return ToStatus(with_details);
  }
  return absl::Status(ToCode(status.error_code()), status.error_message());
}

}  // namespace logitd::client
