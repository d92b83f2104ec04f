#include "service/profiles/calls.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/profiles/lint.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/validate_params.h"
#include "service/profiles/validate_violation.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::util::FieldMaskUtil;

absl::Status Required(const char* field, absl::string_view value) {
  if (!value.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": required"));
}

// The key of a label that a path names, `labels.team` or labels.`a.b` as in
// AIP-161; empty: it names none.
std::string LabelOf(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "labels.")) return "";
  if (absl::ConsumePrefix(&path, "`")) {
    return absl::ConsumeSuffix(&path, "`") ? std::string(path) : "";
  }
  const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
  return is_plain ? std::string(path) : "";
}

// The fields that an update changes, of Profile.
absl::StatusOr<google::protobuf::FieldMask> MaskOf(
    const v1::UpdateProfileRequest& request) {
  google::protobuf::FieldMask mask;
  const auto* type = v1::Profile::descriptor();
  const bool all = request.update_mask().paths_size() == 1 &&
                   request.update_mask().paths(0) == "*";
  if (request.update_mask().paths_size() == 0 || all) {
    std::vector<const FieldDescriptor*> set;
    request.profile().GetReflection()->ListFields(request.profile(), &set);
    for (int i = 0; all && i < type->field_count(); ++i) {
      set.push_back(type->field(i));
    }
    for (const FieldDescriptor* field : set) {
      if (field->number() == v1::Profile::kNameFieldNumber) continue;
      if (!IsOutputOnly(field->number())) mask.add_paths(field->name());
    }
    return mask;
  }
  for (int i = 0; i < request.update_mask().paths_size(); ++i) {
    const std::string& path = request.update_mask().paths(i);
    const bool is_label = absl::StartsWith(path, "labels.");
    if (is_label && !LabelOf(path).empty()) {
      mask.add_paths(path);
      continue;
    }
    const auto* top = type->FindFieldByName(path.substr(0, path.find('.')));
    if (is_label || top == nullptr || IsOutputOnly(top->number()) ||
        top->number() == v1::Profile::kNameFieldNumber ||
        !FieldMaskUtil::IsValidPath<v1::Profile>(path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("update_mask.paths[", i, "]: ", Quote(path),
                       " is not a field of Profile that can be changed"));
    }
    mask.add_paths(path);
  }
  return mask;
}

// `mask` is one that MaskOf gave.
void Merge(const v1::Profile& from, const google::protobuf::FieldMask& mask,
           v1::Profile* to) {
  google::protobuf::FieldMask fields;
  for (const std::string& path : mask.paths()) {
    const std::string label = LabelOf(path);
    if (label.empty()) {
      fields.add_paths(path);
      continue;
    }
    const auto found = from.labels().find(label);
    if (found == from.labels().end()) {
      to->mutable_labels()->erase(label);
    } else {
      (*to->mutable_labels())[label] = found->second;
    }
  }
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(from, fields, options, to);
}

std::string WhoOf(const absl::StatusOr<std::string>& writer,
                  const Caller& caller) {
  return writer.ok() ? *writer : absl::StrCat("nobody at ", caller.peer);
}

// A mask copies known fields only: what it would leave out is told.
absl::Status CheckKnown(const v1::Profile& profile) {
  Violations unknown;
  ValidateKnown("", profile, &unknown);
  return ToStatus(unknown);
}

std::string JsonOf(const ProfilePtr& profile) {
  return profile == nullptr ? "" : WriteJson(*profile, Fields::kAll);
}

template <class Response>
Response ResponseOf(ProfilePage page) {
  Response response;
  for (const ProfilePtr& profile : page.profiles) {
    *response.add_profiles() = *profile;
  }
  response.set_next_page_token(std::move(page.next_page_token));
  return response;
}

}  // namespace

v1::Profile ProfileCalls::WithWarnings(v1::Profile profile) const {
  for (v1::LintFinding& finding : logitd::Lint(profile, limits_)) {
    *profile.add_warnings() = std::move(finding);
  }
  return profile;
}

template <class Write>
auto ProfileCalls::Audited(const char* method, const std::string& name,
                           const Caller& caller, const Write& write)
    -> decltype(write(std::string())) {
  const auto who = CheckWriter(caller, tokens_);
  using Result = decltype(write(std::string()));
  Result answer = who.ok() ? write(*who) : Result(who.status());
  if (!answer.ok()) {
    AuditRefused(WhoOf(who, caller), method, name, answer.status());
  }
  return answer;
}

void ProfileCalls::AuditUnread(const std::string& method, const Caller& caller,
                               const absl::Status& why) {
  AuditRefused(WhoOf(CheckWriter(caller, tokens_), caller), method, "", why);
}

void ProfileCalls::AuditRefused(const std::string& who,
                                const std::string& method,
                                const std::string& name,
                                const absl::Status& why) {
  AuditEntry entry;
  entry.who = who;
  entry.method = method;
  entry.name = name.size() > kQuoteMax ? Quote(name) : name;
  entry.refused =
      absl::StrCat(absl::StatusCodeToString(why.code()), ": ", why.message());
  audit_.Write(entry);
}

