// The tokens of a receipt, one by one. Threads: read by any number. Ownership:
// the receipt is borrowed and must outlive it. Cost: reading is O(tokens).

#ifndef LOGITD_SERVICE_CLIENT_RECEIPT_H_
#define LOGITD_SERVICE_CLIENT_RECEIPT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "logitd/v1/session.pb.h"

namespace logitd::client {

class ReceiptTokens {
 public:
  // INVALID_ARGUMENT: arrays or parts do not fit each other; names the field.
  static absl::StatusOr<ReceiptTokens> Read(const v1::Receipt& receipt);

  std::size_t size() const { return ids_.size(); }
  absl::Span<const std::uint32_t> ids() const { return ids_; }
  bool has_row(std::size_t i) const {
    return receipt_->origins()[i] != v1::TOKEN_ORIGIN_APPENDED;
  }
  bool is_drawn(std::size_t i) const {
    return receipt_->origins()[i] == v1::TOKEN_ORIGIN_DRAWN;
  }
  // A sum of TokenInput values.
  std::uint32_t inputs(std::size_t i) const {
    return receipt_->inputs().empty()
               ? 0
               : static_cast<unsigned char>(receipt_->inputs()[i]);
  }
  bool has(std::size_t i, v1::TokenInput input) const {
    return (inputs(i) & static_cast<std::uint32_t>(input)) != 0;
  }
  std::uint32_t attempt(std::size_t i) const {
    return receipt_->attempts().empty()
               ? 0
               : receipt_->attempts(static_cast<int>(i));
  }
  std::uint64_t row_digest(std::size_t i) const {
    return receipt_->row_digests(static_cast<int>(i));
  }

  // Tokens that have a row.
  std::size_t CountRows() const;
  // The first token from `i` on that has a row; `end` if none before it has.
  std::size_t EndOfAppended(std::size_t i, std::size_t end) const;
  // Where the tokens of part `part` end.
  std::size_t EndOfPart(int part) const;

 private:
  explicit ReceiptTokens(const v1::Receipt& receipt) : receipt_(&receipt) {}

  const v1::Receipt* receipt_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_RECEIPT_H_
