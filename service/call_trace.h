// TraceOf: the trace that a gRPC call belongs to, from its metadata; the one
// place between gRPC and log_call.h. Thread-safe; the result owns its text.
#ifndef LOGITD_SERVICE_CALL_TRACE_H_
#define LOGITD_SERVICE_CALL_TRACE_H_

#include "absl/strings/string_view.h"
#include "grpcpp/support/server_callback.h"
#include "service/log_call.h"

namespace logitd {

// No trace when `traceparent` is not there or not well-formed.
inline TraceContext TraceOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("traceparent");
  if (header == metadata.end()) return {};
  return ReadTraceParent(
      absl::string_view(header->second.data(), header->second.size()));
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_CALL_TRACE_H_
