// One row of logits of its own, with what may come with it: for the messages
// that carry a single one.
//
// Reads in the message's bytes, which must outlive the row. Errors read
// "<field>: <why>", fields as in the message. Pure; thread-safe.
#ifndef LOGITD_SERVICE_CONVERT_ROW_H_
#define LOGITD_SERVICE_CONVERT_ROW_H_

#include <string>

#include "absl/status/statusor.h"
#include "logitd/v1/place.pb.h"
#include "sampler/sampler.h"
#include "service/limits.h"

namespace logitd {

// `guidance` is nullptr where there is none; `mask` may be empty.
absl::StatusOr<Row> ReadOneRow(const v1::Place& logits, v1::Dtype dtype,
                               const v1::Place* guidance,
                               const std::string& mask, const Limits& limits);

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONVERT_ROW_H_
