#include "service/client/receipt.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "service/client/messages.h"

namespace logitd::client {
namespace {

absl::Status Invalid(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("receipt.", field, ": ", why));
}

absl::Status CheckOrigins(const std::string& origins) {
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const int origin = static_cast<unsigned char>(origins[i]);
    if (origin < v1::TOKEN_ORIGIN_DRAWN || origin > v1::TOKEN_ORIGIN_APPENDED) {
      return Invalid("origins", absl::StrCat(origin, " at index ", i,
                                             " is no TokenOrigin"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckParts(const v1::Receipt& receipt, std::size_t count) {
  if (receipt.parts_size() == 0) {
    return Invalid("parts", "required, at least one");
  }
  std::uint64_t least = 0;
  for (int i = 0; i < receipt.parts_size(); ++i) {
    const std::uint32_t first = receipt.parts(i).first();
    if (i == 0 ? first != 0 : first < least || first > count) {
      return Invalid(absl::StrCat("parts[", i, "].first"),
                     absl::StrCat(first, " does not rise from 0 to ", count));
    }
    least = std::uint64_t{first} + 1;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReceiptTokens> ReceiptTokens::Read(const v1::Receipt& receipt) {
  ReceiptTokens tokens(receipt);
  auto ids = UnpackIds(receipt.tokens());
  if (!ids.ok()) {
    return Invalid("tokens", ids.status().message());
  }
  tokens.ids_ = *std::move(ids);
  const std::size_t count = tokens.size();
  const auto check = [count](absl::string_view field, std::size_t size,
                             bool may_be_empty) {
    if (size == count || (size == 0 && may_be_empty)) {
      return absl::OkStatus();
    }
    return Invalid(field,
                   absl::StrCat(size, " elements for ", count, " tokens"));
  };
  const auto size_of = [](const auto& list) {
    return static_cast<std::size_t>(list.size());
  };
  absl::Status fits = check("origins", receipt.origins().size(), false);
  fits.Update(check("inputs", receipt.inputs().size(), true));
  fits.Update(check("attempts", size_of(receipt.attempts()), true));
  fits.Update(check("row_digests", size_of(receipt.row_digests()), false));
  fits.Update(CheckOrigins(receipt.origins()));
  fits.Update(CheckParts(receipt, count));
  if (!fits.ok()) {
    return fits;
  }
  return tokens;
}

std::size_t ReceiptTokens::CountRows() const {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    rows += has_row(i) ? 1 : 0;
  }
  return rows;
}

std::size_t ReceiptTokens::EndOfAppended(std::size_t i, std::size_t end) const {
  while (i < end && !has_row(i)) {
    ++i;
  }
  return i;
}

std::size_t ReceiptTokens::EndOfPart(int part) const {
  return part + 1 < receipt_->parts_size() ? receipt_->parts(part + 1).first()
                                           : size();
}

}  // namespace logitd::client
