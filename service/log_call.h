// CallLog: what the log tells of one call: when it ended, what of it was
// refused; with its number, and with the trace that it belongs to.
//
// The trace is the caller's: the metadata `traceparent` of W3C Trace Context.
// What is not well-formed is no trace. Ids, codes and counts only. Confined to
// its call; the log is thread-safe.
#ifndef LOGITD_SERVICE_LOG_CALL_H_
#define LOGITD_SERVICE_LOG_CALL_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "service/log.h"

namespace logitd {

struct TraceContext {
  std::string trace_id;  // 32 hexadecimal digits; empty: no trace
  std::string span_id;   // 16: the caller's span
};

// "00-<trace id>-<span id>-<flags>", or a later version that begins so.
TraceContext ReadTraceParent(absl::string_view header);

class CallLog {
 public:
  // `method` as the contract names it.
  CallLog(std::string method, TraceContext trace);

  void Began() const;
  // A warning; INTERNAL is our fault and an error. Not for kOk.
  void Refused(uint64_t request_id, absl::StatusCode code) const;
  void Ended(absl::StatusCode code, uint64_t request_count) const;

  uint64_t number() const { return number_; }

 private:
  LogFields Fields() const;

  const std::string method_;
  const TraceContext trace_;
  const uint64_t number_;  // of this process's calls
  const std::chrono::steady_clock::time_point began_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_LOG_CALL_H_
