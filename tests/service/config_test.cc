#include "service/config.h"

#include <fstream>
#include <map>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::StatusIs;
using testing::TempFolder;
using Code = absl::StatusCode;

class ConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<Command> Read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "logitd");
    return ReadCommandLine(static_cast<int>(arguments.size()), arguments.data(),
                           [this](const std::string& name) {
                             const auto it = environment_.find(name);
                             return it == environment_.end()
                                        ? std::nullopt
                                        : std::optional(it->second);
                           });
  }
  Config ReadConfig(const std::vector<const char*>& arguments) {
    const auto command = Read(arguments);
    EXPECT_THAT(command, IsOk());
    return command.ok() && command->serve ? *command->serve : Config();
  }
  const char* WriteFile(const std::string& text) {
    file_ = folder_.File("logitd.yaml");
    std::ofstream(file_) << text;
    return file_.c_str();
  }

  std::map<std::string, std::string> environment_;
  TempFolder folder_;
  std::string file_;
};

TEST_F(ConfigTest, DefaultsAreThoseOfTheDesign) {
  const Config config = ReadConfig({});
  EXPECT_EQ(config.listen,
            std::vector<std::string>{"unix:/run/logitd/logitd.sock"});
  EXPECT_EQ(config.admin_http, "127.0.0.1:9464");
  EXPECT_EQ(config.threads, 0u);
  EXPECT_EQ(config.limits.max_step_bytes, 83886080u);
  EXPECT_EQ(config.limits.max_rows, 256u);
  EXPECT_EQ(config.limits.max_vocab_size, 1048576u);
  EXPECT_EQ(config.limits.max_sessions, 4096u);
  EXPECT_EQ(config.limits.max_history, 1048576u);
  EXPECT_EQ(config.limits.max_top_n, 128u);
  EXPECT_EQ(config.limits.max_inflight, 4u);
  EXPECT_EQ(config.drain_timeout, absl::Seconds(20));
}

TEST_F(ConfigTest, ListensInTheRuntimeDirectoryThatSystemdGives) {
  environment_["RUNTIME_DIRECTORY"] = "/run/a:/run/b";
  EXPECT_EQ(ReadConfig({}).listen[0], "unix:/run/a/logitd.sock");
}

TEST_F(ConfigTest, FlagsComeBeforeEnvironmentBeforeFile) {
  const char* file = WriteFile("max_rows: 1\nmax_sessions: 1\nmax_top_n: 1\n");
  environment_["LOGITD_MAX_ROWS"] = "2";
  environment_["LOGITD_MAX_SESSIONS"] = "2";
  const Config config = ReadConfig({"--config", file, "--max_rows", "3"});
  EXPECT_EQ(config.limits.max_rows, 3u);
  EXPECT_EQ(config.limits.max_sessions, 2u);
  EXPECT_EQ(config.limits.max_top_n, 1u);
}

TEST_F(ConfigTest, TakesTheFileFromTheEnvironmentToo) {
  environment_["LOGITD_CONFIG"] = WriteFile("threads: 5\n");
  EXPECT_EQ(ReadConfig({}).threads, 5u);
}

TEST_F(ConfigTest, ListensInSeveralPlaces) {
  const std::vector<std::string> both = {"unix:/a", "127.0.0.1:1"};
  environment_["LOGITD_ALLOW_TCP_WITHOUT_MTLS"] = "true";
  EXPECT_EQ(
      ReadConfig({"--listen", "unix:/a", "--listen", "127.0.0.1:1"}).listen,
      both);
  environment_["LOGITD_LISTEN"] = "unix:/a,127.0.0.1:1";
  EXPECT_EQ(ReadConfig({}).listen, both);
  environment_.clear();
  const char* file = WriteFile(
      "listen: ['unix:/a', '127.0.0.1:1']\nallow_tcp_without_mtls: true\n");
  EXPECT_EQ(ReadConfig({"--config", file}).listen, both);
}

