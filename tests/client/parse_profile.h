// A profile of a test, as YAML. Threads: any.

#ifndef LOGITD_TESTS_CLIENT_PARSE_PROFILE_H_
#define LOGITD_TESTS_CLIENT_PARSE_PROFILE_H_

#include <gtest/gtest.h>

#include <string>

#include "service/profiles/profile_file.h"

namespace logitd::logitctl {

inline v1::Profile Parse(const std::string& yaml) {
  auto profile = ParseProfile(yaml, "p");
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.value_or(v1::Profile());
}

}  // namespace logitd::logitctl

#endif  // LOGITD_TESTS_CLIENT_PARSE_PROFILE_H_
