#include "service/session/history_digest.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sampler/fingerprint.h"

namespace logitd {
namespace {

std::string Hex(uint64_t value) {
  return absl::StrCat(absl::Hex(value, absl::kZeroPad16));
}

}  // namespace

std::string HistoryDigest(const HistorySummary& summary) {
  const std::vector<std::string> lines = {
      absl::StrCat("fingerprint=", summary.fingerprint),
      absl::StrCat("seed=", summary.seed),
      absl::StrCat("salt=", absl::BytesToHexString(summary.salt)),
      absl::StrCat("prompt=", summary.prompt_length, ":",
                   summary.covers_prompt ? Hex(summary.prompt_chain) : ""),
      absl::StrCat("generated=", summary.generated, ":",
                   Hex(summary.generated_chain))};
  return absl::HexStringToBytes(Fingerprint(lines));
}

}  // namespace logitd
