#include "service/profiles/nearest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace logitd {
namespace {

// Levenshtein's.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);  // from the prefix of a seen so far
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// "defaults" begins default_params, "force" force_params.
std::string Begun(absl::string_view name,
                  const std::vector<std::string>& names) {
  constexpr size_t kLeast = 3;  // less of a name says nothing
  absl::ConsumeSuffix(&name, "s");
  std::string begun;
  if (name.size() < kLeast) return begun;
  for (const std::string& other : names) {
    if (!absl::StartsWithIgnoreCase(other, name)) continue;
    if (begun.empty() || other.size() < begun.size()) begun = other;
  }
  return begun;
}

}  // namespace

std::string Nearest(absl::string_view name,
                    const std::vector<std::string>& names) {
  constexpr size_t kNameBytesMax = 256;  // nobody's typing error
  if (name.size() > kNameBytesMax) return "";
  const std::string asked = absl::AsciiStrToLower(name);
  std::string nearest = Begun(asked, names);
  if (!nearest.empty()) return nearest;
  size_t least = std::max<size_t>(2, name.size() / 4) + 1;
  for (const std::string& other : names) {
    const size_t distance = Distance(asked, absl::AsciiStrToLower(other));
    if (distance >= least || distance >= other.size()) continue;
    least = distance;
    nearest = other;
  }
  return nearest;
}

}  // namespace logitd
