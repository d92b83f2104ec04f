// logitctl profiles as a user meets it, against a fake of the service.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/client/fake_profiles.h"
#include "tests/client/fake_server.h"
#include "tests/client/folder.h"
#include "tests/client/shell.h"

namespace logitd::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Exit code 2 before anybody is asked: there is nobody.
TEST(ProfileCommands, JudgeTheCommandLineBeforeConnecting) {
  const auto run = [](const std::string& arguments) {
    return Shell("LOGITD_TARGET=unix:/nowhere/s.sock " + Logitctl() + " " +
                 arguments);
  };
  for (const char* arguments :
       {"profiles",
        "profiles bogus",
        "profiles get",
        "profiles list -o xml",
        "profiles update p",
        "profiles update p --set top_p=1",
        "profiles update p --set default_params.bogus=1",
        "profiles update p --unset top_p",
        "profiles update p --unset labels",
        "profiles update p --set description=x -f /nowhere/p.yaml",
        "profiles update p@1 --set description=x",
        "profiles delete p@1",
        "profiles rollback p@1 1",
        "profiles edit p@1",
        "profiles create P -f /dev/null",
        "profiles create p -f /nowhere/p.yaml",
        "profiles watch --count 0",
        "profiles diff p q -f /nowhere/p.yaml",
        "profiles revisions",
        "profiles revisions p --count 0",
        "profiles watch -o yaml",
        "resolve",
        "resolve --vocab-size 9 --top-p x",
        "lint",
        "lint /nowhere/p.yaml"}) {
    EXPECT_EQ(run(arguments).exit_code, 2)
        << arguments << ": " << run(arguments).output;
  }
  for (const char* arguments :
       {"profiles list", "profiles revisions p", "profiles watch -o json",
        "profiles watch --resume x", "profiles delete p",
        "resolve --vocab-size 9"}) {
    EXPECT_EQ(run(arguments).exit_code, 3) << arguments;
  }
}

class ProfilesTest : public ::testing::Test {
 protected:
  ProfilesTest() : server_({&profiles_}) { profiles_.Store("code", "\"1-a\""); }

  Outcome Run(const std::string& arguments) {
    return Shell(absl::StrCat("export LOGITD_TARGET=", server_.target(),
                              " LOGITD_ADMIN_TARGET=", server_.target(), "; ",
                              Logitctl(), " profiles ", arguments));
  }

  // A file of the test's own folder; its path.
  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_ + name;
    std::ofstream(path) << text;
    return path;
  }

  // Opens an editor that changes nothing; whether it was opened.
  bool EditorOpens(const std::string& id) {
    const std::string mark = folder_ + "opened";
    std::filesystem::remove(mark);
    edited_ = Shell(absl::StrCat("export LOGITD_TARGET=", server_.target(),
                                 " LOGITD_ADMIN_TARGET=", server_.target(),
                                 " EDITOR='touch ", mark, ";:'; ", Logitctl(),
                                 " profiles edit ", id));
    return std::filesystem::exists(mark);
  }

  FakeProfiles profiles_;
  InProcessServer server_;
  const Folder own_{{}};
  const std::string folder_ = own_.path() + "/";
  Outcome edited_ = {};
};

int Count(const std::string& text, const std::string& part) {
  const std::vector<std::string> parts = absl::StrSplit(text, part);
  return static_cast<int>(parts.size()) - 1;
}

TEST_F(ProfilesTest, EditOpensNoEditorForWhatNoEditMends) {
  for (const grpc::StatusCode code :
       {grpc::StatusCode::PERMISSION_DENIED,
        grpc::StatusCode::FAILED_PRECONDITION, grpc::StatusCode::UNAVAILABLE,
        grpc::StatusCode::ABORTED, grpc::StatusCode::INTERNAL}) {
    profiles_.on_write = [code](const v1::Profile&) {
      return grpc::Status(code, "not here");
    };
    EXPECT_FALSE(EditorOpens("code")) << code;
    EXPECT_EQ(edited_.exit_code, 1) << code;
    EXPECT_THAT(edited_.output, HasSubstr("not here"));
  }
  EXPECT_FALSE(EditorOpens("nobody"));
  EXPECT_FALSE(EditorOpens("code@1"));
  EXPECT_EQ(edited_.exit_code, 2);
  EXPECT_THAT(edited_.output, HasSubstr("names a revision"));
}

