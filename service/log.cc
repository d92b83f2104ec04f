#include "service/log.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace logitd {
namespace {

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

std::string LogLine(absl::string_view ts, LogLevel level,
                    absl::string_view message,
                    std::initializer_list<LogField> fields) {
  std::string line =
      absl::StrCat("{\"ts\":", JsonString(ts), ",\"level\":\"", NameOf(level),
                   "\",\"msg\":", JsonString(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",", JsonString(field.first), ":",
                    JsonString(field.second));
  }
  return line + "}\n";
}

bool LogTo(int fd, LogLevel level, absl::string_view message,
           std::initializer_list<LogField> fields) {
  const std::string now = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                           absl::UTCTimeZone());
  const std::string line = LogLine(now, level, message, fields);
  return write(fd, line.data(), line.size()) ==
         static_cast<ssize_t>(line.size());
}

void Log(LogLevel level, absl::string_view message,
         std::initializer_list<LogField> fields) {
  // A log that cannot be written is not worth a fault.
  LogTo(STDERR_FILENO, level, message, fields);
}

}  // namespace logitd