TEST_F(ConfigTest, ReadsSizesAndDurationsWithUnits) {
  EXPECT_EQ(ReadConfig({"--max_step_bytes", "2MiB"}).limits.max_step_bytes,
            2u << 20);
  EXPECT_EQ(ReadConfig({"--drain_timeout", "1500ms"}).drain_timeout,
            absl::Milliseconds(1500));
  EXPECT_EQ(ReadConfig({"--admin_http", "off"}).admin_http, "");
  EXPECT_EQ(ReadConfig({"--threads", "auto"}).threads, 0u);
}

TEST_F(ConfigTest, RefusesBadValuesAndNamesThem) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
      {{"--max_rows", "0"}, "--max_rows: \"0\" is not a number in [1, 65536]"},
      {{"--max_rows", "-1"}, "--max_rows"},
      {{"--max_rows", "70000"}, "--max_rows"},
      {{"--max_step_bytes", "2GiB"}, "is not a size in [1KiB, 1GiB]"},
      {{"--max_step_bytes", "99999999999999999999GiB"}, "is not a size"},
      {{"--max_unanswered_bytes", "2TiB"}, "is not a size in [1KiB, 1024GiB]"},
      {{"--max_unanswered_bytes", "2048GiB"}, "is not a size"},
      {{"--max_unanswered_bytes", "40MiB"}, "less than --max_step_bytes"},
      {{"--max_queue_delay", "-1s"}, "is not a duration in [0, 1h]"},
      {{"--drain_timeout", "20"}, "is not a duration in [0, 1h]"},
      {{"--drain_timeout", "-1s"}, "is not a duration"},
      {{"--kernels", "MMX"}, "is not one of auto, "},
      {{"--listen", "somewhere"}, "is neither unix:<path> nor <host>:<port>"},
      {{"--listen", "unix:"}, "is neither unix:<path>"},
      {{"--admin_http", "9464"}, "is neither off nor <host>:<port>"},
      {{"--admin_http", "127.0.0.1:99999"}, "is neither off nor"},
      {{"--threads", "0"}, "is neither auto nor a number in [1, 1024]"},
      {{"--threads", "1", "--threads", "2"}, "--threads"},
      {{"--rows", "1"}, "--rows"},
      {{"serve"}, "serve"},
      {{"--config", "/no/file.yaml"}, "--config: cannot read /no/file.yaml"},
  };
  for (const auto& [arguments, piece] : cases) {
    EXPECT_THAT(Read(arguments), StatusIs(Code::kInvalidArgument, piece));
  }
  environment_["LOGITD_MAX_ROWS"] = "many";
  EXPECT_THAT(Read({}),
              StatusIs(Code::kInvalidArgument, "(from LOGITD_MAX_ROWS)"));
}

TEST_F(ConfigTest, ServesTcpOnlyWithMutualTlsOrWhenToldTo) {
  const char* const tcp = "127.0.0.1:1";
  EXPECT_THAT(Read({"--listen", tcp}),
              StatusIs(Code::kInvalidArgument,
                       "--listen: \"127.0.0.1:1\" is TCP without mutual TLS"));
  EXPECT_THAT(Read({"--listen", tcp, "--tls_cert", "c", "--tls_key", "k"}),
              StatusIs(Code::kInvalidArgument, "TCP without mutual TLS"));
  const Config mutual = ReadConfig({"--listen", tcp, "--tls_cert", "c",
                                    "--tls_key", "k", "--tls_client_ca", "a"});
  EXPECT_EQ(mutual.tls.cert, "c");
  EXPECT_EQ(mutual.tls.key, "k");
  EXPECT_EQ(mutual.tls.client_ca, "a");
  EXPECT_THAT(Read({"--tls_cert", "c"}),
              StatusIs(Code::kInvalidArgument, "--tls_key: is missing"));
  EXPECT_THAT(Read({"--tls_key", "k"}),
              StatusIs(Code::kInvalidArgument, "--tls_cert: is missing"));
  EXPECT_THAT(Read({"--tls_client_ca", "a"}),
              StatusIs(Code::kInvalidArgument, "--tls_cert: is missing"));
}

