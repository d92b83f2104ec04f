// What the tests of stores and of the catalog share.
#ifndef LOGITD_TESTS_PROFILES_STORE_SUPPORT_H_
#define LOGITD_TESTS_PROFILES_STORE_SUPPORT_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "service/profiles/store.h"

namespace logitd {

// A folder that goes with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string path = testing::TempDir() + "/logitd-profiles-XXXXXX";
    path_ = mkdtemp(path.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(absl::string_view file) const {
    return absl::StrCat(path_, "/", file);
  }

 private:
  std::string path_;
};

inline void WriteFile(const std::string& path, absl::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << std::string(text);
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A generous give-up, not a time limit.
inline bool Eventually(const std::function<bool()>& holds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline v1::Profile WithTemperature(double temperature) {
  v1::Profile profile;
  profile.mutable_default_params()->set_temperature(temperature);
  return profile;
}

inline Change PutChange(const std::string& name, const v1::Profile& content,
                        const std::string& expected) {
  Change change;
  change.name = name;
  change.content = content;
  change.content.set_name(name);
  change.expected_revision = expected;
  change.time = absl::FromUnixSeconds(1'700'000'000);
  return change;
}

inline Change DeleteChange(const std::string& name,
                           const std::string& expected) {
  Change change;
  change.is_delete = true;
  change.name = name;
  change.expected_revision = expected;
  return change;
}

inline std::string Code(const absl::Status& status) {
  return absl::StatusCodeToString(status.code());
}

}  // namespace logitd

#endif  // LOGITD_TESTS_PROFILES_STORE_SUPPORT_H_
