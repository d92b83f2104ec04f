// The log: one JSON object a line, to stderr.
//
//   Log(LogLevel::kInfo, "serving", {{"listen", "unix:/run/..."}});
//   {"ts":"2026-01-02T03:04:05.678Z","level":"info","msg":"serving",...}
//
// Never logits, tokens or a client's text: ids, codes and counts. A message is
// a literal; what repeats is sampled by it (LogSampler), and the next line
// written says how many were `suppressed`. Thread-safe: a line is one write().
// For starts, stops, faults, the ends of streams and what is refused; a request
// that goes well logs nothing.
#ifndef LOGITD_SERVICE_LOG_H_
#define LOGITD_SERVICE_LOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace logitd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
inline constexpr size_t kLogLevelCount = 4;

// "debug", ...
const char* NameOf(LogLevel level);
std::optional<LogLevel> ReadLogLevel(absl::string_view name);

// Lines below it are not written; kInfo until this is called.
void SetLogLevel(LogLevel level);

using LogField = std::pair<absl::string_view, std::string>;
using LogFields = std::vector<LogField>;

// The line, for tests; `ts` stands in the place of the time.
std::string LogLine(absl::string_view ts, LogLevel level,
                    absl::string_view message, const LogFields& fields);

void Log(LogLevel level, absl::string_view message,
         const LogFields& fields = {});
// The same, to another file: each line, of any level. False if not all of it
// was written.
bool LogTo(int fd, LogLevel level, absl::string_view message,
           const LogFields& fields);

// Of this process, Log() only.
struct LogCounts {
  std::array<uint64_t, kLogLevelCount> lines = {};  // written, by level
  uint64_t suppressed = 0;
};
LogCounts GetLogCounts();

// Lets through the first kLines of a message in any kSpan that begins with one
// of them. Thread-safe. Holds at most kMessagesMax messages; those beyond share
// one count.
class LogSampler {
 public:
  static constexpr uint32_t kLines = 10;
  static constexpr absl::Duration kSpan = absl::Seconds(10);
  static constexpr size_t kMessagesMax = 256;

  // How many of this message were left out since the last one let through;
  // nothing: this one is left out.
  std::optional<uint64_t> Take(absl::string_view message, absl::Time now);

 private:
  struct Seen {
    absl::Time begin = absl::InfinitePast();
    uint32_t lines = 0;
    uint64_t suppressed = 0;
  };
  std::mutex mu_;  // guards seen_
  std::map<std::string, Seen, std::less<>> seen_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_LOG_H_
