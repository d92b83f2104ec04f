// Surrogate pairs of JSON strings, which yaml-cpp refuses: "\ud83d\ude00" is
// one code point.
//
// Only in double quotes is a backslash an escape, and only yaml-cpp knows where
// those are. So halves are marked before it reads, in a way that comes out of
// double quotes other than it went in, and resolved in every scalar it finds.
// Pure; thread-safe; cost linear.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_SURROGATES_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_SURROGATES_H_

#include <string>

namespace logitd {

// Marks each "\ud..." that is half of a pair; the text stays as long. False:
// there is none.
bool MarkSurrogates(std::string* text);

// Of a scalar of a marked text. Turns marks into code points where they were
// escapes, back into what was written where not. Says what is wrong with half a
// pair; else empty.
std::string ResolveSurrogates(std::string* scalar);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_SURROGATES_H_
