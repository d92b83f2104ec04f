#include "service/log_call.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"

namespace logitd {
namespace {

constexpr size_t kTraceAt = 3, kTraceDigits = 32;
constexpr size_t kSpanAt = 36, kSpanDigits = 16;
constexpr size_t kFlagsAt = 53, kLength = 55;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool IsId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

uint64_t NextNumber() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

TraceContext ReadTraceParent(absl::string_view header) {
  if (header.size() < kLength) return {};
  const absl::string_view version = header.substr(0, 2);
  const bool dashes = header[kTraceAt - 1] == '-' &&
                      header[kSpanAt - 1] == '-' && header[kFlagsAt - 1] == '-';
  if (!dashes || !IsHex(version) || version == "ff" ||
      !IsHex(header.substr(kFlagsAt, 2))) {
    return {};
  }
  // Only a later version may have more, after a dash.
  if (header.size() > kLength && (version == "00" || header[kLength] != '-')) {
    return {};
  }
  const absl::string_view trace = header.substr(kTraceAt, kTraceDigits);
  const absl::string_view span = header.substr(kSpanAt, kSpanDigits);
  if (!IsId(trace) || !IsId(span)) return {};
  return {std::string(trace), std::string(span)};
}

CallLog::CallLog(std::string method, TraceContext trace)
    : method_(std::move(method)),
      trace_(std::move(trace)),
      number_(NextNumber()),
      began_(std::chrono::steady_clock::now()) {}

LogFields CallLog::Fields() const {
  LogFields fields = {{"method", method_}, {"call", absl::StrCat(number_)}};
  if (!trace_.trace_id.empty()) {
    fields.emplace_back("trace_id", trace_.trace_id);
    fields.emplace_back("span_id", trace_.span_id);
  }
  return fields;
}

void CallLog::Began() const { Log(LogLevel::kDebug, "call began", Fields()); }

void CallLog::Refused(uint64_t request_id, absl::StatusCode code) const {
  LogFields fields = Fields();
  fields.emplace_back("request", absl::StrCat(request_id));
  fields.emplace_back("code", absl::StatusCodeToString(code));
  if (code == absl::StatusCode::kInternal) {
    Log(LogLevel::kError, "internal error", fields);
  } else {
    Log(LogLevel::kWarning, "request refused", fields);
  }
}

void CallLog::Ended(absl::StatusCode code, uint64_t request_count) const {
  const std::chrono::duration<double> lasted =
      std::chrono::steady_clock::now() - began_;
  LogFields fields = Fields();
  fields.emplace_back("code", absl::StatusCodeToString(code));
  fields.emplace_back("requests", absl::StrCat(request_count));
  fields.emplace_back("duration_s", absl::StrCat(lasted.count()));
  Log(LogLevel::kInfo, "call ended", fields);
}

}  // namespace logitd
