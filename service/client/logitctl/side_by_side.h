// Texts in columns, wrapped at words, for comparing by eye.
// Knows nothing of where the texts come from. Threads: free functions.
// Cost: O(length).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_SIDE_BY_SIDE_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_SIDE_BY_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace logitd::logitctl {

struct Column {
  std::string title;
  std::string text;
  std::vector<std::string> notes;  // Lines under the text.
};

// The columns in lines of at most `width` bytes, where that leaves each column
// kColumnWidthMin; below that the columns go under each other in groups.
inline constexpr std::size_t kColumnWidthMin = 16;
std::string SideBySide(const std::vector<Column>& columns, std::size_t width);

// `text` in lines of at most `width` bytes; a longer word is cut. Line feeds
// stay.
std::vector<std::string> Wrap(absl::string_view text, std::size_t width);

// How many tokens two texts have in common before the first that differs.
std::size_t SharedTokens(absl::Span<const std::uint32_t> a,
                         absl::Span<const std::uint32_t> b);

// The share of tokens that complete three in a row which came before.
double RepeatShare(absl::Span<const std::uint32_t> tokens);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_SIDE_BY_SIDE_H_
