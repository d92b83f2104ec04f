#include "service/client/receipt_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/messages.h"

namespace logitd::client {
ReceiptRows::ReceiptRows(const ReplayRows& rows, const ReceiptTokens& tokens)
    : rows_(rows),
      tokens_(tokens),
      row_bytes_(rows.row_width * BytesOf(rows.dtype)) {}

absl::Status ReceiptRows::Check() const {
  if (row_bytes_ == 0) {
    return absl::InvalidArgumentError("rows: no width, or no dtype");
  }
  const std::size_t needed = tokens_.CountRows();
  const auto check = [needed](absl::string_view name, absl::string_view bytes,
                              std::size_t each) {
    const std::size_t count = each == 0 ? 0 : bytes.size() / each;
    if (count >= needed) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", count, " rows are fewer than the ", needed,
                     " that the receipt's tokens have"));
  };
  absl::Status status = check("rows", rows_.rows, row_bytes_);
  if (!rows_.guidance.empty()) {
    status.Update(check("guidance", rows_.guidance, row_bytes_));
  }
  if (!rows_.masks.empty()) {
    status.Update(check("masks", rows_.masks, mask_bytes()));
  }
  return status;
}

std::size_t ReceiptRows::AddStep(std::uint64_t session_id, std::size_t first,
                                 std::size_t end, std::uint32_t position,
                                 bool has_guidance, v1::Step* step) {
  // Twice the bytes: another row may guide each.
  end = std::min(end, first + RowsOfAStep(2 * row_bytes_));
  std::string rows;
  std::string masks;
  std::size_t i = first;
  for (; i < end && tokens_.has_row(i); ++i) {
    AddToken(session_id, i, position++, has_guidance, &rows, step);
    AddMask(i, &masks, step);
    ++next_row_;
  }
  if (masks.empty()) {
    step->clear_mask_index();
  } else {
    step->set_mask_words(rows_.mask_words);
    step->mutable_mask_table()->set_inline_(std::move(masks));
  }
  // The length fits: whole rows of this width.
  (void)SetPackedRows(std::move(rows), rows_.dtype, rows_.row_width, step);
  return i - first;
}

void ReceiptRows::AddToken(std::uint64_t session_id, std::size_t i,
                           std::uint32_t position, bool has_guidance,
                           std::string* rows, v1::Step* step) const {
  const auto add_row = [&](absl::string_view all) {
    absl::StrAppend(rows, NextOf(all, row_bytes_));
    return static_cast<std::uint32_t>(rows->size() / row_bytes_ - 1);
  };
  const std::uint32_t row = add_row(rows_.rows);
  if (has_guidance && !rows_.guidance.empty()) {
    AddGuidedEntry(session_id, position, row, add_row(rows_.guidance), step);
  } else if (has_guidance && tokens_.has(i, v1::TOKEN_INPUT_GUIDANCE)) {
    // Any row will do: the token is given, and what follows is not judged.
    AddGuidedEntry(session_id, position, row, row, step);
  } else {
    AddEntry(session_id, position, row, step);
  }
  step->add_mode(v1::ENTRY_MODE_GIVEN);
  step->add_given_token(tokens_.ids()[i]);
  step->add_attempt(tokens_.attempt(i));
}

void ReceiptRows::AddMask(std::size_t i, std::string* masks,
                          v1::Step* step) const {
  if (rows_.masks.empty() || !tokens_.has(i, v1::TOKEN_INPUT_MASK)) {
    step->add_mask_index(kNone);
    return;
  }
  step->add_mask_index(
      static_cast<std::uint32_t>(masks->size() / mask_bytes()));
  absl::StrAppend(masks, NextOf(rows_.masks, mask_bytes()));
}

bool ReceiptRows::Lacks(std::size_t i, bool has_guidance) const {
  return tokens_.has(i, v1::TOKEN_INPUT_DRAFT) ||
         (tokens_.has(i, v1::TOKEN_INPUT_GUIDANCE) && has_guidance &&
          rows_.guidance.empty()) ||
         (tokens_.has(i, v1::TOKEN_INPUT_MASK) && rows_.masks.empty());
}

}  // namespace logitd::client
