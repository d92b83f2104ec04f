// A Sample stream to a server of the test suite's own.
#ifndef LOGITD_TESTS_SERVICE_STREAM_FIXTURE_H_
#define LOGITD_TESTS_SERVICE_STREAM_FIXTURE_H_

#include <vector>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {

// What a session of seed 42 over kVocab tokens generates.
inline std::vector<uint32_t> Expected(const Params& params, uint32_t count) {
  Session session = testing::OpenOrDie(testing::StartOf(params));
  return testing::Stepper().Generate(count, &session);
}

class StreamTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new testing::TestServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  static inline testing::TestServer* server_ = nullptr;
  testing::TestStream stream_{*server_};
};

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_STREAM_FIXTURE_H_
