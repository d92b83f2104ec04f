#include "service/client/logitctl/exit_code.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace logitd::logitctl {
namespace {

constexpr char kUsageUrl[] = "logitctl/usage";
constexpr char kUnreachableUrl[] = "logitctl/unreachable";
constexpr char kUnwrittenUrl[] = "logitctl/unwritten";
constexpr char kDiffersUrl[] = "logitctl/differs";

absl::Status Mark(absl::Status status, absl::string_view url) {
  status.SetPayload(url, absl::Cord());
  return status;
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  return Mark(absl::InvalidArgumentError(message), kUsageUrl);
}

absl::Status UnreachableError(const absl::Status& why,
                              absl::string_view advice) {
  return Mark(absl::UnavailableError(absl::StrCat(why.message(), "\n", advice)),
              kUnreachableUrl);
}

absl::Status UnwrittenError(absl::string_view why) {
  return Mark(absl::DataLossError(why), kUnwrittenUrl);
}

absl::Status DiffersError(absl::string_view what) {
  return Mark(absl::FailedPreconditionError(what), kDiffersUrl);
}

absl::Status Reworded(const absl::Status& status, absl::string_view message) {
  absl::Status reworded(status.code(), message);
  status.ForEachPayload(
      [&reworded](absl::string_view url, const absl::Cord& payload) {
        reworded.SetPayload(url, payload);
      });
  return reworded;
}

absl::Status RefusedBy(absl::string_view who, const absl::Status& status) {
  if (status.ok() || ExitCodeOf(status) != kRefused) {
    return status;
  }
  return absl::Status(
      status.code(),
      absl::StrCat(who, ": ", absl::StatusCodeToString(status.code()), ": ",
                   status.message()));
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) {
    return kOk;
  }
  if (status.GetPayload(kUsageUrl).has_value()) {
    return kUsage;
  }
  if (status.GetPayload(kUnwrittenUrl).has_value()) {
    return kUnwritten;
  }
  if (status.GetPayload(kDiffersUrl).has_value()) {
    return kDiffers;
  }
  return status.GetPayload(kUnreachableUrl).has_value() ? kUnreachable
                                                        : kRefused;
}

}  // namespace logitd::logitctl
