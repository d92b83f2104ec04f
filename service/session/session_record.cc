#include "service/session/session_record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "service/session/history_chain.h"

namespace logitd {

bool SessionRecord::GoesOn(const Part& part) const {
  if (parts_.empty()) return false;
  const Part& last = parts_.back();
  return part.rules->fingerprint == last.rules->fingerprint &&
         part.seed == last.seed && part.salt == last.salt;
}

absl::Status SessionRecord::CheckPart(const Part& part) const {
  if (GoesOn(part) || parts_.back().first == count() ||
      parts_.size() < kRecordPartsMax) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("receipt: of ", kRecordPartsMax,
                   " parts has no room for one more; open the session again"));
}

void SessionRecord::AddPart(Part part) {
  if (parts_.back().first == count()) parts_.pop_back();
  if (GoesOn(part)) return;
  part.first = count();
  parts_.push_back(std::move(part));
}

void SessionRecord::Rewind(uint32_t count) {
  const size_t kept = std::min<size_t>(count, tokens_.size());
  tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(kept),
                tokens_.end());
  Part now = std::move(parts_.back());
  parts_.pop_back();
  while (!parts_.empty() && parts_.back().first >= count) parts_.pop_back();
  now.first = std::min(now.first, count);
  parts_.push_back(std::move(now));
}

std::string SessionRecord::RowChainDigest() const {
  HistoryChain chain;
  for (const TakenToken& taken : tokens_) {
    chain.Append(taken.row_digest());
    chain.Append(taken.token());
  }
  return chain.bytes();
}

}  // namespace logitd
