#include "service/write_policy.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
using testing::TempFolder;
using Code = absl::StatusCode;

constexpr char kDeploy[] = "deploy-0123456789";
constexpr char kRotated[] = "rotated-0123456789";
constexpr char kOps[] = "ops:with=signs/0123+456789";

class TokenFile : public ::testing::Test {
 protected:
  absl::StatusOr<AdminTokens> Read(const std::string& text,
                                   mode_t mode = 0600) {
    std::ofstream(path_, std::ios::binary) << text;
    EXPECT_EQ(chmod(path_.c_str(), mode), 0);
    return AdminTokens::Read(path_);
  }
  // One line that names the setting and the file, says `why`, and tells nothing
  // of what stands in the file.
  void ExpectRefusal(const absl::StatusOr<AdminTokens>& tokens,
                     const std::string& path, const std::string& why) {
    ASSERT_THAT(tokens, StatusIs(Code::kInvalidArgument, why));
    const std::string text(tokens.status().message());
    EXPECT_EQ(text.rfind("--admin_token_file: " + path, 0), 0u) << text;
    EXPECT_THAT(text, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("0123")),
                            Not(HasSubstr("secret"))));
  }
  void ExpectRefusal(const std::string& content, const std::string& why) {
    ExpectRefusal(Read(content), path_, why);
  }

  const TempFolder folder_;
  const std::string path_ = folder_.File("tokens");
};

TEST_F(TokenFile, GivesTheNameOfEachToken) {
  const auto tokens = Read(absl::StrCat(
      "# who may deploy\n\n  deploy:", kDeploy, "\r\ndeploy:", kRotated,
      "\n\tops:", kOps));  // no newline at the end
  ASSERT_THAT(tokens, testing::IsOk());
  EXPECT_EQ(tokens->NameOf(kDeploy), "deploy");
  EXPECT_EQ(tokens->NameOf(kRotated), "deploy");
  EXPECT_EQ(tokens->NameOf(kOps), "ops");
}

TEST_F(TokenFile, NoOtherTokenHasAName) {
  const std::string deploy = kDeploy;
  const auto tokens = Read("deploy:" + deploy);
  ASSERT_THAT(tokens, testing::IsOk());
  std::string wrong_end = deploy;
  wrong_end.back() ^= 1;
  for (const std::string& token :
       {std::string(), deploy + "x", deploy.substr(0, deploy.size() - 1),
        wrong_end, " " + deploy, deploy + " ", deploy + '\0',
        "deploy:" + deploy, std::string(deploy.size(), 'x')}) {
    EXPECT_EQ(tokens->NameOf(token), "") << token;
  }
}

TEST_F(TokenFile, IsOptional) {
  const auto none = AdminTokens::Read("");
  ASSERT_THAT(none, testing::IsOk());
  EXPECT_EQ(none->NameOf(""), "");
  EXPECT_EQ(none->NameOf(kDeploy), "");
}

