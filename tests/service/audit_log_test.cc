#include "service/audit_log.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempFolder;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

using Line = google::protobuf::Struct;

const AuditEntry kDone = {"uid:0 admin socket", "UpdateProfile",
                          "profiles/chat",
                          "{\"revision\": \"1\", \"etag\": \"a\"}",
                          "{\"revision\": \"2\", \"etag\": \"b\"}"};
const AuditEntry kRefused = {"nobody at unix:",
                             "DeleteProfile",
                             "profiles/\"\n\\x",
                             "",
                             "",
                             "PERMISSION_DENIED: profiles"};

// Each line as JSON; a line that is none fails the test.
std::vector<Line> LinesOf(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.empty()) continue;
    lines.emplace_back();
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(line, &lines.back()).ok())
        << line;
  }
  return lines;
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Field(const Line& line, const std::string& name) {
  const auto found = line.fields().find(name);
  return found == line.fields().end() ? "missing"
                                      : found->second.string_value();
}

TEST(AuditLog, WritesOneLineForEachEntry) {
  const TempFolder folder;
  const std::string path = folder.File("audit.jsonl");
  const auto log = AuditLog::Open(path);
  ASSERT_THAT(log, testing::IsOk());
  (*log)->Write(kDone);
  (*log)->Write(kRefused);
  const std::vector<Line> lines = LinesOf(TextOf(path));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Field(lines[0], "msg"), "audit");
  EXPECT_EQ(Field(lines[0], "who"), kDone.who);
  EXPECT_EQ(Field(lines[0], "method"), kDone.method);
  EXPECT_EQ(Field(lines[0], "name"), kDone.name);
  EXPECT_EQ(Field(lines[0], "before"), kDone.before);
  EXPECT_EQ(Field(lines[0], "after"), kDone.after);
  EXPECT_EQ(Field(lines[0], "refused"), "missing");
  EXPECT_EQ(Field(lines[1], "who"), kRefused.who);
  EXPECT_EQ(Field(lines[1], "name"), kRefused.name);
  EXPECT_EQ(Field(lines[1], "refused"), kRefused.refused);
  EXPECT_EQ(Field(lines[1], "after"), "missing");
}

TEST(AuditLog, IsForItsOwnerAndGoesOnWhereItEnded) {
  const TempFolder folder;
  const std::string path = folder.File("audit.jsonl");
  for (int i = 0; i < 2; ++i) (*AuditLog::Open(path))->Write(kDone);
  EXPECT_EQ(LinesOf(TextOf(path)).size(), 2u);
  struct stat file = {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST(AuditLog, WithoutAFileIsPartOfTheLog) {
  const auto log = AuditLog::Open("");
  ASSERT_THAT(log, testing::IsOk());
  CaptureStderr();
  (*log)->Write(kDone);
  const std::vector<Line> lines = LinesOf(GetCapturedStderr());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(Field(lines[0], "after"), kDone.after);
}

TEST(AuditLog, AFileThatCannotBeOpenedIsOneLine) {
  const TempFolder folder;
  EXPECT_THAT(AuditLog::Open(folder.path()),
              StatusIs(absl::StatusCode::kUnavailable,
                       "--audit_log: cannot append to " + folder.path()));
}

TEST(AuditLog, OnAFullDiskTheWholeEntryGoesToTheLog) {
  const auto log = AuditLog::Open("/dev/full");
  ASSERT_THAT(log, testing::IsOk());
  CaptureStderr();
  (*log)->Write(kDone);
  (*log)->Write(kRefused);
  const std::vector<Line> lines = LinesOf(GetCapturedStderr());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(Field(lines[0], "level"), "error");
  EXPECT_EQ(Field(lines[0], "msg"), "the audit log cannot be written");
  EXPECT_EQ(Field(lines[0], "who"), kDone.who);
  EXPECT_EQ(Field(lines[0], "before"), kDone.before);
  EXPECT_EQ(Field(lines[0], "after"), kDone.after);
  EXPECT_EQ(Field(lines[1], "refused"), kRefused.refused);
}

// The file may not grow beyond `bytes` while the object lives.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    rlimit low = old_;
    low.rlim_cur = bytes;
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  const sighandler_t handler_;
  rlimit old_ = {};
};

TEST(AuditLog, ALineThatWasCutDoesNotSpoilTheNext) {
  const TempFolder folder;
  const std::string path = folder.File("audit.jsonl");
  const auto log = AuditLog::Open(path);
  ASSERT_THAT(log, testing::IsOk());
  (*log)->Write(kDone);
  const size_t whole = TextOf(path).size();
  CaptureStderr();
  {
    const SmallDisk disk(whole + 20);
    (*log)->Write(kDone);
  }
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("cannot be written"));
  ASSERT_EQ(TextOf(path).size(), whole + 20);
  (*log)->Write(kRefused);
  const std::string text = TextOf(path);
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  const std::vector<Line> lines = LinesOf(text.substr(last));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(Field(lines[0], "refused"), kRefused.refused);
}

}  // namespace
}  // namespace logitd
