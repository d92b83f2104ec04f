// Every write of a profile, in the audit log.
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "service/audit_log.h"
#include "service/profiles/calls.h"
#include "service/profiles/memory_store.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using google::protobuf::Struct;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TempFolder;

constexpr char kToken[] = "deploy-0123456789";

Struct JsonOf(const std::string& text) {
  Struct json;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &json).ok())
      << text;
  return json;
}

std::string Field(const Struct& json, const std::string& name) {
  const auto found = json.fields().find(name);
  return found == json.fields().end() ? "" : found->second.string_value();
}

class AuditedWrites : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string tokens = folder_.File("tokens");
    std::ofstream(tokens) << "ci:" << kToken << "\n";
    ASSERT_EQ(chmod(tokens.c_str(), 0600), 0);
    tokens_ = *AdminTokens::Read(tokens);
    caller_.has_certificate = true;
    caller_.authorization = absl::StrCat("Bearer ", kToken);
    Open(log_);
  }
  // Starts with no profiles.
  void Open(const std::string& log) {
    audit_ = *AuditLog::Open(log);
    catalog_ = *Catalog::Open({}, std::make_unique<MemoryStore>(), {});
    calls_ = std::make_unique<ProfileCalls>(limits_, tokens_, catalog_.get(),
                                            audit_.get());
  }

  absl::StatusOr<v1::Profile> Create(bool validate_only = false) {
    v1::CreateProfileRequest request;
    request.set_profile_id("chat");
    request.mutable_profile()->mutable_default_params()->set_top_p(0.9);
    request.set_validate_only(validate_only);
    return calls_->Create(request, caller_);
  }
  absl::StatusOr<v1::Profile> Update(const std::string& etag = "",
                                     bool validate_only = false) {
    v1::UpdateProfileRequest request;
    request.mutable_profile()->set_name("profiles/chat");
    request.mutable_profile()->set_etag(etag);
    request.mutable_profile()->mutable_default_params()->set_top_p(0.8);
    request.set_validate_only(validate_only);
    return calls_->Update(request, caller_);
  }
  absl::StatusOr<v1::Profile> Rollback(const std::string& revision) {
    v1::RollbackProfileRequest request;
    request.set_name("profiles/chat");
    request.set_revision(revision);
    return calls_->Rollback(request, caller_);
  }
  absl::Status Delete() {
    v1::DeleteProfileRequest request;
    request.set_name("profiles/chat");
    return calls_->Delete(request, caller_).status();
  }

  // The lines so far. None knows the token.
  std::vector<Struct> Lines() const {
    std::vector<Struct> lines;
    std::ifstream file(log_);
    for (std::string line; std::getline(file, line);) {
      EXPECT_THAT(line, Not(HasSubstr(kToken)));
      lines.push_back(JsonOf(line));
    }
    return lines;
  }

  const TempFolder folder_;
  const std::string log_ = folder_.File("audit.jsonl");
  const Limits limits_{};
  AdminTokens tokens_;
  Caller caller_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ProfileCalls> calls_;
};

// "1": the revision, with an etag; "": no profile.
std::string RevisionIn(const Struct& line, const std::string& field) {
  const std::string text = Field(line, field);
  if (text.empty()) return "";
  const Struct profile = JsonOf(text);
  EXPECT_NE(Field(profile, "etag"), "") << text;
  return Field(profile, "revision");
}

TEST_F(AuditedWrites, SayWhoDidWhatFromWhichRevisionToWhich) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Update(), IsOk());
  ASSERT_THAT(Rollback("1"), IsOk());
  ASSERT_THAT(Delete(), IsOk());
  struct Expected {
    const char* method;
    const char* before;
    const char* after;
  };
  const std::vector<Expected> expected = {{"CreateProfile", "", "1"},
                                          {"UpdateProfile", "1", "2"},
                                          {"RollbackProfile", "2", "3"},
                                          {"DeleteProfile", "3", ""}};
  const std::vector<Struct> lines = Lines();
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(Field(lines[i], "who"), "token:ci");
    EXPECT_EQ(Field(lines[i], "method"), expected[i].method);
    EXPECT_EQ(Field(lines[i], "name"), "profiles/chat");
    EXPECT_EQ(RevisionIn(lines[i], "before"), expected[i].before) << i;
    EXPECT_EQ(RevisionIn(lines[i], "after"), expected[i].after) << i;
  }
}

TEST_F(AuditedWrites, SayWhoWasRefusedWhatAndWhy) {
  ASSERT_THAT(Create(), IsOk());
  EXPECT_FALSE(Create().ok());
  EXPECT_FALSE(Update("another").ok());
  EXPECT_FALSE(Rollback("9").ok());
  caller_.authorization += "x";
  caller_.peer = "ipv4:10.0.0.9:4711";
  EXPECT_FALSE(Delete().ok());
  struct Expected {
    const char* who;
    const char* method;
    const char* refused;
  };
  const std::vector<Expected> expected = {
      {"token:ci", "CreateProfile", "ALREADY_EXISTS: profile_id"},
      {"token:ci", "UpdateProfile", "ABORTED: "},
      {"token:ci", "RollbackProfile", "FAILED_PRECONDITION: "},
      {"nobody at ipv4:10.0.0.9:4711", "DeleteProfile",
       "PERMISSION_DENIED: authorization: is not a token"}};
  const std::vector<Struct> lines = Lines();
  ASSERT_EQ(lines.size(), 1 + expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const Struct& line = lines[i + 1];
    EXPECT_EQ(Field(line, "who"), expected[i].who);
    EXPECT_EQ(Field(line, "method"), expected[i].method);
    EXPECT_EQ(Field(line, "name"), "profiles/chat");
    EXPECT_THAT(Field(line, "refused"), StartsWith(expected[i].refused));
  }
}

TEST_F(AuditedWrites, ALongNameIsCut) {
  v1::DeleteProfileRequest request;
  request.set_name(std::string(10000, 'n'));
  EXPECT_FALSE(calls_->Delete(request, caller_).ok());
  ASSERT_EQ(Lines().size(), 1u);
  EXPECT_LT(Field(Lines()[0], "name").size(), 100u);
}

TEST_F(AuditedWrites, AreNotWhatIsOnlyToBeChecked) {
  ASSERT_THAT(Create(true), IsOk());
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Update("", true), IsOk());
  EXPECT_EQ(Lines().size(), 1u);
}

TEST_F(AuditedWrites, StandWhenTheLogCannotBeWritten) {
  Open("/dev/full");
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(Create(), IsOk());
  EXPECT_THAT(Update(), IsOk());
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("the audit log cannot be written"));
  EXPECT_THAT(log, HasSubstr("token:ci"));
  EXPECT_THAT(log, Not(HasSubstr(kToken)));
  EXPECT_THAT(Update(), IsOk());  // and so is the next one taken
}

}  // namespace
}  // namespace logitd
