#include "service/profiles/store.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

constexpr size_t kEtagBytes = 8;

void SetTime(absl::Time time, google::protobuf::Timestamp* wire) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  wire->set_seconds(seconds);
  wire->set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace

std::string ContentBytes(const v1::Profile& profile) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    ContentOf(profile).SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::string MakeEtag(const v1::Profile& content, absl::string_view revision) {
  const std::string bytes = ContentBytes(content);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         digest);
  return absl::StrCat("\"", revision, "-",
                      absl::BytesToHexString(absl::string_view(
                          reinterpret_cast<const char*>(digest), kEtagBytes)),
                      "\"");
}

StoredRevision MakeRevision(const v1::Profile& content, absl::string_view name,
                            absl::string_view revision,
                            absl::string_view source, absl::Time created,
                            absl::Time updated) {
  StoredRevision stored{ContentOf(content), false};
  v1::Profile& profile = stored.profile;
  profile.set_name(std::string(name));
  profile.set_etag(MakeEtag(profile, revision));
  profile.set_revision(std::string(revision));
  SetTime(created, profile.mutable_create_time());
  SetTime(updated, profile.mutable_update_time());
  profile.set_source(std::string(source));
  return stored;
}

StoredRevision MakeDeletion(absl::string_view name,
                            absl::string_view revision) {
  StoredRevision stored;
  stored.profile.set_name(std::string(name));
  stored.profile.set_revision(std::string(revision));
  stored.deleted = true;
  return stored;
}

absl::Status CheckExpected(const Change& change, absl::string_view current) {
  if (change.expected_revision == current) {
    if (!change.is_delete || !current.empty()) return absl::OkStatus();
  }
  if (current.empty()) {
    return absl::NotFoundError(absl::StrCat("name: there is no ", change.name));
  }
  if (change.expected_revision.empty() && !change.is_delete) {
    return absl::AlreadyExistsError(
        absl::StrCat("profile_id: ", change.name, " is there already"));
  }
  return absl::AbortedError(absl::StrCat("etag: ", change.name,
                                         " is at revision ", current, ", not ",
                                         change.expected_revision));
}

uint64_t RevisionNumber(absl::string_view revision) {
  uint64_t number = 0;
  const bool has_first_digit =
      !revision.empty() && revision.front() >= '1' && revision.front() <= '9';
  return has_first_digit && absl::SimpleAtoi(revision, &number) ? number : 0;
}

absl::Status NoRevision(absl::string_view name, absl::string_view revision) {
  return absl::NotFoundError(
      absl::StrCat("revision: there is no ", name, "@", revision));
}

absl::Status TooManyNames(const StoreLimits& limits) {
  return absl::ResourceExhaustedError(
      absl::StrCat("profile_id: the store remembers ", limits.names_max,
                   " names already, deleted ones too (--max_profile_names)"));
}

}  // namespace logitd
