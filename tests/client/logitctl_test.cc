// The program logitctl as a user meets it: what it prints and how it exits,
// against the real demo model and a greedy fake of the service.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/client/demo/model_file.h"
#include "service/client/demo/model_service.h"
#include "tests/client/fake_server.h"
#include "tests/client/shell.h"

namespace logitd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LogitctlTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto model = demo::TrigramModel::Load(demo::kModelFile);
    ASSERT_TRUE(model.ok()) << model.status();
    model_service_ = new demo::ModelService(*std::move(model), 64);
    sampling_ = new FakeSampling;
    sampling_->on_sample = AnswerGreedily;
    sampling_->server_info.set_version("9.8.7");
    (*sampling_->server_info.mutable_limits())["--max_rows"] = 256;
    server_ = new InProcessServer({sampling_, model_service_});
  }
  static void TearDownTestSuite() {
    delete server_;
    delete sampling_;
    delete model_service_;
  }

  // logitctl with both targets set to the fake.
  static Outcome Run(const std::string& arguments) {
    return Shell(absl::StrCat("LOGITD_TARGET=", server_->target(),
                              " LOGITD_DEMO_MODEL=", server_->target(), " ",
                              Logitctl(), " ", arguments));
  }

  static demo::ModelService* model_service_;
  static FakeSampling* sampling_;
  static InProcessServer* server_;
};

demo::ModelService* LogitctlTest::model_service_ = nullptr;
FakeSampling* LogitctlTest::sampling_ = nullptr;
InProcessServer* LogitctlTest::server_ = nullptr;

TEST_F(LogitctlTest, GeneratesText) {
  const Outcome outcome =
      Run("generate --prompt 'in the united' --max-tokens 4");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, StartsWith("in the united states"));
  EXPECT_THAT(outcome.output, HasSubstr("tokens/s"));
  EXPECT_THAT(outcome.output, HasSubstr("seed 7, fingerprint"));
}

// stderr has no buffer: what stdout still holds would come behind it.
TEST_F(LogitctlTest, EndsTheTextBeforeItTellsAnythingElse) {
  for (const char* show : {"", " --show-phases", " --n 2"}) {
    const Outcome outcome =
        Run(absl::StrCat("generate --prompt thank --max-tokens 1", show));
    EXPECT_THAT(outcome.output, HasSubstr("you\n# ")) << show;
  }
}

TEST_F(LogitctlTest, GeneratesSeveralTexts) {
  const Outcome outcome =
      Run("generate --prompt thank --n 3 --max-tokens 1 --quiet");
  EXPECT_EQ(outcome.output, "thank you\n--\nthank you\n--\nthank you\n");
}

TEST_F(LogitctlTest, ShowsNumbers) {
  const Outcome outcome =
      Run("generate --prompt thank --max-tokens 1 --show-numbers --quiet");
  EXPECT_EQ(outcome.output, "you\t0.000000\t1\n");
}

TEST_F(LogitctlTest, WritesJsonThatParses) {
  const Outcome outcome = Shell(absl::StrCat(
      "LOGITD_TARGET=", server_->target(),
      " LOGITD_DEMO_MODEL=", server_->target(), " ", Logitctl(),
      " generate --prompt thank --max-tokens 1 --json | /usr/bin/python3 -c "
      "'import json,sys; d=json.load(sys.stdin); "
      "print(d[\"texts\"][0][\"tokens\"][0][\"word\"])'"));
  EXPECT_EQ(outcome.output, "you\n");
}

TEST_F(LogitctlTest, SweepsAKnobSideBySide) {
  const Outcome outcome =
      Run("sweep --knob temperature --values 0,0.5,1 --seed 5 --max-tokens 6");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("temperature 0.5"));
  EXPECT_THAT(outcome.output, HasSubstr("first 6 as at 0.5"));
  EXPECT_THAT(outcome.output, HasSubstr("seed 5 for all"));
}

TEST_F(LogitctlTest, PrintsTheServersRefusalAndExitsWith1) {
  const Outcome outcome = Run("generate --temperature 101");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("INVALID_ARGUMENT: temperature: 101 is outside"));
}

// What can be told without the model: usage_test.cc.
TEST_F(LogitctlTest, ExitsWith2OnWordsThatTheModelDoesNotHave) {
  for (const char* arguments :
       {"generate --ban xyzzyq", "generate --logit-bias xyzzyq=1",
        "sweep --knob top_p --values 1 --stop 'the xyzzyq'"}) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments << ": " << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("\"xyzzyq\" is neither a word"));
  }
}

TEST_F(LogitctlTest, TakesASeedAsItIsTyped) {
  for (const auto& [typed, seed] :
       {std::pair("0", "0"),
        {"42", "42"},
        {"0x10", "16"},
        {"010", "10"},
        {"18446744073709551615", "18446744073709551615"}}) {
    const Outcome outcome =
        Run(absl::StrCat("generate --max-tokens 1 --seed ", typed));
    EXPECT_THAT(outcome.output, HasSubstr(absl::StrCat("seed ", seed, ",")));
  }
}

