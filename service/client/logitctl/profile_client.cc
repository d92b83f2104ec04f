#include "service/client/logitctl/profile_client.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_text.h"
#include "service/client/status.h"
#include "service/profiles/nearest.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";

absl::Status Refusal(const grpc::Status& status) {
  const absl::Status refusal = RefusedBy(kWho, client::ToStatus(status));
  return absl::IsAborted(refusal)
             ? Reworded(refusal, absl::StrCat(refusal.message(),
                                              "\nsomebody changed it since: "
                                              "read it again"))
             : refusal;
}

}  // namespace

template <class Request, class Response>
absl::StatusOr<Response> ProfileClient::Call(
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request) const {
  grpc::ClientContext call;
  call.set_deadline(client::DeadlineAfter(timeout_));
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&call, request, &response);
  if (!status.ok()) {
    return Refusal(status);
  }
  return response;
}

absl::StatusOr<v1::Profile> ProfileClient::Get(const std::string& id) const {
  v1::GetProfileRequest request;
  request.set_name(ProfileName(id));
  return Call(&Stub::GetProfile, request);
}

absl::StatusOr<std::vector<v1::Profile>> ProfileClient::List(
    const std::string& filter) const {
  v1::ListProfilesRequest request;
  request.set_filter(filter);
  request.set_page_size(kPageSizeMax);
  std::vector<v1::Profile> profiles;
  do {
    const auto page = Call(&Stub::ListProfiles, request);
    if (!page.ok()) {
      return page.status();
    }
    profiles.insert(profiles.end(), page->profiles().begin(),
                    page->profiles().end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return profiles;
}

absl::StatusOr<std::vector<v1::Profile>> ProfileClient::Revisions(
    const std::string& id, std::uint64_t count, int page_size) const {
  v1::ListProfileRevisionsRequest request;
  request.set_name(ProfileName(id));
  std::vector<v1::Profile> profiles;
  do {
    const std::uint64_t left = count - profiles.size();
    request.set_page_size(left < static_cast<std::uint64_t>(page_size)
                              ? static_cast<int>(left)
                              : page_size);
    const auto page = Call(&Stub::ListProfileRevisions, request);
    if (!page.ok()) {
      return page.status();
    }
    profiles.insert(profiles.end(), page->profiles().begin(),
                    page->profiles().end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && profiles.size() < count);
  return profiles;
}

absl::StatusOr<v1::Profile> ProfileClient::Create(const std::string& id,
                                                  v1::Profile profile,
                                                  bool validate_only) const {
  v1::CreateProfileRequest request;
  request.set_profile_id(ProfileId(id));
  *request.mutable_profile() = std::move(profile);
  request.set_validate_only(validate_only);
  return Call(&Stub::CreateProfile, request);
}

absl::StatusOr<v1::Profile> ProfileClient::Update(v1::Profile profile,
                                                  bool validate_only) const {
  v1::UpdateProfileRequest request;
  *request.mutable_profile() = std::move(profile);
  request.mutable_update_mask()->add_paths("*");
  request.set_validate_only(validate_only);
  return Call(&Stub::UpdateProfile, request);
}

absl::StatusOr<v1::Profile> ProfileClient::Rollback(const std::string& id,
                                                    const std::string& revision,
                                                    const std::string& etag,
                                                    bool validate_only) const {
  v1::RollbackProfileRequest request;
  request.set_name(ProfileName(id));
  request.set_revision(revision);
  request.set_etag(etag);
  request.set_validate_only(validate_only);
  return Call(&Stub::RollbackProfile, request);
}

absl::Status ProfileClient::Delete(const std::string& id,
                                   const std::string& etag,
                                   bool validate_only) const {
  v1::DeleteProfileRequest request;
  request.set_name(ProfileName(id));
  request.set_etag(etag);
  request.set_validate_only(validate_only);
  return Call(&Stub::DeleteProfile, request).status();
}

absl::Status ProfileClient::Hinted(const std::string& id,
                                   const absl::Status& status) const {
  if (!absl::IsNotFound(status)) {
    return status;
  }
  const auto profiles = List("");
  if (!profiles.ok()) {
    return status;  // Which says enough.
  }
  std::vector<std::string> ids;
  for (const v1::Profile& profile : *profiles) {
    ids.push_back(ProfileId(profile.name()));
  }
  const std::string asked = ProfileId(id);
  if (std::count(ids.begin(), ids.end(), asked) > 0) {
    return status;
  }
  std::string message = absl::StrCat(status.message(), WayBack(asked));
  if (const std::string nearest = Nearest(asked, ids); !nearest.empty()) {
    absl::StrAppend(&message, "\nthe nearest profile is ", nearest);
  }
  return Reworded(status, message);
}

std::string ProfileClient::WayBack(const std::string& id) const {
  const auto last = Revisions(id, 1, 1);
  // A file of the server's that is gone comes back as a file only.
  if (!last.ok() || last->empty() || last->front().source() == "directory") {
    return "";
  }
  return absl::StrCat("\nit was deleted: logitctl profiles rollback ", id, " ",
                      last->front().revision(), " brings it back");
}

absl::Status ProfileClient::Watch(
    const std::string& resume_token,
    const std::function<bool(const v1::WatchProfilesResponse&)>& each) const {
  grpc::ClientContext call;
  if (timeout_ != absl::InfiniteDuration()) {
    call.set_deadline(client::DeadlineAfter(timeout_));
  }
  v1::WatchProfilesRequest request;
  request.set_resume_token(resume_token);
  const auto stream = stub_->WatchProfiles(&call, request);
  v1::WatchProfilesResponse event;
  while (stream->Read(&event)) {
    if (!each(event)) {
      call.TryCancel();
      (void)stream->Finish();
      return absl::OkStatus();
    }
  }
  const absl::Status end = client::ToStatus(stream->Finish());
  if (absl::IsDeadlineExceeded(end)) {
    return absl::OkStatus();  // as --timeout asked
  }
  return RefusedBy("the watch ended", end);
}

void ProfileFlags::AddForWrites(CLI::App* app) {
  server.AddTo(app);
  app->add_option("--admin-target", admin_target,
                  "Where the server takes writes. Absent: beside --target, "
                  "unix:/x/logitd.sock -> unix:/x/logitd-admin.sock")
      ->envname("LOGITD_ADMIN_TARGET")
      ->group("Connection");
}

void ProfileFlags::AddTrial(CLI::App* app, bool* validate_only) {
  app->add_flag("--validate-only", *validate_only,
                "Asks whether it would be done, and does not do it");
}

absl::StatusOr<ProfileClient> ProfileFlags::Connect() const {
  const auto connected = server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  return ProfileClient(*connected, server.timeout());
}

absl::StatusOr<ProfileClient> ProfileFlags::ConnectAdmin() const {
  if (admin_target.empty() && !absl::StartsWith(server.target, "unix:")) {
    return Connect();  // over TLS the same address takes writes
  }
  const std::string target =
      admin_target.empty() ? AdminTargetOf(server.target) : admin_target;
  client::ConnectOptions options;
  options.timeout = std::min(options.timeout, server.timeout());
  const auto connected = client::Client::Connect(target, options);
  if (!connected.ok()) {
    return UnreachableError(
        absl::UnavailableError(absl::StrCat("the server's admin socket: ",
                                            connected.status().message())),
        absl::StrCat("start the server:  logitd --listen ", server.target,
                     "\nor name its admin socket with --admin-target or "
                     "LOGITD_ADMIN_TARGET"));
  }
  return ProfileClient(*connected, server.timeout());
}

absl::Status HintProfile(const ServerFlags& server, const std::string& profile,
                         const absl::Status& status) {
  if (!absl::IsNotFound(status) || profile.empty()) {
    return status;
  }
  const auto connected = ProfileFlags{server, ""}.Connect();
  return connected.ok() ? connected->Hinted(profile, status) : status;
}

void PrintWarnings(const v1::Profile& profile) {
  for (const v1::LintFinding& finding : profile.warnings()) {
    absl::FPrintF(stderr, "%s", FindingText(finding));
  }
}

void PrintValid(const v1::Profile& profile) {
  absl::PrintF("valid, and nothing was written: %s\n", profile.name());
  PrintWarnings(profile);
}

void PrintWritten(absl::string_view verb, const v1::Profile& profile) {
  absl::PrintF("%s %s, etag %s\n", verb, RevisionName(profile), profile.etag());
  PrintWarnings(profile);
}

void PrintUpdated(absl::string_view verb, const v1::Profile& before,
                  const v1::Profile& profile) {
  PrintWritten(before.etag() == profile.etag() ? "unchanged" : verb, profile);
}

}  // namespace logitd::logitctl
