#include "service/client/logitctl/side_by_side.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace logitd::logitctl {
namespace {

constexpr absl::string_view kGap = "   ";

void WrapLine(absl::string_view line, std::size_t width,
              std::vector<std::string>* lines) {
  std::string current;
  for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    if (!current.empty() && current.size() + 1 + word.size() > width) {
      lines->push_back(current);
      current.clear();
    }
    for (; word.size() > width; word.remove_prefix(width)) {
      lines->emplace_back(word.substr(0, width));
    }
    absl::StrAppend(&current, current.empty() ? "" : " ", word);
  }
  lines->push_back(current);
}

// Title, rule, text and notes of one column.
std::vector<std::string> Lines(const Column& column, std::size_t width,
                               std::size_t text_lines) {
  std::vector<std::string> lines = Wrap(column.title, width);
  lines.push_back(std::string(width, '-'));
  std::vector<std::string> text = Wrap(column.text, width);
  text.resize(text_lines);
  lines.insert(lines.end(), text.begin(), text.end());
  for (const std::string& note : column.notes) {
    const std::vector<std::string> wrapped = Wrap(note, width);
    lines.insert(lines.end(), wrapped.begin(), wrapped.end());
  }
  return lines;
}

// Columns that fit beside each other.
std::string Group(absl::Span<const Column> columns, std::size_t width) {
  std::size_t text_lines = 1;
  for (const Column& column : columns) {
    text_lines = std::max(text_lines, Wrap(column.text, width).size() + 1);
  }
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 0;
  for (const Column& column : columns) {
    cells.push_back(Lines(column, width, text_lines));
    height = std::max(height, cells.back().size());
  }
  std::string block;
  for (std::size_t y = 0; y < height; ++y) {
    std::string line;
    for (std::vector<std::string>& cell : cells) {
      std::string piece = y < cell.size() ? cell[y] : "";
      piece.resize(width, ' ');
      absl::StrAppend(&line, line.empty() ? "" : kGap, piece);
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&block, line, "\n");
  }
  return block;
}

}  // namespace

std::vector<std::string> Wrap(absl::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    WrapLine(line, std::max<std::size_t>(width, 1), &lines);
  }
  return lines;
}

std::string SideBySide(const std::vector<Column>& columns, std::size_t width) {
  const std::size_t fitting = std::clamp<std::size_t>(
      (width + kGap.size()) / (kColumnWidthMin + kGap.size()), 1,
      std::max<std::size_t>(columns.size(), 1));
  const std::size_t column_width =
      std::max(kColumnWidthMin, (width + kGap.size()) / fitting - kGap.size());
  std::string page;
  for (std::size_t first = 0; first < columns.size(); first += fitting) {
    absl::StrAppend(&page, first == 0 ? "" : "\n",
                    Group(absl::MakeConstSpan(columns).subspan(first, fitting),
                          column_width));
  }
  return page;
}

std::size_t SharedTokens(absl::Span<const std::uint32_t> a,
                         absl::Span<const std::uint32_t> b) {
  const std::size_t length = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(length),
                    b.begin())
          .first -
      a.begin());
}

double RepeatShare(absl::Span<const std::uint32_t> tokens) {
  std::set<std::array<std::uint32_t, 3>> seen;
  std::size_t repeats = 0;
  for (std::size_t i = 2; i < tokens.size(); ++i) {
    const bool is_new =
        seen.insert({tokens[i - 2], tokens[i - 1], tokens[i]}).second;
    repeats += is_new ? 0 : 1;
  }
  return tokens.empty() ? 0
                        : static_cast<double>(repeats) /
                              static_cast<double>(tokens.size());
}

}  // namespace logitd::logitctl
