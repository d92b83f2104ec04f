#include "service/client/logitctl/replayed_text.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/json.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

using client::ReplayDifference;

std::string Digest(std::uint64_t digest) {
  return absl::StrFormat("%016x", digest);
}

std::string DifferenceJson(const std::optional<ReplayDifference>& first,
                           bool is_digest) {
  if (!first.has_value()) {
    return "null";
  }
  const auto value = [is_digest](std::uint64_t number) {
    if (is_digest) {
      return JsonString(Digest(number));
    }
    return number == client::kNone ? "null" : absl::StrCat(number);
  };
  return JsonObject({{"index", absl::StrCat(first->index)},
                     {"row", absl::StrCat(first->row)},
                     {"recorded", value(first->recorded)},
                     {"found", value(first->found)}});
}

}  // namespace

std::string ReplayedText(const client::Replayed& replayed,
                         bool has_other_rules) {
  std::string text;
  const auto line = [&text](std::uint32_t count, absl::string_view what) {
    if (count > 0) {
      absl::StrAppendFormat(&text, "%8u  %s\n", count, what);
    }
  };
  line(replayed.same, has_other_rules ? "drawn tokens would have been the same"
                                      : "drawn tokens follow from their rows");
  line(replayed.other, has_other_rules
                           ? "would have been others, behind the same text"
                           : "drawn tokens do not follow from their rows");
  line(replayed.given, "tokens were given, not drawn");
  line(replayed.appended, "tokens were appended without a row");
  line(replayed.unchecked,
       "tokens are not checked: a mask, guidance or a draft is missing,\n"
       "          or the text has ended before");
  line(replayed.other_rows, "rows are not those recorded");
  if (replayed.row.has_value()) {
    absl::StrAppendFormat(
        &text, "first row:   %u, of token %u, was %s, is %s\n",
        replayed.row->row, replayed.row->index, Digest(replayed.row->recorded),
        Digest(replayed.row->found));
  }
  if (replayed.token.has_value()) {
    absl::StrAppendFormat(
        &text, "%s: %u, of row %u, was %u, %s%s\n",
        has_other_rules ? "parts at token" : "first token",
        replayed.token->index, replayed.token->row, replayed.token->recorded,
        has_other_rules ? "" : "now ",
        replayed.token->found == client::kNone
            ? "the text has ended"
            : absl::StrCat("follows ", replayed.token->found));
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
                  {"receipt_is_whole", replayed.is_whole ? "true" : "false"},
                  {"first_token", DifferenceJson(replayed.token, false)},
                  {"first_row", DifferenceJson(replayed.row, true)}}),
      "\n");
}

absl::Status Verdict(const client::Replayed& replayed, bool has_other_rules) {
  if (!replayed.is_whole) {
    return DiffersError(
        "the receipt has changed: row_chain_digest, generated_count, seed, "
        "salt "
        "or fingerprint is not that of its tokens");
  }
  const bool is_other = replayed.token.has_value() && !has_other_rules;
  if (is_other && !replayed.token->has_other_row) {
    return DiffersError(
        replayed.token->is_guided
            ? "the guidance rows have changed, or the sampler: another token "
              "follows from the same row"
            : "the sampler has changed, or the receipt: another token follows "
              "from the same row");
  }
  if (replayed.other_rows > 0) {
    return DiffersError(
        is_other ? "the rows have changed, and other tokens follow from them"
        : has_other_rules
            ? "the rows have changed: these are of another generation"
            : "the rows have changed, though the same tokens follow from them");
  }
  const std::uint32_t not_judged =
      replayed.unchecked + replayed.given + replayed.appended;
  if (not_judged > 0 && replayed.same + replayed.other == 0) {
    return DiffersError("nothing could be checked: no drawn token is left");
  }
  return absl::OkStatus();
}

}  // namespace logitd::logitctl
