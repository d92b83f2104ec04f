#include "service/config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sampler/fingerprint.h"
#include "sampler/kernels/kernels.h"
#include "sampler/knobs.h"
#include "sampler/sampler.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using Texts = std::vector<std::string>;

struct Setting {
  const char* name;
  const char* value_name;
  const char* help;
  // Empty: taken. Else why not.
  std::function<std::string(const Texts& texts, Config* config)> set;
  std::function<Texts(const Config& config)> get;
  bool is_list = false;
};

std::string DefaultListen(const Environ& environ) {
  const std::string folders =
      environ("RUNTIME_DIRECTORY").value_or("/run/logitd");
  const Texts first = absl::StrSplit(folders, absl::MaxSplits(':', 1));
  return absl::StrCat("unix:", first[0], "/logitd.sock");
}

// ---- kinds of settings
// --------------------------------------------------------

Setting Count(const char* name, const char* help, uint32_t Limits::*member,
              uint32_t value_min, uint32_t value_max) {
  return {name, "N", help,
          [=](const Texts& texts, Config* config) -> std::string {
            uint32_t value = 0;
            if (!absl::SimpleAtoi(texts[0], &value) || value < value_min ||
                value > value_max) {
              return absl::StrCat("is not a number in [", value_min, ", ",
                                  value_max, "]");
            }
            config->limits.*member = value;
            return "";
          },
          [=](const Config& config) -> Texts {
            return {absl::StrCat(config.limits.*member)};
          }};
}

// "83886080", "80MiB", "1GiB".
bool ParseBytes(absl::string_view text, uint64_t* bytes) {
  int shift = 0;
  if (absl::ConsumeSuffix(&text, "KiB")) shift = 10;
  if (absl::ConsumeSuffix(&text, "MiB")) shift = 20;
  if (absl::ConsumeSuffix(&text, "GiB")) shift = 30;
  uint64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value > (uint64_t{1} << 32)) {
    return false;
  }
  *bytes = value << shift;
  return true;
}

std::string SetStepBytes(const Texts& texts, Config* config) {
  constexpr uint64_t kMin = 1024;
  constexpr uint64_t kMax = uint64_t{1} << 30;
  uint64_t bytes = 0;
  if (!ParseBytes(texts[0], &bytes) || bytes < kMin || bytes > kMax) {
    return "is not a size in [1KiB, 1GiB]";
  }
  config->limits.max_step_bytes = bytes;
  return "";
}

std::string SetThreads(const Texts& texts, Config* config) {
  constexpr uint32_t kThreadsMax = 1024;
  uint32_t value = 0;
  if (texts[0] != "auto" && (!absl::SimpleAtoi(texts[0], &value) ||
                             value == 0 || value > kThreadsMax)) {
    return absl::StrCat("is neither auto nor a number in [1, ", kThreadsMax,
                        "]");
  }
  config->threads = value;
  return "";
}

std::string SetKernels(const Texts& texts, Config* config) {
  // Highway's name for its scalar target depends on the compiler.
  const bool scalar = absl::EqualsIgnoreCase(texts[0], "scalar");
  const std::string name =
      scalar && kernels::Find("scalar") == nullptr ? "EMU128" : texts[0];
  if (kernels::Find(name.c_str()) == nullptr) {
    Texts names = {"auto"};
    const kernels::KernelList list = kernels::Available();
    for (size_t i = 0; i < list.count; ++i) {
      names.emplace_back(list.tables[i]->name);
    }
    return absl::StrCat("is not one of ", absl::StrJoin(names, ", "),
                        ", which this build and this processor have");
  }
  config->kernels = name;
  return "";
}

std::string SetDrainTimeout(const Texts& texts, Config* config) {
  absl::Duration value;
  if (!absl::ParseDuration(texts[0], &value) || value < absl::ZeroDuration() ||
      value > absl::Hours(1)) {
    return "is not a duration in [0, 1h], such as 20s or 500ms";
  }
  config->drain_timeout = value;
  return "";
}

std::string SetListen(const Texts& texts, Config* config) {
  for (const std::string& text : texts) {
    const bool is_unix = absl::StartsWith(text, "unix:");
    if (is_unix ? text.size() > 5 : absl::StrContains(text, ':')) continue;
    return "is neither unix:<path> nor <host>:<port>";
  }
  config->listen = texts;
  return "";
}

std::string SetAdminHttp(const Texts& texts, Config* config) {
  if (texts[0] == "off") {
    config->admin_http.clear();
    return "";
  }
  const size_t colon = texts[0].rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(texts[0].substr(colon + 1), &port) || port > 65535) {
    return "is neither off nor <host>:<port>";
  }
  config->admin_http = texts[0];
  return "";
}

