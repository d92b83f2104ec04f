// A step that takes long, for tests of what others do meanwhile.
#ifndef LOGITD_TESTS_SERVICE_LONG_STEP_H_
#define LOGITD_TESTS_SERVICE_LONG_STEP_H_

#include <cstdint>
#include <vector>

#include "logitd/v1/sampling.pb.h"
#include "tests/support/service_fixture.h"

namespace logitd {

inline constexpr uint32_t kWide = 1u << 20;
inline constexpr uint32_t kEntries = 256;

// A step of `sessions` sessions with so many entries in all, on one row that
// takes long: milliseconds for each entry.
inline v1::SampleRequest LongStep(uint32_t sessions,
                                  uint32_t entries = kEntries) {
  v1::SampleRequest request;
  std::vector<float> row(kWide);
  for (uint32_t i = 0; i < kWide; ++i) {
    row[i] = static_cast<float>(i % 1021) / 256;
  }
  for (uint32_t id = 0; id < sessions; ++id) {
    testing::AddOpen(id, kWide, &request)->mutable_params()->set_top_p(.9);
  }
  v1::Step* step = request.mutable_step();
  step->set_row_count(1);
  step->set_row_width(kWide);
  step->set_dtype(v1::DTYPE_FLOAT32);
  step->mutable_logits()->set_inline_(testing::FloatBytes(row));
  for (uint32_t i = 0; i < entries; ++i) {
    step->add_session_id(i % sessions);
    step->add_position(i / sessions);
    step->add_row(0);
  }
  return request;
}

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_LONG_STEP_H_
