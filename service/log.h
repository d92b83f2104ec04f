// The log: one JSON object a line, to stderr.
//
//   Log(LogLevel::kInfo, "serving", {{"listen", "unix:/run/..."}});
//   {"ts":"2026-01-02T03:04:05.678Z","level":"info","msg":"serving",...}
//
// Never logits, tokens or a client's text. Thread-safe: a line is one write().
// For starts, stops and faults; nothing in the path of a request logs.
#ifndef LOGITD_SERVICE_LOG_H_
#define LOGITD_SERVICE_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace logitd {

enum class LogLevel { kInfo, kWarning, kError };

using LogField = std::pair<absl::string_view, std::string>;

// The line, for tests; `ts` stands in the place of the time.
std::string LogLine(absl::string_view ts, LogLevel level,
                    absl::string_view message,
                    std::initializer_list<LogField> fields);

void Log(LogLevel level, absl::string_view message,
         std::initializer_list<LogField> fields = {});
// The same, to another file. False if not all of it was written.
bool LogTo(int fd, LogLevel level, absl::string_view message,
           std::initializer_list<LogField> fields);

}  // namespace logitd

#endif  // LOGITD_SERVICE_LOG_H_
