// A script of tests/golden that computes vectors of the specification.
//
// Knows GoogleTest. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_GOLDEN_SCRIPT_H_
#define LOGITD_TESTS_SAMPLER_GOLDEN_SCRIPT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace logitd::tests {

// What it prints, line by line. `name` is that of the file.
inline std::vector<std::string> LinesOfScript(const std::string& name) {
  const auto close = [](FILE* pipe) { pclose(pipe); };
  const std::string command =
      "/usr/bin/python3 " LOGITD_SOURCE_DIR "/tests/golden/" + name;
  const std::unique_ptr<FILE, decltype(close)> pipe(popen(command.c_str(), "r"),
                                                    close);
  std::vector<std::string> lines;
  char line[1000];
  while (pipe && std::fgets(line, sizeof(line), pipe.get()) != nullptr) {
    lines.emplace_back(line);
    lines.back().pop_back();  // the line feed
  }
  return lines;
}

// sampler/README.md has each of them, and they are at least so many.
inline void ExpectOnThePage(const std::string& name, size_t least) {
  std::ifstream file(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::vector<std::string> lines = LinesOfScript(name);
  EXPECT_GE(lines.size(), least);
  for (const std::string& line : lines) {
    EXPECT_THAT(page.str(), testing::HasSubstr("\n    " + line + "\n"));
  }
}

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_GOLDEN_SCRIPT_H_
