// Peers that can be stopped in the middle of a stream: connections of their
// own, each with one stream that steps until it ends.
// Threads: free functions; RunPeers starts one for each connection and joins
// them.
#ifndef LOGITD_TESTS_E2E_STALLED_PEER_H_
#define LOGITD_TESTS_E2E_STALLED_PEER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "service/client/client.h"

namespace logitd::testing {

// Opens sessions 0 to `count`-1. With `reports` each step of 256 of them is
// answered with 790 KB.
v1::SampleRequest OpenMany(uint64_t count, bool reports);
// A step that moves none of them, so that it may be sent at any time.
v1::SampleRequest PeekAtMany(uint64_t request_id, uint64_t count);

// What a process of peers does. As text, for its environment.
struct PeerTask {
  std::vector<std::string> targets;
  int connections = 0;  // to each target
  // Always as many requests unanswered as the server takes, with large replies;
  // else one, with a small one.
  bool floods = false;

  std::string ToText() const;
  static PeerTask FromText(const std::string& text);
  int streams() const { return connections * static_cast<int>(targets.size()); }
  uint64_t sessions() const;  // of each stream
};

// The process: steps until each stream has ended with an error, which it
// prints. False if one ended with OK.
bool RunPeers(const PeerTask& task);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_STALLED_PEER_H_
