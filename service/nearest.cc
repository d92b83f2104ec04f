#include "service/nearest.h"

#include <algorithm>
#include <numeric>

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

}  // namespace

std::string Nearest(absl::string_view name,
                    const std::vector<std::string>& names) {
  constexpr size_t kNameBytesMax = 256;  // nobody's typing error
  if (name.size() > kNameBytesMax) return "";
  std::string nearest;
  size_t least = std::max<size_t>(2, name.size() / 4) + 1;
  for (const std::string& other : names) {
    const size_t distance = Distance(name, other);
    if (distance >= least || distance >= other.size()) continue;
    least = distance;
    nearest = other;
  }
  return nearest;
}

}  // namespace logitd
