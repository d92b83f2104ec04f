// What the benchmark's and the tests' loaders of the peer share: the shared
// objects that peer.sh built, and the files that it left beside them.
//
// A library is loaded once and never unloaded; thread-safe.
#ifndef LOGITD_TESTS_BENCH_PEER_LIBRARY_H_
#define LOGITD_TESTS_BENCH_PEER_LIBRARY_H_

#include <dlfcn.h>

#include <fstream>
#include <string>

namespace logitd {

inline std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// nullptr: dlerror() says why. Lazy: the sampler names parts of the peer that
// nobody calls or has.
inline void* OpenPeer(const std::string& path) {
  return dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
}

template <typename Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

}  // namespace logitd

#endif  // LOGITD_TESTS_BENCH_PEER_LIBRARY_H_
