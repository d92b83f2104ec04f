// The rows of a receipt's tokens, as steps that give the tokens again. Threads:
// confined to one thread. Ownership: rows and tokens are borrowed. Cost: copies
// each row once.

#ifndef LOGITD_SERVICE_CLIENT_RECEIPT_ROWS_H_
#define LOGITD_SERVICE_CLIENT_RECEIPT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/step.pb.h"
#include "service/client/receipt.h"

namespace logitd::client {

// Rows of the tokens that have one, in their order; those behind the last are
// not looked at.
struct ReplayRows {
  v1::Dtype dtype = v1::DTYPE_FLOAT32;
  std::uint32_t row_width = 0;
  absl::string_view rows;      // Little-endian, row after row.
  absl::string_view guidance;  // As many, the unconditional ones; empty: none.
  // As many, `mask_words` little-endian uint32 each, as Step.mask_table; those
  // of tokens that had none are not looked at. Empty: none.
  absl::string_view masks;
  std::uint32_t mask_words = 0;
};

class ReceiptRows {
 public:
  ReceiptRows(const ReplayRows& rows, const ReceiptTokens& tokens);

  // INVALID_ARGUMENT: fewer rows, guidance rows or masks than tokens have.
  absl::Status Check() const;

  // Adds entries of mode GIVEN for the tokens from `first` on that follow each
  // other with rows, before `end`, as many as fit into a step; the first stands
  // at `position`. Guided where the rules have guidance. Returns how many.
  std::size_t AddStep(std::uint64_t session_id, std::size_t first,
                      std::size_t end, std::uint32_t position,
                      bool has_guidance, v1::Step* step);

  // True if the token was drawn from more than is here.
  bool Lacks(std::size_t i, bool has_guidance) const;

 private:
  std::size_t mask_bytes() const { return std::size_t{rows_.mask_words} * 4; }
  absl::string_view NextOf(absl::string_view all, std::size_t each) const {
    return all.substr(next_row_ * each, each);
  }
  void AddToken(std::uint64_t session_id, std::size_t i, std::uint32_t position,
                bool has_guidance, std::string* rows, v1::Step* step) const;
  void AddMask(std::size_t i, std::string* masks, v1::Step* step) const;

  const ReplayRows& rows_;
  const ReceiptTokens& tokens_;
  const std::size_t row_bytes_;
  std::size_t next_row_ = 0;  // that was not sent yet
};

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_RECEIPT_ROWS_H_
