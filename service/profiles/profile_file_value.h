// One node of a profile file as the value of one field, and what is wrong with
// it.
//
// A number that the message can hold but no profile may have (NaN, infinity, an
// enum's unknown number) is read: the validator refuses it, in the words that a
// request gets. One that the message cannot hold (a count below 0) is refused
// here, in the same words. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "service/profiles/profile_file_tree.h"

namespace logitd {

bool IsUtf8(absl::string_view text);
// Of text that may be anything, what fits into an error.
std::string Printable(absl::string_view text);

// "<path>: <the value> <what> (line N)".
absl::Status WrongValue(const std::string& path, const FileNode& node,
                        absl::string_view what);
// What the tree noted of this node.
absl::Status CheckFault(const std::string& path, const FileNode& node);

absl::StatusOr<double> ReadDouble(const std::string& path,
                                  const FileNode& node);
absl::StatusOr<uint32_t> ReadCount(
    const std::string& path, const FileNode& node,
    const google::protobuf::FieldDescriptor& field);
absl::StatusOr<bool> ReadBool(const std::string& path, const FileNode& node);
absl::StatusOr<std::string> ReadText(const std::string& path,
                                     const FileNode& node);
// Token ids, which all `bytes` of a profile are: a list, or base64.
absl::StatusOr<std::string> ReadIds(const std::string& path,
                                    const FileNode& node);
// A name. Also a number that has none.
absl::StatusOr<int> ReadEnum(const std::string& path, const FileNode& node,
                             const google::protobuf::FieldDescriptor& field);

// The name nearest to `asked`, for what was meant.
class Nearest {
 public:
  explicit Nearest(absl::string_view asked);
  void Offer(const std::string& name);
  const std::string& name() const { return name_; }

 private:
  const std::string asked_;
  std::string name_;
  size_t distance_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_
