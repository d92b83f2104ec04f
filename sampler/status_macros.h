// Early return on a bad absl::Status or StatusOr; this Abseil has no such
// macros.
#ifndef LOGITD_SAMPLER_STATUS_MACROS_H_
#define LOGITD_SAMPLER_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"

#define LOGITD_RETURN_IF_ERROR(expression)                    \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define LOGITD_CONCAT_INNER_(a, b) a##b
#define LOGITD_CONCAT_(a, b) LOGITD_CONCAT_INNER_(a, b)

// LOGITD_ASSIGN_OR_RETURN(Plan plan, Plan::Compile(params, vocab_size));
#define LOGITD_ASSIGN_OR_RETURN(left, expression) \
  LOGITD_ASSIGN_OR_RETURN_(LOGITD_CONCAT_(or_, __LINE__), left, expression)
#define LOGITD_ASSIGN_OR_RETURN_(holder, left, expression) \
  auto holder = (expression);                              \
  if (!holder.ok()) return holder.status();                \
  left = *std::move(holder)

#endif  // LOGITD_SAMPLER_STATUS_MACROS_H_
