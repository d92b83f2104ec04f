// A key of a profile file that no message has: what was probably meant.
//
// Pure; thread-safe; cost is that of Nearest.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_UNKNOWN_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_UNKNOWN_H_

#include <string>

#include "google/protobuf/descriptor.h"

namespace logitd {

// True of a field of Profile that only servers set.
bool IsOutputOnlyField(const google::protobuf::FieldDescriptor& field);

// "unknown key, ...", of a key of a message of this type.
std::string WhyUnknown(const std::string& key,
                       const google::protobuf::Descriptor& type);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_UNKNOWN_H_
