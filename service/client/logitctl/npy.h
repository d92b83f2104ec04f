// Rows of logits in NumPy's .npy files: float32 or float16, C order, [V] or
// [R, V]. Knows nothing of sampling; values are not looked at. Threads:
// free functions. Ownership: the bytes are the caller's. Cost: reads the whole
// file into memory.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_NPY_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_NPY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "logitd/v1/place.pb.h"

namespace logitd::logitctl {

// Rows as they stand in the file: little-endian, row after row.
struct NpyRows {
  v1::Dtype dtype = v1::DTYPE_FLOAT32;
  std::uint32_t row_count = 0;
  std::uint32_t row_width = 0;
  std::string bytes;
};

// Not a file, not .npy, another dtype, Fortran order, a shape that is not [V]
// or [R, V], an empty one, or a length that does not fit the shape: a usage
// error that says which, and how to write the file instead.
absl::StatusOr<NpyRows> ReadNpy(const std::string& file);

// The same from a file's content.
absl::StatusOr<NpyRows> ParseNpy(std::string content);

// Rows, and those that guide them: without a file none.
struct GuidedNpyRows {
  NpyRows rows;
  NpyRows guidance;
};

// As ReadNpy; other shapes or dtypes are a usage error too. An empty `guidance`
// is no file.
absl::StatusOr<GuidedNpyRows> ReadGuidedNpy(const std::string& file,
                                            const std::string& guidance);

// A mask for each row, as Step.mask_table has them.
struct NpyMasks {
  std::uint32_t words = 0;  // uint32 of each
  std::string bytes;
};

// uint32 [R, W], or bytes, padded to whole words. Errors as ReadNpy.
absl::StatusOr<NpyMasks> ReadNpyMasks(const std::string& file);

// A file's content: [R, V] float32 or float16.
std::string FormatNpy(const NpyRows& rows);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_NPY_H_
