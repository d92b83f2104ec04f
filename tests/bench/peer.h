// llama.cpp's sampler as a peer in this process: loads the shared objects that
// peer.sh built. Owns them until the end of the process. Not thread-safe.

#ifndef LOGITD_TESTS_BENCH_PEER_H_
#define LOGITD_TESTS_BENCH_PEER_H_

#include <string>
#include <vector>

#include "tests/bench/peer_abi.h"

namespace logitd::bench {

// One build of the peer.
struct Peer {
  std::string compiler;
  decltype(&logitd_peer_open) open = nullptr;
  decltype(&logitd_peer_close) close = nullptr;
  decltype(&logitd_peer_accept) accept = nullptr;
  decltype(&logitd_peer_sample) sample = nullptr;
  decltype(&logitd_peer_built_ns) built_ns = nullptr;
};

struct Peers {
  std::vector<Peer> builds;
  std::string version;  // for example "llama.rn 1.2.3 (llama.cpp b1)"
  std::string missing;  // why `builds` is empty
};

// Reads what peer.sh left in `directory`.
Peers LoadPeers(const std::string& directory);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_PEER_H_
