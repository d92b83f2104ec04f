// The bad profile files of tests/profiles/bad, one for each thing that can be
// wrong, named after it.
//
// Each begins with `# Expected: <error>`; a second line `# File: <stem>` gives
// another name than its own (%00 is a zero byte, - is nothing but a dash).
#ifndef LOGITD_TESTS_PROFILES_BAD_FILES_H_
#define LOGITD_TESTS_PROFILES_BAD_FILES_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/profiles/store_support.h"

namespace logitd {

struct BadFile {
  std::string text;
  std::string stem;
  std::string expected;
};

// By name.
inline std::map<std::string, BadFile> BadFiles() {
  std::map<std::string, BadFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(
           LOGITD_SOURCE_DIR "/tests/profiles/bad")) {
    const std::string name = entry.path().stem().string();
    BadFile file = {ReadFile(entry.path()), name, ""};
    const std::vector<std::string> lines = absl::StrSplit(file.text, '\n');
    absl::string_view first = lines[0];
    EXPECT_TRUE(absl::ConsumePrefix(&first, "# Expected: ")) << name;
    file.expected = std::string(first);
    absl::string_view second;
    if (lines.size() > 1) second = lines[1];
    if (absl::ConsumePrefix(&second, "# File: ")) {
      file.stem =
          absl::StrReplaceAll(second, {{"%00", absl::string_view("\0", 1)}});
    }
    files[name] = std::move(file);
  }
  return files;
}

}  // namespace logitd

#endif  // LOGITD_TESTS_PROFILES_BAD_FILES_H_