TEST_F(ProfilesTest, EditOpensTheEditorForWhatAnEditMayMend) {
  for (const grpc::StatusCode code :
       {grpc::StatusCode::INVALID_ARGUMENT,
        grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::UNIMPLEMENTED,
        grpc::StatusCode::OK}) {
    profiles_.on_write = [code](const v1::Profile&) {
      return grpc::Status(code, code == grpc::StatusCode::OK ? "" : "content");
    };
    EXPECT_TRUE(EditorOpens("code")) << code << edited_.output;
    EXPECT_EQ(edited_.output, "nothing changed\n") << code;
  }
}

TEST_F(ProfilesTest, AnUnknownNameHasANearestOne) {
  for (const char* command :
       {"get cod", "get profiles/cod@1", "delete cod", "edit cod",
        "revisions cod", "rollback cod 1", "diff cod code", "diff code cod",
        "update cod --set description=x"}) {
    const Outcome outcome = Run(command);
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_THAT(outcome.output,
                StartsWith("logitctl: the server refused: NOT_FOUND: name: "
                           "there is no profiles/cod"))
        << command;
    EXPECT_EQ(Count(outcome.output, "\nthe nearest profile is code\n"), 1)
        << command << outcome.output;
  }
}

TEST_F(ProfilesTest, AnUnknownNameIsToldWithoutTheListToo) {
  EXPECT_THAT(Run("get brainstorm").output, Not(HasSubstr("nearest")));
  EXPECT_THAT(Run("get code@9").output,
              AllOf(HasSubstr("NOT_FOUND"), Not(HasSubstr("nearest"))));
  profiles_.can_list = false;
  const Outcome outcome = Run("get cod");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.output,
            "logitctl: the server refused: NOT_FOUND: name: there is no "
            "profiles/cod\n");
}

constexpr char kWayBack[] =
    "\nit was deleted: logitctl profiles rollback code3 7 brings it back\n";

TEST_F(ProfilesTest, ADeletedProfileHasAWayBack) {
  profiles_.Delete("code3", "7", "sqlite");
  for (const char* command :
       {"get code3", "get code3@1", "delete code3", "edit code3",
        "rollback code3 1", "diff code3@7", "diff code3@7 code3",
        "diff code code3", "update code3 --set description=x"}) {
    const Outcome outcome = Run(command);
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_THAT(outcome.output,
                StartsWith("logitctl: the server refused: NOT_FOUND: name: "
                           "there is no profiles/code3"));
    EXPECT_EQ(Count(outcome.output, kWayBack), 1) << command << outcome.output;
    EXPECT_EQ(Count(outcome.output, "\nthe nearest profile is code\n"), 1)
        << command << outcome.output;
  }
}

TEST_F(ProfilesTest, AWayBackIsToldOnlyWhereThereIsOne) {
  profiles_.Delete("code3", "7", "sqlite");
  EXPECT_THAT(Run("diff code3@7 cod").output,
              AllOf(HasSubstr("there is no profiles/cod\n"),
                    HasSubstr("\nthe nearest profile is code\n"),
                    Not(HasSubstr("deleted"))))
      << "the one that is missing is the other";
  EXPECT_THAT(Run("get code2").output, Not(HasSubstr("deleted")));
  // A file of the server's that is gone: no call puts it back.
  profiles_.Delete("code3", "7", "directory");
  EXPECT_THAT(Run("get code3").output, Not(HasSubstr("deleted")));
}

TEST_F(ProfilesTest, RefusalsAndTheirHintsLeaveStdoutEmpty) {
  profiles_.Delete("code3", "7", "sqlite");
  profiles_.on_write = [](const v1::Profile&) {
    return grpc::Status(grpc::StatusCode::ABORTED, "etag: it differs");
  };
  const std::string file = File("code.yaml", "description: x");
  for (const std::string& command :
       {std::string("get code3"), std::string("diff code code3"),
        std::string("rollback code3 1"), std::string("rollback code 1"),
        std::string("update code --set description=x"),
        std::string("edit code"), "import " + file, "update code -f " + file}) {
    EXPECT_EQ(Run(command + " 2>/dev/null").output, "") << command;
    EXPECT_THAT(Run(command).output,
                HasSubstr(absl::StrContains(command, "code3")
                              ? "NOT_FOUND: name: there is no profiles/code3\n"
                              : "ABORTED: etag: it differs\n"))
        << command;
  }
}

