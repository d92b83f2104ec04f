// Where the demo's language model lies and which package brings it. For the
// server that loads it and the command line that tells how to install it.

#ifndef LOGITD_SERVICE_CLIENT_DEMO_MODEL_FILE_H_
#define LOGITD_SERVICE_CLIENT_DEMO_MODEL_FILE_H_

namespace logitd::demo {

inline constexpr char kModelFile[] =
    "/usr/share/pocketsphinx/model/en-us/en-us.lm.bin";
inline constexpr char kModelPackage[] = "pocketsphinx-en-us";

}  // namespace logitd::demo

#endif  // LOGITD_SERVICE_CLIENT_DEMO_MODEL_FILE_H_
