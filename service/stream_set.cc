#include "service/stream_set.h"

#include "absl/strings/str_cat.h"
#include "service/stream.h"

namespace logitd {

absl::Status DrainedError() {
  return absl::UnavailableError(
      "server: drained; open the sessions again on another one");
}

absl::Status StreamSet::Add(Stream* stream, const Limits& limits) {
  const std::lock_guard lock(mu_);
  if (ended_) return DrainedError();
  if (streams_.size() >= limits.max_streams) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "server: ", streams_.size() + 1,
        " streams are more than --max_streams ", limits.max_streams));
  }
  streams_.insert(stream);
  return absl::OkStatus();
}

void StreamSet::Remove(Stream* stream) {
  const std::lock_guard lock(mu_);
  streams_.erase(stream);
}

size_t StreamSet::size() const {
  const std::lock_guard lock(mu_);
  return streams_.size();
}

size_t StreamSet::EndIdle() {
  const std::lock_guard lock(mu_);
  for (Stream* stream : streams_) stream->End(true);
  return streams_.size();
}

void StreamSet::EndAll() {
  const std::lock_guard lock(mu_);
  ended_ = true;
  for (Stream* stream : streams_) stream->End(false);
}

}  // namespace logitd
