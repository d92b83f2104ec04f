// What is wrong with a profile is told in the same words by whoever is asked:
// the reader of files, the linter, CreateProfile and LintProfile.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "service/profiles/calls.h"
#include "service/profiles/catalog.h"
#include "service/profiles/lint.h"
#include "service/profiles/memory_store.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/validate.h"
#include "tests/profiles/bad_files.h"

namespace logitd {
namespace {

// A server's profiles, with its usual limits and without its wire.
class Server {
 public:
  Server() : audit_(*AuditLog::Open("/dev/null")) {
    CatalogOptions options;
    options.validate = [](const v1::Profile& profile) {
      return ToStatus(Validate(profile, Limits()));
    };
    catalog_ =
        *Catalog::Open(options, std::make_unique<MemoryStore>(), /*read_only=*/
                       {});
    calls_ = std::make_unique<ProfileCalls>(Limits(), tokens_, catalog_.get(),
                                            audit_.get());
    caller_.admin_peer = "uid:0 admin socket";
  }

  std::string CreateWords(const std::string& id, const v1::Profile& profile) {
    v1::CreateProfileRequest request;
    request.set_profile_id(id);
    *request.mutable_profile() = profile;
    return std::string(calls_->Create(request, caller_).status().message());
  }

  std::string LintWords(const v1::Profile& profile) {
    v1::LintProfileRequest request;
    *request.mutable_profile() = profile;
    const auto response = calls_->Lint(request, Caller());
    if (!response.ok()) return std::string(response.status().message());
    if (response->findings().empty()) return "nothing";
    const v1::LintFinding& first = response->findings(0);
    EXPECT_EQ(first.severity(), v1::LINT_SEVERITY_ERROR);
    return absl::StrCat(first.field(), ": ", first.message());
  }

 private:
  AdminTokens tokens_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ProfileCalls> calls_;
  Caller caller_;
};

// Without "(line 3)", which only a file has.
std::string WithoutLine(const std::string& words) {
  const size_t at = words.rfind(" (line ");
  return at == std::string::npos ? words : words.substr(0, at);
}

TEST(BadWords, AreTheSameByFileLintAndRpc) {
  Server server;
  int compared = 0;
  for (const auto& [name, file] : BadFiles()) {
    const auto profile = ParseProfile(file.text, file.stem);
    if (!profile.ok()) continue;  // the tests below
    ++compared;
    const Violations violations = Validate(*profile, Limits());
    EXPECT_EQ(ToStatus(violations).message(), file.expected) << name;
    EXPECT_EQ(server.CreateWords(file.stem, *profile), file.expected) << name;
    EXPECT_EQ(server.LintWords(*profile), file.expected) << name;
    const auto findings = Lint(*profile, Limits());
    ASSERT_FALSE(findings.empty()) << name;
    EXPECT_NE(findings[0].rule(), kInvalidRule) << name;
    EXPECT_EQ(findings[0].severity(), v1::LINT_SEVERITY_ERROR) << name;
    EXPECT_EQ(absl::StrCat(findings[0].field(), ": ", findings[0].message()),
              file.expected)
        << name;
  }
  EXPECT_GT(compared, 80);
}

// Numbers that no message can hold: what the file has, and one that a message
// holds and the validator refuses.
struct Unsendable {
  const char* file;
  const char* number;
};
constexpr Unsendable kUnsendable[] = {
    {"count-above-uint32", "4294967296"},
    {"count-negative", "-40"},
    {"id-above-uint32", "4294967296"},
    {"id-negative", "-1"},
    {"min-tokens-below-min", "-1"},
    {"phase-id-negative", "-1"},
    {"length-penalty-start-below-min", "-1"},
    {"no-repeat-ngram-below-min", "-1"},
    {"mirostat-below-min", "-1"},
};

TEST(BadWords, OfANumberThatNoMessageHoldsAreTheValidators) {
  constexpr char kSendable[] = "4294967295";
  Server server;
  const auto files = BadFiles();
  for (const auto& [name, number] : kUnsendable) {
    ASSERT_EQ(files.count(name), 1u) << name;
    const BadFile& file = files.at(name);
    const std::string content = file.text.substr(file.text.find('\n'));
    const auto profile = ParseProfile(
        absl::StrReplaceAll(content, {{number, kSendable}}), file.stem);
    ASSERT_TRUE(profile.ok()) << name << ": " << profile.status();
    EXPECT_EQ(absl::StrReplaceAll(server.CreateWords(file.stem, *profile),
                                  {{kSendable, number}}),
              WithoutLine(file.expected))
        << name;
  }
}

// A request names a profile in another field than a file does.
TEST(BadWords, OfANameAreTheSameButForTheField) {
  Server server;
  int compared = 0;
  for (const auto& [name, file] : BadFiles()) {
    absl::string_view why = file.expected;
    if (!absl::ConsumePrefix(&why, "name: ") || name == "name-of-another") {
      continue;
    }
    EXPECT_EQ(server.CreateWords(file.stem, v1::Profile()),
              absl::StrCat("profile_id: ", why))
        << name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

// What only a text can get wrong: its syntax, its keys, the types of values.
const std::set<std::string>& TextOnly() {
  static const std::set<std::string> names = {"a-list",
                                              "ban-eos-no-switch",
                                              "base64-broken",
                                              "camel-case-key",
                                              "control-byte",
                                              "decimal-comma",
                                              "dialect-unknown-value",
                                              "deep-nesting",
                                              "duplicate-key",
                                              "duplicate-section",
                                              "empty-file",
                                              "foreign-key",
                                              "fraction-of-a-count",
                                              "ignore-eos-no-switch",
                                              "p-less-no-switch",
                                              "knob-beside-its-section",
                                              "leading-zero",
                                              "leading-zero-of-a-count",
                                              "merge-key",
                                              "name-of-another",
                                              "not-utf8",
                                              "not-yaml",
                                              "null-by-nothing",
                                              "null-by-tilde",
                                              "null-value",
                                              "on-conflict-unknown-value",
                                              "on-empty-unknown-value",
                                              "on-non-finite-unknown-value",
                                              "only-a-scalar",
                                              "output-only-field",
                                              "sequence-as-a-list",
                                              "surrogate-half",
                                              "tab-indent",
                                              "tag",
                                              "three-faults",
                                              "two-documents",
                                              "unknown-key",
                                              "unknown-key-in-params",
                                              "unknown-key-near-none",
                                              "unknown-key-of-a-section",
                                              "wrong-type-list",
                                              "wrong-type-map",
                                              "wrong-type-number-for-list",
                                              "wrong-type-switch",
                                              "wrong-type-text",
                                              "yaml-bomb"};
  return names;
}

// So that nobody adds a file whose words are compared with nothing.
TEST(BadWords, ThatOnlyAFileHasAreNamedHere) {
  std::set<std::string> unsendable;
  for (const auto& [name, number] : kUnsendable) unsendable.insert(name);
  for (const auto& [name, file] : BadFiles()) {
    const bool is_parsed = ParseProfile(file.text, file.stem).ok();
    const bool is_named =
        absl::StartsWith(file.expected, "name: ") && name != "name-of-another";
    EXPECT_EQ(is_parsed + is_named + static_cast<int>(unsendable.count(name)) +
                  static_cast<int>(TextOnly().count(name)),
              1)
        << name;
  }
}

}  // namespace
}  // namespace logitd
