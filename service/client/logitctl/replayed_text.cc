#include "service/client/logitctl/replayed_text.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/json.h"

namespace logitd::logitctl {
namespace {

using client::ReplayDifference;

std::string Digest(std::uint64_t digest) {
  return absl::StrFormat("%016x", digest);
}

// A token that differs, with a row that does: at it, or before it where a state
// carries on.
bool IsOfRows(const client::Replayed& replayed) {
  return replayed.row.has_value() &&
         replayed.row->index <= replayed.token->index;
}

std::string DifferenceJson(const std::optional<ReplayDifference>& first,
                           bool is_digest) {
  if (!first.has_value()) {
    return "null";
  }
  const auto value = [is_digest](std::uint64_t number) {
    return is_digest ? JsonString(Digest(number)) : absl::StrCat(number);
  };
  return JsonObject({{"index", absl::StrCat(first->index)},
                     {"row", absl::StrCat(first->row)},
                     {"recorded", value(first->recorded)},
                     {"found", value(first->found)}});
}

}  // namespace

std::string ReplayedText(const client::Replayed& replayed) {
  std::string text;
  const auto line = [&text](std::uint32_t count, absl::string_view what) {
    if (count > 0) {
      absl::StrAppendFormat(&text, "%8u  %s\n", count, what);
    }
  };
  line(replayed.same, "drawn tokens follow from their rows");
  line(replayed.other, "drawn tokens do not follow from their rows");
  line(replayed.given, "tokens were given, not drawn");
  line(replayed.appended, "tokens were appended without a row");
  line(replayed.unchecked,
       "tokens are not checked: a mask, guidance or a draft is missing");
  line(replayed.other_rows, "rows are not those recorded");
  if (replayed.row.has_value()) {
    absl::StrAppendFormat(
        &text, "first row:   %u, of token %u, was %s, is %s\n",
        replayed.row->row, replayed.row->index, Digest(replayed.row->recorded),
        Digest(replayed.row->found));
  }
  if (replayed.token.has_value()) {
    absl::StrAppendFormat(
        &text, "first token: %u, of row %u, was %u, now follows %u\n",
        replayed.token->index, replayed.token->row, replayed.token->recorded,
        replayed.token->found);
  }
  return text;
}

std::string ReplayedJson(const client::Replayed& replayed) {
  return absl::StrCat(
      JsonObject({{"same", absl::StrCat(replayed.same)},
                  {"other", absl::StrCat(replayed.other)},
                  {"given", absl::StrCat(replayed.given)},
                  {"appended", absl::StrCat(replayed.appended)},
                  {"unchecked", absl::StrCat(replayed.unchecked)},
                  {"other_rows", absl::StrCat(replayed.other_rows)},
                  {"first_token", DifferenceJson(replayed.token, false)},
                  {"first_row", DifferenceJson(replayed.row, true)}}),
      "\n");
}

absl::Status Verdict(const client::Replayed& replayed) {
  if (replayed.is_same()) {
    return absl::OkStatus();
  }
  if (!replayed.token.has_value()) {
    return DiffersError(
        "the rows have changed, though the same tokens follow from them");
  }
  return DiffersError(
      IsOfRows(replayed)
          ? "the rows have changed, and other tokens follow from them"
          : "the sampler has changed, or the receipt: another token follows "
            "from the same row");
}

}  // namespace logitd::logitctl
