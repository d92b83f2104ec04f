// What `logitctl sample` prints of a row: a line of a table, or a JSON object.
// Threads: free functions. Cost: one line of stdout.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_SAMPLE_OUTPUT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_SAMPLE_OUTPUT_H_

#include <cstdint>

#include "service/client/messages.h"

namespace logitd::logitctl {

struct SampleOutput {
  bool json = false;
  bool row_digest = false;
  bool kept_ids = false;
};

// The head of the table; nothing for JSON.
void PrintHead(const SampleOutput& output);
void PrintRow(const SampleOutput& output, std::uint32_t row,
              const client::Entry& entry);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_SAMPLE_OUTPUT_H_