// The change is in the store: now it is told.
v1::Profile ProfileCalls::Done(const char* method, const std::string& who,
                               const Written& written, bool validate_only) {
  const ProfilePtr& named = written.after ? written.after : written.before;
  if (!validate_only) {
    audit_.Write({who, method, named->name(), JsonOf(written.before),
                  JsonOf(written.after)});
  }
  return WithWarnings(*named);
}

absl::StatusOr<v1::Profile> ProfileCalls::Create(
    const v1::CreateProfileRequest& request, const Caller& caller) {
  const auto write = [&](const std::string& who) -> Answer<v1::Profile> {
    LOGITD_RETURN_IF_ERROR(Required("profile_id", request.profile_id()));
    LOGITD_ASSIGN_OR_RETURN(
        const Written written,
        catalog_.Create(request.profile_id(), request.profile(),
                        request.validate_only()));
    return Done("CreateProfile", who, written, request.validate_only());
  };
  return Audited("CreateProfile",
                 absl::StrCat("profiles/", request.profile_id()), caller,
                 write);
}

absl::StatusOr<v1::Profile> ProfileCalls::Get(
    const v1::GetProfileRequest& request, const Caller&) {
  LOGITD_RETURN_IF_ERROR(Required("name", request.name()));
  LOGITD_ASSIGN_OR_RETURN(const ProfilePtr profile,
                          catalog_.Get(request.name()));
  return WithWarnings(*profile);
}

absl::StatusOr<v1::ListProfilesResponse> ProfileCalls::List(
    const v1::ListProfilesRequest& request, const Caller&) {
  LOGITD_ASSIGN_OR_RETURN(
      ProfilePage page, catalog_.List(request.page_size(), request.page_token(),
                                      request.filter()));
  return ResponseOf<v1::ListProfilesResponse>(std::move(page));
}

absl::StatusOr<v1::Profile> ProfileCalls::Update(
    const v1::UpdateProfileRequest& request, const Caller& caller) {
  const auto write = [&](const std::string& who) -> Answer<v1::Profile> {
    LOGITD_RETURN_IF_ERROR(Required("profile.name", request.profile().name()));
    LOGITD_RETURN_IF_ERROR(CheckKnown(request.profile()));
    LOGITD_ASSIGN_OR_RETURN(const auto mask, MaskOf(request));
    const auto edit = [&](v1::Profile* stored) {
      Merge(request.profile(), mask, stored);
      return absl::OkStatus();
    };
    LOGITD_ASSIGN_OR_RETURN(
        const Written written,
        catalog_.Update(request.profile().name(), request.profile().etag(),
                        edit, request.validate_only()));
    return Done("UpdateProfile", who, written, request.validate_only());
  };
  return Audited("UpdateProfile", request.profile().name(), caller, write);
}

absl::StatusOr<google::protobuf::Empty> ProfileCalls::Delete(
    const v1::DeleteProfileRequest& request, const Caller& caller) {
  const auto write =
      [&](const std::string& who) -> Answer<google::protobuf::Empty> {
    LOGITD_RETURN_IF_ERROR(Required("name", request.name()));
    LOGITD_ASSIGN_OR_RETURN(const Written written,
                            catalog_.Delete(request.name(), request.etag(),
                                            request.validate_only()));
    Done("DeleteProfile", who, written, request.validate_only());
    return google::protobuf::Empty();
  };
  return Audited("DeleteProfile", request.name(), caller, write);
}

absl::StatusOr<v1::ListProfileRevisionsResponse> ProfileCalls::ListRevisions(
    const v1::ListProfileRevisionsRequest& request, const Caller&) {
  LOGITD_RETURN_IF_ERROR(Required("name", request.name()));
  LOGITD_ASSIGN_OR_RETURN(
      ProfilePage page,
      catalog_.ListRevisions(request.name(), request.page_size(),
                             request.page_token()));
  return ResponseOf<v1::ListProfileRevisionsResponse>(std::move(page));
}

absl::StatusOr<v1::Profile> ProfileCalls::Rollback(
    const v1::RollbackProfileRequest& request, const Caller& caller) {
  const auto write = [&](const std::string& who) -> Answer<v1::Profile> {
    LOGITD_RETURN_IF_ERROR(Required("name", request.name()));
    LOGITD_RETURN_IF_ERROR(Required("revision", request.revision()));
    LOGITD_ASSIGN_OR_RETURN(
        const Written written,
        catalog_.Rollback(request.name(), request.revision(), request.etag(),
                          request.validate_only()));
    return Done("RollbackProfile", who, written, request.validate_only());
  };
  return Audited("RollbackProfile", request.name(), caller, write);
}

absl::StatusOr<v1::LintProfileResponse> ProfileCalls::Lint(
    const v1::LintProfileRequest& request, const Caller&) {
  v1::LintProfileResponse response;
  for (v1::LintFinding& finding : logitd::Lint(request.profile(), limits_)) {
    *response.add_findings() = std::move(finding);
  }
  return response;
}

}  // namespace logitd
