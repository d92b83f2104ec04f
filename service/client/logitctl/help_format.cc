#include "service/client/logitctl/help_format.h"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/side_by_side.h"

namespace logitd::logitctl {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kLeftWidth = 28;

// The left text, then the right one beside it in lines of its own column.
std::string TwoColumns(const std::string& left, const std::string& right) {
  const std::string indent(kLeftWidth, ' ');
  std::string line = absl::StrCat("  ", left);
  if (line.size() + 2 > kLeftWidth) {
    absl::StrAppend(&line, "\n", indent);
  } else {
    line.resize(kLeftWidth, ' ');
  }
  return absl::StrCat(line,
                      absl::StrJoin(Wrap(right, kWidth - kLeftWidth),
                                    absl::StrCat("\n", indent)),
                      "\n");
}

std::string Paragraph(const std::string& text) {
  return absl::StrCat(absl::StrJoin(Wrap(text, kWidth), "\n"), "\n");
}

class Columns final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return Paragraph(app->get_description());
  }

  std::string make_subcommand(const CLI::App* app) const override {
    return TwoColumns(app->get_name(), app->get_description());
  }

  std::string make_option(const CLI::Option* option,
                          bool is_positional) const override {
    return TwoColumns(
        make_option_name(option, is_positional) + make_option_opts(option),
        option->get_description());
  }

  // "=default" and the environment variable; the types speak for themselves.
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0) {
      absl::StrAppend(&text, " ", option->get_type_name());
      if (!option->get_default_str().empty()) {
        absl::StrAppend(&text, "=", option->get_default_str());
      }
      if (option->get_required()) {
        absl::StrAppend(&text, " (required)");
      }
    }
    if (!option->get_envname().empty()) {
      absl::StrAppend(&text, " or ", option->get_envname());
    }
    return text;
  }
};

}  // namespace

void FormatHelp(CLI::App* app) { app->formatter(std::make_shared<Columns>()); }

}  // namespace logitd::logitctl
