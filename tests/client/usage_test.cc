// What logitctl says to a wrong command line, where it has nobody to ask: an
// attempt to connect would end with exit code 3.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/client/shell.h"

namespace logitd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Outcome RunAlone(const std::string& arguments) {
  return Shell(absl::StrCat("LOGITD_TARGET=unix:/nowhere/s.sock ",
                            "LOGITD_DEMO_MODEL=unix:/nowhere/m.sock ",
                            Logitctl(), " ", arguments));
}

// Exit code 2, and one line that says `why`.
void ExpectWrong(const std::string& arguments, const std::string& why) {
  const Outcome outcome = RunAlone(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments;
  EXPECT_THAT(outcome.output, StartsWith("logitctl: ")) << arguments;
  EXPECT_THAT(outcome.output, HasSubstr(why)) << arguments;
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1)
      << outcome.output;
}

TEST(Usage, ItsTestsNoticeAConnection) {
  for (const char* arguments :
       {"generate", "generate --ban xyzzyq --temperature 0.5 --set mirostat=2",
        "sweep --knob top-k --values 5,0 --logit-bias the=2", "info"}) {
    EXPECT_EQ(RunAlone(arguments).exit_code, 3) << arguments;
  }
}

TEST(Usage, OfKnobsIsJudgedBeforeConnecting) {
  const std::string sweep = "sweep --knob top_p --values 1 ";
  for (const std::string& command : {std::string("generate "), sweep}) {
    ExpectWrong(command + "--temperature abc", "temperature: \"abc\"");
    ExpectWrong(command + "--max-tokens -1", "max_tokens: -1 is outside");
    ExpectWrong(command + "--set bogus=1", "no knob is called \"bogus\"");
    ExpectWrong(command + "--set temprature=1",
                "no knob is called \"temprature\"; the nearest is temperature");
    ExpectWrong(command + "--dialect vllm_v9", "dialect: \"vllm_v9\"");
    ExpectWrong(command + "--set top_p", "\"top_p\" is not KNOB=VALUE");
    ExpectWrong(command + "--logit-bias the", "\"the\" is not TOKEN=NUMBER");
    ExpectWrong(command + "--logit-bias the=x", "\"the=x\" is not");
    ExpectWrong(command + "--stop ' '", "--stop: no token");
  }
}

TEST(Usage, OfASweepIsJudgedBeforeConnecting) {
  ExpectWrong("sweep --knob nope --values 1", "no knob is called \"nope\"");
  ExpectWrong("sweep --knob top_k --values 1,2,x", "top_k: \"x\"");
  ExpectWrong("sweep --knob banned_ids --values 1", "banned_ids is a list");
  ExpectWrong("sweep --knob top_k --values $(seq -s, 65)", "65 is more than");
  for (const char* flags :
       {"", " --from 0", " --from 0 --to 1 --values 1", " --values 1 --to 2"}) {
    ExpectWrong(std::string("sweep --knob top_p") + flags,
                "either --values, for texts, or --from and --to");
  }
  ExpectWrong("sweep --knob top_p --values 1 --rows a.npy", "only with --from");
  ExpectWrong("explain --guidance a.npy", "--guidance: only with --rows");
  ExpectWrong("explain --top 0", "not a whole number from 1 to 32");
  ExpectWrong("explain --rows nothing.npy", "cannot open nothing.npy");
}

TEST(Usage, OfSampleIsJudgedBeforeConnecting) {
  ExpectWrong("sample /nowhere.npy", "/nowhere.npy");
  ExpectWrong("sample rows.npy --ban cat", "\"cat\" is not a token id");
  ExpectWrong("sample rows.npy --eos cat", "\"cat\" is not a token id");
  ExpectWrong("sample rows.npy --top-k x", "top_k: \"x\"");
  ExpectWrong("sample", "file is required");
}

