#include "tests/bench/peer.h"

#include "tests/bench/peer_library.h"

namespace logitd::bench {
namespace {

bool Load(const std::string& path, Peer* peer, std::string* why) {
  void* library = OpenPeer(path);
  if (library == nullptr) {
    const char* error = dlerror();
    *why = error != nullptr ? error : "cannot load " + path;
    return false;
  }
  if (Find(library, "logitd_peer_open", &peer->open) &&
      Find(library, "logitd_peer_close", &peer->close) &&
      Find(library, "logitd_peer_accept", &peer->accept) &&
      Find(library, "logitd_peer_sample", &peer->sample) &&
      Find(library, "logitd_peer_built_ns", &peer->built_ns)) {
    return true;
  }
  *why = "not built by peer.sh: " + path;
  return false;
}

}  // namespace

Peers LoadPeers(const std::string& directory) {
  Peers peers;
  peers.version = FirstLine(directory + "/version");
  for (const char* compiler : {"gcc", "clang"}) {
    Peer peer;
    peer.compiler = compiler;
    const std::string path = directory + "/peer_" + compiler + ".so";
    if (Load(path, &peer, &peers.missing)) peers.builds.push_back(peer);
  }
  const std::string why = FirstLine(directory + "/why");
  if (!why.empty()) peers.missing = why;
  if (!peers.builds.empty()) peers.missing.clear();
  return peers;
}

}  // namespace logitd::bench
