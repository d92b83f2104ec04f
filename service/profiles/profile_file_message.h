// The tree of a file to a message and back, by reflection: a field added to the
// contract needs nothing here. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_MESSAGE_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_MESSAGE_H_

#include "logitd/v1/profiles.pb.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/profile_file_tree.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

// How token ids are written.
enum class IdStyle { kList, kBase64 };

// Adds all that is wrong with keys and values, in the order of the file, up to
// kViolationsMax. kContent: also each field that only servers set.
void ReadTree(const FileNode& root, Fields fields, v1::Profile* profile,
              Violations* faults);

FileNode WriteTree(const v1::Profile& profile, Fields fields, IdStyle ids);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_MESSAGE_H_