// ---- the table
// ------------------------------------------------------------------

const std::vector<Setting>& Settings() {
  static const auto* const settings = new std::vector<Setting>{
      {"listen", "ADDRESS",
       "Where to serve gRPC: unix:<path> (mode 0660) or <host>:<port>. "
       "Repeatable; in the environment separated by commas.",
       SetListen, [](const Config& c) -> Texts { return c.listen; }, true},
      {"admin_http", "HOST:PORT",
       "Where to serve /metrics, /healthz, /readyz and /configz. Port 0 takes "
       "a free one; off: not at all.",
       SetAdminHttp,
       [](const Config& c) -> Texts {
         return {c.admin_http.empty() ? "off" : c.admin_http};
       }},
      {"admin_http_port_file", "PATH",
       "Write the port of --admin_http to this file.",
       [](const Texts& texts, Config* c) -> std::string {
         c->admin_http_port_file = texts[0];
         return "";
       },
       [](const Config& c) -> Texts { return {c.admin_http_port_file}; }},
      {"threads", "N",
       "Worker threads for rows. auto: as many as affinity and CPU quota "
       "allow.",
       SetThreads,
       [](const Config& c) -> Texts {
         return {c.threads == 0 ? "auto" : absl::StrCat(c.threads)};
       }},
      {"kernels", "NAME",
       "Instruction set of the row loops: auto, or AVX3, AVX2, NEON, SVE, "
       "SCALAR... The tokens are the same.",
       SetKernels, [](const Config& c) -> Texts { return {c.kernels}; }},
      {"max_step_bytes", "BYTES", "Largest request on the wire, such as 80MiB.",
       SetStepBytes,
       [](const Config& c) -> Texts {
         return {absl::StrCat(c.limits.max_step_bytes)};
       }},
      Count("max_rows", "Rows, and entries, of a step.", &Limits::max_rows, 1,
            65536),
      Count("max_vocab_size", "Largest vocabulary and row width.",
            &Limits::max_vocab_size, 1, 1u << 24),
      Count("max_sessions", "Sessions open on one stream.",
            &Limits::max_sessions, 1, 1u << 20),
      Count("max_history", "Tokens of one session, prompt and output.",
            &Limits::max_history, 1, 1u << 24),
      Count("max_top_n", "Top tokens that a session may ask for.",
            &Limits::max_top_n, 0, kTopMax),
      Count("max_ids", "Ids in one list of ids: allowed, banned, stop...",
            &Limits::max_ids, 0, kIdsMax),
      Count("max_bias", "Biased tokens of a session.", &Limits::max_bias, 0,
            kBiasMax),
      Count("max_stop_sequences", "Stop sequences of a session.",
            &Limits::max_stop_sequences, 0, kStopSequencesMax),
      Count("max_inflight", "Unanswered requests of one stream.",
            &Limits::max_inflight, 1, 64),
      Count("max_streams",
            "Sample streams, and SampleOnce calls, open at once.",
            &Limits::max_streams, 1, 65536),
      {"drain_timeout", "DURATION",
       "After SIGTERM: how long open sessions may go on.", SetDrainTimeout,
       [](const Config& c) -> Texts {
         return {absl::FormatDuration(c.drain_timeout)};
       }},
  };
  return *settings;
}

const Setting* FindSetting(const std::string& name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

// ---- where values come from
// -----------------------------------------------------

// The value that counts for each setting, and where it stands.
struct Given {
  Texts texts;
  std::string source;
};
using AllGiven = std::map<std::string, Given>;

std::string EnvName(const char* setting) {
  return absl::StrCat("LOGITD_", absl::AsciiStrToUpper(setting));
}

absl::Status ReadNode(const std::string& file, const YAML::Node& key,
                      const YAML::Node& value, AllGiven* all) {
  const std::string name = key.as<std::string>();
  const std::string where =
      absl::StrCat(file, ":", key.Mark().line + 1, ": ", name);
  const Setting* setting = FindSetting(name);
  if (setting == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": there is no such setting"));
  }
  if (all->contains(name)) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": is given twice"));
  }
  Given given;
  given.source = file;
  if (value.IsScalar()) given.texts.push_back(value.Scalar());
  if (value.IsSequence() && setting->is_list) {
    for (const YAML::Node& item : value) {
      if (item.IsScalar()) given.texts.push_back(item.Scalar());
    }
    if (given.texts.size() != value.size()) given.texts.clear();
  }
  if (given.texts.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, setting->is_list ? ": is neither a value nor a list of values"
                                : ": is not a single value"));
  }
  all->emplace(name, std::move(given));
  return absl::OkStatus();
}