TEST_F(ConfigTest, CheckingServesNothing) {
  const auto command = Read({"--check_config", "--max_rows", "7"});
  ASSERT_THAT(command, IsOk());
  EXPECT_TRUE(command->check_only);
  EXPECT_EQ(command->serve->limits.max_rows, 7u);
  EXPECT_FALSE(Read({})->check_only);
}

TEST_F(ConfigTest, RefusesAFileThatSaysWhatItDoesNotKnow) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"max_rows: 1\nmax_cows: 2\n", ":2: max_cows: there is no such setting"},
      {"max_row: 2\n", "no such setting; did you mean max_rows?"},
      {"max_rows: [1, 2]\n", ":1: max_rows: is not a single value"},
      {"max_rows: 1\nmax_rows: 2\n", "max_rows: is given twice"},
      {"- max_rows\n", "is not a YAML map of settings"},
      {"max_rows: {a: 1}\n", "max_rows: is not a single value"},
      {"listen: {a: 1}\n", "listen: is neither a value nor a list"},
      {"listen: [[1]]\n", "listen: is neither a value nor a list"},
      {"max_rows: [1\n", "logitd.yaml:"},
      {"max_rows: x\n", "\"x\" is not a number"},
  };
  for (const auto& [text, piece] : cases) {
    EXPECT_THAT(Read({"--config", WriteFile(text)}),
                StatusIs(Code::kInvalidArgument, piece))
        << text;
  }
  EXPECT_THAT(Read({"--config", WriteFile("# nothing\n")}), IsOk());
}

TEST_F(ConfigTest, PrintsWhatItReadAndReadsWhatItPrints) {
  environment_["LOGITD_THREADS"] = "3";
  const auto printed = Read({"--print_config", "--listen", "unix:/a b",
                             "--listen", "127.0.0.1:0", "--max_top_n", "7",
                             "--allow_tcp_without_mtls", "true"});
  ASSERT_THAT(printed, IsOk());
  EXPECT_FALSE(printed->serve);
  EXPECT_NE(printed->text.find("threads: 3  # LOGITD_THREADS"),
            std::string::npos);
  EXPECT_NE(printed->text.find("max_top_n: 7  # flag"), std::string::npos);
  EXPECT_NE(printed->text.find("max_rows: 256  # default"), std::string::npos);
  environment_.clear();
  const Config again = ReadConfig({"--config", WriteFile(printed->text)});
  EXPECT_EQ(again.threads, 3u);
  EXPECT_EQ(again.limits.max_top_n, 7u);
  EXPECT_EQ(again.listen,
            (std::vector<std::string>{"unix:/a b", "127.0.0.1:0"}));
}

TEST_F(ConfigTest, HelpTeachesEverySettingAndVersionNamesTheSemantics) {
  const auto help = Read({"--help"});
  ASSERT_THAT(help, IsOk());
  for (const char* piece : {"--listen", "--max_inflight", "--print_config",
                            "LOGITD_", "SIGTERM", "Exit codes", "Examples"}) {
    EXPECT_NE(help->text.find(piece), std::string::npos) << piece;
  }
  const auto version = Read({"--version"});
  ASSERT_THAT(version, IsOk());
  EXPECT_NE(version->text.find("logitd/1"), std::string::npos);
}

TEST_F(ConfigTest, TakesEveryInstructionSetOfThisProcessor) {
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    EXPECT_EQ(ReadConfig({"--kernels", list.tables[i]->name}).kernels,
              list.tables[i]->name);
  }
  EXPECT_NE(kernels::Find(ReadConfig({"--kernels", "SCALAR"}).kernels.c_str()),
            nullptr);
}

}  // namespace
}  // namespace logitd