TEST_F(LogitctlTest, SendsTheOrderOfKnobs) {
  v1::SamplingParams sent;
  sampling_->on_sample = [&](ServerStream* wire) {
    GreedySampler sampler;
    return AnswerEach(wire, [&](const v1::SampleRequest& request) {
      if (request.open_size() > 0) sent = request.open(0).params();
      return sampler.Answer(request);
    });
  };
  const Outcome outcome =
      Run("resolve --vocab-size 9 --dialect vllm_v1 --top-p-decay 0.9 "
          "--top-p-min 0.2 --steps temperature,top_p,min_p");
  sampling_->on_sample = AnswerGreedily;
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(sent.dialect(), v1::DIALECT_VLLM_V1);
  EXPECT_THAT(sent.steps(), ElementsAre("temperature", "top_p", "min_p"));
  EXPECT_EQ(sent.top_p_decay(), 0.9);
  EXPECT_EQ(sent.top_p_min(), 0.2);
}

TEST_F(LogitctlTest, LeavesStdoutEmptyWhenRefused) {
  for (const char* command : {"generate", "sweep --knob top_k --values 1"}) {
    const Outcome outcome = Run(absl::StrCat(
        command, " --prompt 'in the' --temperature 101 2>/dev/null"));
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_EQ(outcome.output, "") << command;
  }
}

TEST_F(LogitctlTest, ExitsWith3WhenNobodyIsThere) {
  const Outcome server = Run("generate --target unix:/nowhere/s.sock");
  EXPECT_EQ(server.exit_code, 3);
  EXPECT_THAT(server.output, HasSubstr("logitd --listen unix:/nowhere/s.sock"));
  const Outcome model = Run("generate --model-target unix:/nowhere/m.sock");
  EXPECT_EQ(model.exit_code, 3);
  EXPECT_THAT(model.output,
              HasSubstr("logitd-demo-model --listen unix:/nowhere/m.sock"));
}

TEST_F(LogitctlTest, SamplesRowsFromAFile) {
  const std::string file = ::testing::TempDir() + "/logitctl_test_rows.npy";
  std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
  header.resize(117, ' ');
  header += '\n';
  const float rows[] = {0, 9, 1, 1, 7, 0, 0, 0, 0, 0, 0, 5};
  std::string numbers(sizeof(rows), '\0');
  std::memcpy(numbers.data(), rows, sizeof(rows));
  std::ofstream(file, std::ios::binary)
      << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << numbers;
  const Outcome table = Run(absl::StrCat("sample ", file));
  EXPECT_EQ(table.exit_code, 0) << table.output;
  EXPECT_THAT(table.output, HasSubstr("\n0\t1\t0.000000\t1\n"
                                      "1\t0\t0.000000\t1\n"
                                      "2\t3\t0.000000\t1\n"));
  const Outcome ended = Run(absl::StrCat("sample ", file, " --eos 0 --json"));
  EXPECT_THAT(ended.output, HasSubstr("\"finish_reason\": \"EOS\""));
  EXPECT_EQ(Run(absl::StrCat("sample ", file, " --ban cat")).exit_code, 2);
  // This sampler reports neither; the table has their columns all the same.
  EXPECT_THAT(
      Run(absl::StrCat("sample ", file, " --row-digest --kept-ids")).output,
      HasSubstr("row\ttoken\tlogprob\tkept\trow_digest\tkept_ids\n"
                "0\t1\t0.000000\t1\t0000000000000000\ttoo many\n"));
  EXPECT_THAT(Run(absl::StrCat("sample ", file, " --guidance ", file)).output,
              HasSubstr("\n2\t3\t0.000000\t1\n"));
  EXPECT_EQ(
      Run(absl::StrCat("sample ", file, " --guidance nowhere.npy")).exit_code,
      2);
  remove(file.c_str());
}

TEST_F(LogitctlTest, PrintsServerInfoAndHealth) {
  EXPECT_THAT(Run("info").output, HasSubstr("9.8.7"));
  EXPECT_THAT(Run("info").output, HasSubstr("--max_rows"));
  EXPECT_THAT(Run("info --json").output, HasSubstr("\"version\": \"9.8.7\""));
  EXPECT_EQ(Run("health").output, "SERVING\n");
  EXPECT_EQ(Run("health").exit_code, 0);
  EXPECT_EQ(Run("health --service unheard.of").exit_code, 1);
}

TEST_F(LogitctlTest, TeachesEveryCommand) {
  for (const char* command :
       {"generate", "sweep", "explain", "sample", "info", "health"}) {
    const Outcome outcome = Run(absl::StrCat(command, " --help"));
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.output, HasSubstr("Examples:")) << command;
    for (const absl::string_view line : absl::StrSplit(outcome.output, '\n')) {
      EXPECT_LE(line.size(), 80) << line;
    }
  }
  EXPECT_THAT(Run("--help").output, HasSubstr("Exit codes:"));
  EXPECT_THAT(Run("generate --help").output, Not(HasSubstr("Unknown")));
}

}  // namespace
}  // namespace logitd::client