TEST_F(ProfilesTest, RollbackTakesARevisionAsGetNamesIt) {
  for (const char* revision : {"1", "code@1", "profiles/code@1"}) {
    EXPECT_EQ(Run(absl::StrCat("rollback code ", revision)).output,
              "revision 1 is in force again as profiles/code@2, etag "
              "\"2-b\"\n");
    EXPECT_EQ(profiles_.rollbacks.back().revision(), "1") << revision;
  }
  const std::size_t asked = profiles_.rollbacks.size();
  const Outcome outcome = Run("rollback code other@1");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.output, "logitctl: \"other@1\" is no revision of code\n");
  EXPECT_THAT(profiles_.rollbacks, SizeIs(asked));
}

TEST_F(ProfilesTest, ExportsJsonThatIsRefusedWhenStale) {
  const std::string out = folder_ + "out";
  EXPECT_EQ(Run(absl::StrCat("export ", out, " -o json")).output,
            absl::StrCat(out, "/code.json: profiles/code@1\n"));
  EXPECT_EQ(Shell(absl::StrCat("cat ", out, "/code.json")).output,
            Run("get code -o json").output);
  profiles_.stored["profiles/code"].set_description("of somebody else");
  profiles_.stored["profiles/code"].set_etag("\"2-b\"");
  EXPECT_EQ(Run("import " + out).exit_code, 0);
  ASSERT_THAT(profiles_.updates, SizeIs(2));
  EXPECT_EQ(profiles_.updates[1].profile().etag(), "\"1-a\"");
  EXPECT_EQ(Run(absl::StrCat("export ", out, " -o xml")).exit_code, 2);
}

TEST_F(ProfilesTest, AChangeInBetweenIsAdvisedOn) {
  profiles_.on_write = [](const v1::Profile&) {
    return grpc::Status(grpc::StatusCode::ABORTED, "etag: it differs");
  };
  for (const char* command :
       {"update code --set description=x", "rollback code 1"}) {
    EXPECT_EQ(Run(command).output,
              "logitctl: the server refused: ABORTED: etag: it differs\n"
              "somebody changed it since: read it again\n");
  }
}

TEST_F(ProfilesTest, WritesSayWhatIsInForceNow) {
  EXPECT_EQ(Run("rollback code 1").output,
            "revision 1 is in force again as profiles/code@2, etag \"2-b\"\n");
  EXPECT_EQ(Run("update code --set description=x").output,
            "updated profiles/code@2, etag \"2-b\"\n");
}

TEST_F(ProfilesTest, StdinIsContentUnderTheId) {
  const std::string text = "name: profiles/code\ndescription: x\n";
  const std::string pipe = absl::StrCat("- <", File("code.yaml", text));
  EXPECT_EQ(Run("create copy -f " + pipe).exit_code, 0);
  ASSERT_THAT(profiles_.creates, SizeIs(1));
  EXPECT_EQ(profiles_.creates[0].profile_id(), "copy");
  EXPECT_EQ(profiles_.creates[0].profile().name(), "profiles/copy");
  const Outcome named = Run("create copy -f " + folder_ + "code.yaml");
  EXPECT_EQ(named.exit_code, 2);
  EXPECT_THAT(named.output, HasSubstr("remove `name` or give it the same id"));
}

// The etag of a text counts for the profile that it is of.
TEST_F(ProfilesTest, StdinOfAnotherProfileHasNoEtag) {
  profiles_.Store("copy", "\"1-b\"");
  const std::string text =
      R"({"name": "profiles/code", "description": "x", "etag": "\"1-a\""})";
  const std::string pipe = absl::StrCat("- <", File("code.json", text));
  EXPECT_EQ(Run("update copy -f " + pipe).exit_code, 0);
  EXPECT_EQ(Run("update code -f " + pipe).exit_code, 0);
  ASSERT_THAT(profiles_.updates, SizeIs(2));
  EXPECT_EQ(profiles_.updates[0].profile().name(), "profiles/copy");
  EXPECT_EQ(profiles_.updates[0].profile().etag(), "");
  EXPECT_EQ(profiles_.updates[1].profile().etag(), "\"1-a\"");
}

