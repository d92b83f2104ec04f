// The feedback state as bytes.
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "sampler/feedback.h"

namespace logitd {
namespace {

constexpr char kVersion = 1;
constexpr char kHasMu = 1;
constexpr char kHasSums = 2;

void Add(double value, std::string* bytes) {
  char raw[sizeof(value)];
  std::memcpy(raw, &value, sizeof(value));
  bytes->append(raw, sizeof(raw));
}

double Take(absl::string_view* bytes) {
  double value;
  std::memcpy(&value, bytes->data(), sizeof(value));
  bytes->remove_prefix(sizeof(value));
  return value;
}

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("state: ", why, "; it is what a reply of a step brought"));
}

}  // namespace

std::string WriteFeedback(const Feedback& feedback) {
  std::string bytes;
  if (feedback.empty()) return bytes;
  bytes.push_back(kVersion);
  bytes.push_back(static_cast<char>((feedback.mu ? kHasMu : 0) |
                                    (feedback.sums ? kHasSums : 0)));
  if (feedback.mu) Add(*feedback.mu, &bytes);
  if (feedback.sums) {
    Add(feedback.sums->weighted, &bytes);
    Add(feedback.sums->total, &bytes);
  }
  return bytes;
}

absl::StatusOr<Feedback> ReadFeedback(absl::string_view bytes) {
  Feedback feedback;
  if (bytes.empty()) return feedback;
  if (bytes[0] != kVersion) return Malformed("not of version 1");
  const char parts = bytes.size() > 1 ? bytes[1] : '\0';
  const size_t doubles =
      ((parts & kHasMu) != 0 ? 1u : 0u) + ((parts & kHasSums) != 0 ? 2u : 0u);
  if (parts < 1 || parts > (kHasMu | kHasSums) ||
      bytes.size() != 2 + 8 * doubles) {
    return Malformed(absl::StrCat(bytes.size(), " bytes do not fit its parts"));
  }
  bytes.remove_prefix(2);
  if ((parts & kHasMu) != 0) {
    feedback.mu = Take(&bytes);
    if (!std::isfinite(*feedback.mu)) return Malformed("mu is not finite");
  }
  if ((parts & kHasSums) != 0) {
    const double weighted = Take(&bytes);
    const double total = Take(&bytes);
    if (!(weighted >= 0 && weighted <= total && total > 0 && total < 1e300)) {
      return Malformed("the sums are not those of probabilities");
    }
    feedback.sums = Feedback::Sums{weighted, total};
  }
  return feedback;
}

}  // namespace logitd
