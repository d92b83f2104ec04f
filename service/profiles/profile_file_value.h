// One node of a profile file as the value of one field, and what is wrong with
// it.
//
// A number that the message can hold but no profile may have (NaN, infinity, an
// enum's unknown number) is read: the validator refuses it, in the words that a
// request gets. One that the message cannot hold (a count below 0) is refused
// here, in the same words. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "service/profiles/profile_file_tree.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

// Adds "<path>: <the value> <what> (line N)".
void AddWrong(const std::string& path, const FileNode& node,
              absl::string_view what, Violations* faults);
// Adds what the tree noted of this node. True: it noted something.
bool AddNoted(const std::string& path, const FileNode& node,
              Violations* faults);

// Nothing: it is no such value, and a fault is added.
std::optional<double> ReadDouble(const std::string& path, const FileNode& node,
                                 Violations* faults);
std::optional<uint32_t> ReadCount(
    const std::string& path, const FileNode& node,
    const google::protobuf::FieldDescriptor& field, Violations* faults);
std::optional<bool> ReadBool(const std::string& path, const FileNode& node,
                             Violations* faults);
std::optional<std::string> ReadText(const std::string& path,
                                    const FileNode& node, Violations* faults);
// Token ids, which all `bytes` of a profile are: a list, or base64.
std::optional<std::string> ReadIds(const std::string& path,
                                   const FileNode& node, Violations* faults);
// A name. Also a number that has none.
std::optional<int> ReadEnum(const std::string& path, const FileNode& node,
                            const google::protobuf::FieldDescriptor& field,
                            Violations* faults);
std::optional<google::protobuf::Timestamp> ReadTime(const std::string& path,
                                                    const FileNode& node,
                                                    Violations* faults);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_VALUE_H_
