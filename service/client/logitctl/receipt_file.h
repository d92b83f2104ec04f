// Receipts in files: the reply to CloseSession as Protobuf's JSON. Threads:
// free functions. Ownership: values. Cost: reads or writes the whole file.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_RECEIPT_FILE_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_RECEIPT_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "logitd/v1/session.pb.h"

namespace logitd::logitctl {

// A file that cannot be written: a usage error that says why.
absl::Status WriteReceipt(const v1::SessionClosed& closed,
                          const std::string& file);

// Not readable, or not such JSON, or without a receipt: a usage error.
absl::StatusOr<v1::SessionClosed> ReadReceipt(const std::string& file);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_RECEIPT_FILE_H_
