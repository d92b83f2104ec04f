#include "service/client/logitctl/sample_output.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/json.h"

namespace logitd::logitctl {
namespace {

// As numbers of other programs are compared with it: 16 hex digits.
std::string DigestOf(const client::Entry& entry) {
  return absl::StrFormat("%016x", entry.row_digest.value_or(0));
}

// Some token is always kept: no list, too long a list.
bool AreLeftOut(const client::Entry& entry) {
  return entry.kept > 0 && entry.kept_ids.empty();
}

std::string KeptIdsJson(const client::Entry& entry) {
  if (AreLeftOut(entry)) {
    return "null";
  }
  return absl::StrCat("[", absl::StrJoin(entry.kept_ids, ", "), "]");
}

void PrintJsonRow(const SampleOutput& output, std::uint32_t row,
                  const client::Entry& entry) {
  std::vector<std::pair<std::string, std::string>> members = {
      {"row", absl::StrCat(row)},
      {"token", entry.token.has_value() ? absl::StrCat(*entry.token) : "null"},
      {"final_logprob", JsonNumber(entry.final_logprob)},
      {"kept", absl::StrCat(entry.kept)}};
  if (output.row_digest) {
    members.emplace_back("row_digest", entry.token.has_value()
                                           ? JsonString(DigestOf(entry))
                                           : "null");
  }
  if (output.kept_ids) {
    members.emplace_back("kept_ids", KeptIdsJson(entry));
  }
  members.emplace_back("finish_reason",
                       JsonString(client::FinishName(entry.finish_reason)));
  absl::PrintF("%s\n", JsonObject(members));
}

}  // namespace

void PrintHead(const SampleOutput& output) {
  if (output.json) {
    return;
  }
  absl::PrintF("row\ttoken\tlogprob\tkept%s%s\n",
               output.row_digest ? "\trow_digest" : "",
               output.kept_ids ? "\tkept_ids" : "");
}

void PrintRow(const SampleOutput& output, std::uint32_t row,
              const client::Entry& entry) {
  if (output.json) {
    PrintJsonRow(output, row, entry);
    return;
  }
  if (!entry.token.has_value()) {
    absl::PrintF("%u\tskipped: the generation has ended\n", row);
    return;
  }
  std::string line = absl::StrFormat("%u\t%u\t%.6f\t%u", row, *entry.token,
                                     entry.final_logprob, entry.kept);
  if (output.row_digest) {
    absl::StrAppend(&line, "\t", DigestOf(entry));
  }
  if (output.kept_ids) {
    absl::StrAppend(
        &line, "\t",
        AreLeftOut(entry) ? "too many" : absl::StrJoin(entry.kept_ids, ","));
  }
  const std::string finish = client::FinishName(entry.finish_reason);
  absl::PrintF("%s%s%s\n", line, finish.empty() ? "" : "\t", finish);
}

}  // namespace logitd::logitctl
