// A folder of a test's own.
#ifndef LOGITD_TESTS_CLIENT_FOLDER_H_
#define LOGITD_TESTS_CLIENT_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "gtest/gtest.h"

namespace logitd::client {

// New, with files of these names and texts; goes with the object.
class Folder {
 public:
  explicit Folder(const std::map<std::string, std::string>& files) {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
    for (const auto& [name, text] : files) {
      std::ofstream(path_ + "/" + name) << text;
    }
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = ::testing::TempDir() + "/logitctl_XXXXXX";
};

}  // namespace logitd::client

#endif  // LOGITD_TESTS_CLIENT_FOLDER_H_
