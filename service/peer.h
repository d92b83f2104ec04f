// ClientOf: who calls, as far as gRPC knows: those who share a name share their
// turns and their account. The one place between gRPC and admission.h.
#ifndef LOGITD_SERVICE_PEER_H_
#define LOGITD_SERVICE_PEER_H_

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"

namespace logitd {

// The name in the certificate that a TLS client showed, else its address
// without the port. "" on a Unix socket: gRPC cannot tell its peers apart.
inline std::string ClientOf(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    const auto names = auth->GetPeerIdentity();
    if (!names.empty()) {
      return absl::StrCat("tls:",
                          std::string(names[0].data(), names[0].size()));
    }
  }
  const std::string peer = context.peer();
  if (absl::StartsWith(peer, "unix")) return "";
  return peer.substr(0, peer.rfind(':'));
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_PEER_H_
