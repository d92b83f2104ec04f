#include "service/log.h"

#include <unistd.h>

#include <atomic>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "service/utf8.h"

namespace logitd {
namespace {

constexpr const char* kNames[kLogLevelCount] = {"debug", "info", "warning",
                                                "error"};

std::atomic<LogLevel> level_min{LogLevel::kInfo};
std::atomic<uint64_t> written[kLogLevelCount];
std::atomic<uint64_t> suppressed_count;

// Bytes that are no text become what Unicode has for such.
std::string JsonString(absl::string_view text) {
  const bool is_text = IsUtf8(text);
  std::string out = "\"";
  for (const char c : text) {
    if (!is_text && static_cast<unsigned char>(c) >= 0x80) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
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

LogSampler& Sampler() {
  static auto* const sampler = new LogSampler;
  return *sampler;
}

}  // namespace

const char* NameOf(LogLevel level) {
  return kNames[static_cast<size_t>(level)];
}

std::optional<LogLevel> ReadLogLevel(absl::string_view name) {
  for (size_t i = 0; i < kLogLevelCount; ++i) {
    if (name == kNames[i]) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void SetLogLevel(LogLevel level) { level_min = level; }

std::string LogLine(absl::string_view ts, LogLevel level,
                    absl::string_view message, const LogFields& fields) {
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
           const LogFields& fields) {
  const std::string now = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                           absl::UTCTimeZone());
  const std::string line = LogLine(now, level, message, fields);
  return write(fd, line.data(), line.size()) ==
         static_cast<ssize_t>(line.size());
}

void Log(LogLevel level, absl::string_view message, const LogFields& fields) {
  if (level < level_min.load(std::memory_order_relaxed)) return;
  const std::optional<uint64_t> left_out = Sampler().Take(message, absl::Now());
  if (!left_out) {
    suppressed_count.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  written[static_cast<size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  // A log that cannot be written is not worth a fault.
  if (*left_out == 0) {
    LogTo(STDERR_FILENO, level, message, fields);
    return;
  }
  LogFields more = fields;
  more.emplace_back("suppressed", absl::StrCat(*left_out));
  LogTo(STDERR_FILENO, level, message, more);
}

LogCounts GetLogCounts() {
  LogCounts counts;
  for (size_t i = 0; i < kLogLevelCount; ++i) counts.lines[i] = written[i];
  counts.suppressed = suppressed_count;
  return counts;
}

std::optional<uint64_t> LogSampler::Take(absl::string_view message,
                                         absl::Time now) {
  const std::lock_guard lock(mu_);
  auto it = seen_.find(message);
  if (it == seen_.end()) {
    const bool full = seen_.size() >= kMessagesMax;
    it = seen_.try_emplace(full ? std::string() : std::string(message)).first;
  }
  Seen& seen = it->second;
  // A clock that was set back begins anew, too.
  if (now - seen.begin >= kSpan || now < seen.begin) {
    seen.begin = now;
    seen.lines = 0;
  }
  if (seen.lines >= kLines) {
    ++seen.suppressed;
    return std::nullopt;
  }
  ++seen.lines;
  return std::exchange(seen.suppressed, 0);
}

}  // namespace logitd
