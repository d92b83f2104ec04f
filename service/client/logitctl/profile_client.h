// The calls of ProfileService as logitctl's commands make them: flags, pages,
// refusals as statuses of exit_code.h. Warnings in replies go to stderr.
// Threads: main thread. Cost: every call blocks.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_CLIENT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_CLIENT_H_

#include <grpcpp/client_context.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "service/client/logitctl/flags.h"

namespace logitd::logitctl {

inline constexpr int kPageSizeMax = 1000;  // The server gives no more.

class ProfileClient {
 public:
  ProfileClient(const client::Client& client, absl::Duration timeout)
      : stub_(client.Profiles()), timeout_(timeout) {}

  // Ids with or without "profiles/"; of Get also with "@revision".
  absl::StatusOr<v1::Profile> Get(const std::string& id) const;
  absl::StatusOr<std::vector<v1::Profile>> List(
      const std::string& filter) const;
  // At most `count`, newest first, asked for `page_size` at a time.
  absl::StatusOr<std::vector<v1::Profile>> Revisions(const std::string& id,
                                                     std::uint64_t count,
                                                     int page_size) const;
  absl::StatusOr<v1::Profile> Create(const std::string& id, v1::Profile profile,
                                     bool validate_only = false) const;
  // Replaces the content whole. profile.etag, when set, must be the stored one.
  absl::StatusOr<v1::Profile> Update(v1::Profile profile,
                                     bool validate_only = false) const;
  absl::StatusOr<v1::Profile> Rollback(const std::string& id,
                                       const std::string& revision,
                                       const std::string& etag,
                                       bool validate_only = false) const;
  absl::Status Delete(const std::string& id, const std::string& etag,
                      bool validate_only = false) const;
  // The same failure; if it is that there is no profile `id`, with what brings
  // it back if it was deleted, and the nearest one that there is. The server is
  // asked for both.
  absl::Status Hinted(const std::string& id, const absl::Status& status) const;
  // Until `each` says false or the stream ends. An empty token: from the start.
  absl::Status Watch(
      const std::string& resume_token,
      const std::function<bool(const v1::WatchProfilesResponse&)>& each) const;

 private:
  using Stub = v1::ProfileService::Stub;
  template <class Request, class Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request) const;
  // A line on what brings back a profile that is gone; empty: nothing.
  std::string WayBack(const std::string& id) const;

  std::unique_ptr<Stub> stub_;
  absl::Duration timeout_;
};

// Where the server is, for reads and for writes.
struct ProfileFlags {
  ServerFlags server;
  std::string admin_target;  // Empty: derived from server.target.

  void AddForReads(CLI::App* app) { server.AddTo(app); }
  void AddForWrites(CLI::App* app);
  // --validate-only.
  static void AddTrial(CLI::App* app, bool* validate_only);
  absl::StatusOr<ProfileClient> Connect() const;
  // The admin socket, which also answers reads.
  absl::StatusOr<ProfileClient> ConnectAdmin() const;
};

// ProfileClient::Hinted for what a session says of its profile.
absl::Status HintProfile(const ServerFlags& server, const std::string& profile,
                         const absl::Status& status);

void PrintWarnings(const v1::Profile& profile);
// What a trial says, and its warnings.
void PrintValid(const v1::Profile& profile);
// "created profiles/code@1, etag ...", and its warnings.
void PrintWritten(absl::string_view verb, const v1::Profile& profile);
// "updated" as PrintWritten, or "unchanged" if it is what was there before.
void PrintUpdated(absl::string_view verb, const v1::Profile& before,
                  const v1::Profile& profile);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_CLIENT_H_