TEST(Usage, OfNumbersKnowsNoSignAndNoWrapping) {
  for (const char* seed : {"-1", "-0x1", "-18446744073709551615", "+1", "1e3",
                           "0x", "' 1'", "18446744073709551616", "seven"}) {
    for (const char* command :
         {"generate", "sweep --knob top_p --values 1", "sample rows.npy"}) {
      ExpectWrong(absl::StrCat(command, " --seed ", seed),
                  "is not a whole number from 0 to 18446744073709551615");
    }
  }
  for (const char* n : {"0", "65", "-1", "-18446744073709551615", "1.5"}) {
    ExpectWrong(
        absl::StrCat("generate --n ", n),
        absl::StrCat("--n: \"", n, "\" is not a whole number from 1 to 64"));
  }
  for (const char* timeout : {"-1", "0", "nan", "soon"}) {
    ExpectWrong(absl::StrCat("info --timeout ", timeout),
                absl::StrCat("--timeout: \"", timeout, "\" is not above 0"));
  }
}

TEST(Usage, OfCommandsNamesTheWrongWordAndAllThereAre) {
  const std::string all =
      "there are generate, sweep, explain, sample, replay, info";
  ExpectWrong("bogus", "\"bogus\" is not a command; " + all);
  ExpectWrong("bogus generate", "\"bogus\" is not a command; " + all);
  ExpectWrong("--seed 1 generate", "\"--seed\" is not a command; " + all);
  ExpectWrong("", "a command is missing; " + all);
}

TEST(Usage, OfProfilesNamesTheWrongWordAndAllThereAre) {
  const std::string all =
      "there are list, get, diff, revisions, watch, create, update, rollback, "
      "delete, edit, export, import";
  ExpectWrong("profiles bogus",
              "\"bogus\" is not a command of profiles; " + all);
  ExpectWrong("profiles bogus chat",
              "\"bogus\" is not a command of profiles; " + all);
  ExpectWrong("profiles --bogus list",
              "\"--bogus\" is not a command of profiles; " + all);
  ExpectWrong("profiles", "a command of profiles is missing; " + all);
  ExpectWrong("profiles undelete chat",
              "\"undelete\" is not a command of profiles; rollback brings a "
              "deleted profile back; " +
                  all);
  ExpectWrong("undelete", "\"undelete\" is not a command; there are");
}

TEST(Usage, OfAProfilesCommandIsJudgedBeforeConnecting) {
  ExpectWrong("profiles list stray",
              "\"stray\" is not expected; see logitctl profiles list --help");
  ExpectWrong("profiles get", "see logitctl profiles get --help");
  ExpectWrong("profiles revisions", "ID is required");
  for (const char* count : {"0", "-1", "x"}) {
    ExpectWrong(absl::StrCat("profiles revisions p --count ", count),
                "is not a whole number from 1 to");
    ExpectWrong(absl::StrCat("profiles watch --count ", count),
                "is not a whole number from 1 to");
  }
  ExpectWrong("profiles revisions p --page-size 1001",
              "\"1001\" is not a whole number from 1 to 1000");
  ExpectWrong("profiles revisions p -o xml", "xml not in {table,yaml,json}");
  ExpectWrong("profiles watch -o yaml", "yaml not in {table,json}");
  ExpectWrong("profiles watch --resume", "--resume");
}

TEST(Usage, OfACommandNamesTheFirstWordWithoutAPlace) {
  ExpectWrong("generate stray more", "\"stray\" is not expected");
  ExpectWrong("generate --prompt in the", "\"the\" is not expected");
  ExpectWrong("generate --tempature 1", "\"--tempature\" is not expected");
  // Not only that --knob is missing.
  ExpectWrong("sweep --knb top_p", "\"--knb\" is not expected");
  ExpectWrong("health now", "see logitctl health --help");
  ExpectWrong("generate --dtype float64", "--dtype: float64");
}

}  // namespace
}  // namespace logitd::client
