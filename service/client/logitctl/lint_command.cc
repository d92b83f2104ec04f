// logitctl lint: what is wrong with profile files, in the server's words and
// without one.

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_text.h"
#include "service/profiles/lint.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

struct LintFlags {
  std::vector<std::string> files;
};

// Files are meant for a --profile_dir, which takes nothing that only servers
// set; standard input may be what "profiles get -o json" prints.
Fields FieldsOf(const std::string& file) {
  return file == "-" ? Fields::kAll : Fields::kContent;
}

absl::Status RunLint(const LintFlags& flags) {
  const auto files = FilesOf(flags.files);
  if (!files.ok()) {
    return files.status();
  }
  int errors = 0;
  for (const std::string& file : *files) {
    const auto text = ReadText(file);
    if (!text.ok()) {
      return text.status();
    }
    bool is_profile = true;
    const std::vector<v1::LintFinding> findings =
        LintText(*text, StemOf(file), FieldsOf(file), {}, &is_profile);
    if (findings.empty() || files->size() > 1) {
      absl::PrintF("%s: %s\n", file,
                   findings.empty() ? std::string("nothing found")
                                    : absl::StrCat(findings.size(), " found"));
    }
    for (const v1::LintFinding& finding : findings) {
      absl::PrintF("%s", FindingText(finding));
      errors += finding.severity() == v1::LINT_SEVERITY_ERROR ? 1 : 0;
    }
    if (!is_profile) {
      absl::PrintF("Once these are mended, the values are judged too.\n");
    }
  }
  return errors == 0 ? absl::OkStatus()
                     : UsageError(absl::StrCat("errors: ", errors,
                                               "; a server would refuse this"));
}

}  // namespace

void AddLint(CLI::App* app, Command* command) {
  auto flags = std::make_shared<LintFlags>();
  CLI::App* lint = app->add_subcommand(
      "lint",
      "Checks profile files as the server would, without one. Prints what is "
      "wrong or unwise, each with a fix; exit code 2 when a server with its "
      "usual limits would refuse a file.");
  lint->add_option("FILE", flags->files,
                   "YAML or JSON, or folders of them; - is stdin, also what "
                   "\"profiles get -o json\" prints")
      ->required();
  lint->footer("Examples:\n  logitctl lint deploy/profiles\n");
  lint->callback(
      [flags, command] { *command = [flags] { return RunLint(*flags); }; });
}

}  // namespace logitd::logitctl