absl::Status ReadFile(const std::string& file, AllGiven* all) {
  try {
    const YAML::Node root = YAML::LoadFile(file);
    if (root.IsNull()) return absl::OkStatus();
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": is not a YAML map of settings"));
    }
    for (const auto& item : root) {
      LOGITD_RETURN_IF_ERROR(ReadNode(file, item.first, item.second, all));
    }
    return absl::OkStatus();
  } catch (const YAML::BadFile&) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config: cannot read ", file));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": ", error.msg));
  }
}

void ReadEnvironment(const Environ& environ, AllGiven* all) {
  for (const Setting& setting : Settings()) {
    const std::string name = EnvName(setting.name);
    const auto value = environ(name);
    if (!value) continue;
    Texts texts = {*value};
    if (setting.is_list) texts = absl::StrSplit(*value, ',');
    (*all)[setting.name] = {std::move(texts), name};
  }
}

absl::StatusOr<Config> Build(const AllGiven& all, const Environ& environ) {
  Config config;
  config.listen = {DefaultListen(environ)};
  for (const Setting& setting : Settings()) {
    const auto it = all.find(setting.name);
    std::string source = "default";
    if (it != all.end()) {
      source = it->second.source;
      const Texts& texts = it->second.texts;
      const std::string wrong = setting.set(texts, &config);
      if (!wrong.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", setting.name, ": \"", absl::StrJoin(texts, ","),
                         "\" ", wrong, " (from ", source, ")"));
      }
    }
    YAML::Emitter value;
    const Texts now = setting.get(config);
    if (setting.is_list) {
      value << YAML::Flow << now;
    } else {
      value << now[0];
    }
    absl::StrAppend(&config.printed, setting.name, ": ", value.c_str(), "  # ",
                    source, "\n");
  }
  return config;
}

// ---- the command line
// -------------------------------------------------------------

constexpr char kAbout[] =
    "logitd turns logits into tokens: a gRPC service beside a model server.\n";
constexpr char kMore[] =
    "Every setting --NAME may also stand in the environment as LOGITD_NAME or\n"
    "in the --config file as NAME: value; flags come first, the file last.\n"
    "SIGTERM drains, a second one ends at once. Exit codes: 0 stopped as asked,"
    "\n2 could not start (one line on stderr says why).\n\n"
    "Examples:\n"
    "  logitd --listen unix:/tmp/logitd.sock\n"
    "  logitd --listen 127.0.0.1:7070 --threads 4 --admin_http off\n"
    "  logitd --config logitd.yaml --print_config\n";

struct Flags {
  std::map<std::string, Texts> values;
  std::string config_file;
  bool print_config = false;
  bool version = false;
};

void AddFlags(CLI::App* app, Flags* flags) {
  const Config defaults;
  app->footer(kMore);
  for (const Setting& setting : Settings()) {
    CLI::Option* option =
        app->add_option(absl::StrCat("--", setting.name),
                        flags->values[setting.name], setting.help);
    option->type_name(setting.value_name)->expected(1);
    option->default_str(absl::StrJoin(setting.get(defaults), ","));
    if (setting.is_list) {
      option->take_all();
    } else {
      option->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
  }
  app->add_option("--config", flags->config_file, "YAML file of settings.")
      ->type_name("PATH");
  app->add_flag("--print_config", flags->print_config,
                "Print the settings in force, and where each comes from.");
  app->add_flag("--version", flags->version, "Print the version.");
}

absl::StatusOr<Command> Decide(const Flags& flags, const Environ& environ) {
  Command command;
  if (flags.version) {
    command.text = absl::StrCat("logitd ", Version(), " (", kSemantics,
                                ", core ", kCoreVersion, ")\n");
    return command;
  }
  AllGiven all;
  const std::string file = flags.config_file.empty()
                               ? environ("LOGITD_CONFIG").value_or("")
                               : flags.config_file;
  if (!file.empty()) LOGITD_RETURN_IF_ERROR(ReadFile(file, &all));
  ReadEnvironment(environ, &all);
  for (const auto& [name, texts] : flags.values) {
    if (!texts.empty()) all[name] = {texts, "flag"};
  }
  LOGITD_ASSIGN_OR_RETURN(Config config, Build(all, environ));
  if (flags.print_config) {
    command.text = config.printed;
  } else {
    command.serve = std::move(config);
  }
  return command;
}

}  // namespace

absl::StatusOr<Command> ReadCommandLine(int argc, const char* const* argv,
                                        const Environ& environ) {
  CLI::App app(kAbout, "logitd");
  Flags flags;
  AddFlags(&app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    Command command;
    command.text = app.help();
    return command;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(error.what(), " (see --help)"));
  }
  return Decide(flags, environ);
}

std::optional<std::string> ProcessEnviron(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::string Version() { return LOGITD_VERSION; }

}  // namespace logitd
