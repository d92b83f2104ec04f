#include "service/client/logitctl/usage.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace logitd::logitctl {
namespace {

// No sign, no blank, nothing left over, nothing too large.
std::optional<std::uint64_t> WholeNumber(absl::string_view text) {
  const bool hex = absl::StartsWithIgnoreCase(text, "0x");
  if (hex) {
    text.remove_prefix(2);
  }
  const char* const end = text.data() + text.size();
  std::uint64_t number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), end, number, hex ? 16 : 10);
  return error == std::errc() && rest == end ? std::optional(number)
                                             : std::nullopt;
}

std::string Commands(const CLI::App& app) {
  return absl::StrJoin(app.get_subcommands(nullptr), ", ",
                       [](std::string* text, const CLI::App* command) {
                         text->append(command->get_name());
                       });
}

// What people call commands elsewhere; "" if it is no such word.
std::string Meant(const CLI::App& app, const std::string& stray) {
  const auto rollbacks = app.get_subcommands([](const CLI::App* command) {
    return command->get_name() == "rollback";
  });
  return !rollbacks.empty() && stray == "\"undelete\""
             ? "; rollback brings a deleted profile back"
             : "";
}

// The first word that the app has no place for, quoted; "" if there is none.
std::string Stray(const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    if (word != "--") {
      return absl::StrCat("\"", word, "\"");
    }
  }
  return "";
}

}  // namespace

void TakeWholeNumbers(std::uint64_t min, std::uint64_t max,
                      CLI::Option* option) {
  // Written in decimal, CLI11's own conversion reads it right.
  option->transform(CLI::Validator(
      [min, max](std::string& text) {
        const auto number = WholeNumber(text);
        if (!number || *number < min || *number > max) {
          return absl::StrCat("\"", text, "\" is not a whole number from ", min,
                              " to ", max);
        }
        text = absl::StrCat(*number);
        return std::string();
      },
      ""));
}

void TakePositiveNumbers(CLI::Option* option) {
  option->check([](const std::string& text) {
    double number = 0;
    const bool positive = absl::SimpleAtod(text, &number) && number > 0;
    return positive ? "" : absl::StrCat("\"", text, "\" is not above 0");
  });
}

std::string WhyNotParsed(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* reached = &app;
  std::string path;  // " profiles list"
  while (true) {
    const std::string stray = Stray(*reached);
    const std::vector<CLI::App*> chosen = reached->get_subcommands();
    const bool has_commands = !reached->get_subcommands(nullptr).empty();
    const std::string of = path.empty() ? "" : absl::StrCat(" of", path);
    if (has_commands && !stray.empty()) {
      return absl::StrCat(stray, " is not a command", of,
                          Meant(*reached, stray), "; there are ",
                          Commands(*reached));
    }
    if (has_commands && chosen.empty()) {
      return absl::StrCat("a command", of, " is missing; there are ",
                          Commands(*reached));
    }
    if (chosen.empty()) {
      return absl::StrCat(stray.empty()
                              ? error.what()
                              : absl::StrCat(stray, " is not expected"),
                          "; see logitctl", path, " --help");
    }
    reached = chosen.front();
    absl::StrAppend(&path, " ", reached->get_name());
  }
}

}  // namespace logitd::logitctl