TEST_F(TokenFile, IsRefusedWhenItIsNotThereOrNoFile) {
  const std::string missing = folder_.File("missing");
  ExpectRefusal(AdminTokens::Read(missing), missing, "No such file");
  ExpectRefusal(AdminTokens::Read(folder_.path()), folder_.path(),
                "is not a file");
  const std::string pipe = folder_.File("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ExpectRefusal(AdminTokens::Read(pipe), pipe, "is not a file");
}

TEST_F(TokenFile, IsRefusedWhenItHoldsNoToken) {
  ExpectRefusal("", "holds no token");
  ExpectRefusal("\n# name:token\n \n", "holds no token");
}

TEST_F(TokenFile, IsRefusedWhenEveryUserMayReadOrWriteIt) {
  const std::string good = absl::StrCat("deploy:", kDeploy, "\n");
  ExpectRefusal(Read(good, 0644), path_, "has mode 0644");
  ExpectRefusal(Read(good, 0602), path_, "has mode 0602");
  EXPECT_THAT(Read(good, 0640), testing::IsOk());
  EXPECT_THAT(Read(good, 0400), testing::IsOk());
}

TEST_F(TokenFile, ABadLineIsNamedAndNotQuoted) {
  const std::string good = absl::StrCat("deploy:", kDeploy, "\n");
  ExpectRefusal(good + "secret\n", ":2: is not name:token");
  ExpectRefusal("# x\n\n:secret-0123456789", ":3: a name has 1 to 64");
  ExpectRefusal("my name:secret-0123456789", ":1: a name has");
  ExpectRefusal(std::string(65, 'n') + ":secret-0123456789", ":1: a name has");
  ExpectRefusal("n:secret-01234567", "");  // 15
  ExpectRefusal("n:secret 0123456789", ":1: a token has 16 to 512");
  ExpectRefusal(
      "n:secret\x01"
      "0123456789",
      ":1: a token has");
  ExpectRefusal(
      "n:secret\xc3\xa4"
      "0123456789",
      ":1: a token has");
  ExpectRefusal("n:" + std::string(513, 's'), ":1: a token has");
  ExpectRefusal(good + "other:" + kDeploy, ":2: this token is given twice");
}

TEST_F(TokenFile, HasALimit) {
  std::string text;
  for (int i = 0; i < 256; ++i)
    absl::StrAppend(&text, "n:", 1000 + i, kDeploy, "\n");
  EXPECT_THAT(Read(text), testing::IsOk());
  ExpectRefusal(text + "n:" + kDeploy, ":257: more than 256 tokens");
  ExpectRefusal(std::string(1 << 20, '#'), "is larger than");
}

class Writer : public TokenFile {
 protected:
  void SetUp() override {
    tokens_ = *Read(absl::StrCat("deploy:", kDeploy, "\n"));
  }
  absl::StatusOr<std::string> Check(const Caller& caller) {
    auto who = CheckWriter(caller, tokens_);
    EXPECT_THAT(who.ok() ? *who : std::string(who.status().message()),
                Not(HasSubstr("0123")));
    return who;
  }
  static Caller WithToken(bool has_certificate, const std::string& header) {
    Caller caller;
    caller.has_certificate = has_certificate;
    caller.authorization = header;
    return caller;
  }
  AdminTokens tokens_;
};

TEST_F(Writer, IsWhoeverTheAdminSocketKnows) {
  Caller caller;
  caller.admin_peer = "uid:0 admin socket";
  const auto who = Check(caller);
  ASSERT_THAT(who, testing::IsOk());
  EXPECT_EQ(*who, "uid:0 admin socket");
}

TEST_F(Writer, IsWhoHasACertificateAndAToken) {
  const auto who = Check(WithToken(true, absl::StrCat("Bearer ", kDeploy)));
  ASSERT_THAT(who, testing::IsOk());
  EXPECT_EQ(*who, "token:deploy");
  EXPECT_THAT(Check(WithToken(true, absl::StrCat("bearer ", kDeploy))),
              testing::IsOk());
}

TEST_F(Writer, IsNobodyElseAndHearsWhereWritesGo) {
  EXPECT_THAT(Check({}), StatusIs(Code::kPermissionDenied,
                                  "profiles: may be changed through "
                                  "--admin_socket, or through TLS"));
  // A token over a connection that others can read is as good as lost.
  EXPECT_THAT(Check(WithToken(false, absl::StrCat("Bearer ", kDeploy))),
              StatusIs(Code::kPermissionDenied, "--admin_socket"));
}

TEST_F(Writer, NeedsTheRightToken) {
  for (const std::string& header :
       {std::string(), std::string(kDeploy), std::string("Bearer"),
        absl::StrCat("Basic ", kDeploy)}) {
    EXPECT_THAT(
        Check(WithToken(true, header)),
        StatusIs(Code::kPermissionDenied, "authorization: required, as in"))
        << header;
  }
  for (const std::string& header :
       {std::string("Bearer "), absl::StrCat("Bearer  ", kDeploy),
        absl::StrCat("Bearer ", kDeploy, "x"),
        absl::StrCat("Bearer deploy:", kDeploy)}) {
    EXPECT_THAT(
        Check(WithToken(true, header)),
        StatusIs(Code::kPermissionDenied, "authorization: is not a token of"))
        << header;
  }
}

TEST_F(Writer, HasNoRightWithoutATokenFile) {
  tokens_ = *AdminTokens::Read("");
  EXPECT_THAT(Check(WithToken(true, "Bearer ")),
              StatusIs(Code::kPermissionDenied, "is not a token of"));
}

}  // namespace
}  // namespace logitd