TEST_F(ProfilesTest, ImportTakesOneFileOfEachProfile) {
  const std::string yaml = File("warm.yaml", "description: a");
  const std::string json = File("warm.json", "{\"description\": \"b\"}");
  const Outcome outcome =
      Run("import --admin-target unix:/nowhere/s.sock " + folder_);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.output, absl::StrCat("logitctl: ", json, " and ", yaml,
                                         " are both of the profile warm\n"));
}

TEST_F(ProfilesTest, ImportKeepsTheEtagOfAFile) {
  profiles_.Store("other", "\"1-b\"");
  const std::string code =
      File("code.json", R"({"description": "x", "etag": "\"0-old\""})");
  const std::string other = File("other.yaml", "description: x");
  EXPECT_EQ(Run("import " + code + " " + other).exit_code, 0);
  ASSERT_THAT(profiles_.updates, SizeIs(4));  // Each is tried, then done.
  EXPECT_EQ(profiles_.updates[2].profile().etag(), "\"0-old\"");
  EXPECT_EQ(profiles_.updates[3].profile().etag(), "\"1-b\"");
}

TEST_F(ProfilesTest, ImportTellsEveryBadFileOnce) {
  const std::string refused = File("b1.yaml", "description: bad");
  const std::string broken = File("b2.yaml", "description: [");
  const std::string refused_too = File("b3.yaml", "description: bad");
  File("good.yaml", "description: good");
  profiles_.on_write = [](const v1::Profile& profile) {
    return profile.description() == "bad"
               ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "field: no")
               : grpc::Status::OK;
  };
  const Outcome outcome = Run("import " + folder_);
  EXPECT_NE(outcome.exit_code, 0);
  for (const std::string& file : {refused, refused_too}) {
    EXPECT_THAT(outcome.output,
                HasSubstr(absl::StrCat(file,
                                       ": the server refused: "
                                       "INVALID_ARGUMENT: field: no\n")));
  }
  EXPECT_THAT(outcome.output, HasSubstr(broken + ": profile: "));
  EXPECT_EQ(Count(outcome.output, "INVALID_ARGUMENT"), 2) << outcome.output;
  EXPECT_THAT(outcome.output, Not(HasSubstr("created")));
  for (const v1::CreateProfileRequest& create : profiles_.creates) {
    EXPECT_TRUE(create.validate_only());
  }
}

TEST_F(ProfilesTest, ImportTellsWhatIsOfEachFileOnce) {
  File("b1.yaml", "description: a");
  File("b2.yaml", "description: b");
  profiles_.on_write = [](const v1::Profile&) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not you");
  };
  EXPECT_EQ(Count(Run("import " + folder_).output, "not you"), 1);
}

TEST_F(ProfilesTest, TrialsTellWarningsAndWriteNothing) {
  profiles_.warnings.emplace_back().set_message("think twice");
  const std::string file = File("new.yaml", "description: a");
  for (const std::string& command :
       {"import " + file, "create new -f " + file,
        std::string("update code --set description=x"),
        std::string("rollback code 1")}) {
    const Outcome outcome = Run(command + " --validate-only");
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_THAT(outcome.output, HasSubstr("valid, and nothing was written"));
    EXPECT_EQ(Count(outcome.output, "think twice"), 1) << command;
  }
  for (const v1::CreateProfileRequest& create : profiles_.creates) {
    EXPECT_TRUE(create.validate_only());
  }
}

TEST_F(ProfilesTest, AnAnswerThatStdoutDoesNotTakeIsAFailure) {
  for (const char* command : {"list", "get code -o json", "--help",
                              "update code --set description=x"}) {
    const Outcome outcome = Run(absl::StrCat(command, " >/dev/full"));
    EXPECT_EQ(outcome.exit_code, 4) << command;
    EXPECT_EQ(outcome.output,
              "logitctl: stdout did not take all of the answer: No space left "
              "on device\n")
        << command;
  }
  EXPECT_EQ(Run("get nobody >/dev/full").exit_code, 1);
}

}  // namespace
}  // namespace logitd::client
