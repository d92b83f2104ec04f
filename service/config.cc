#include "service/config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sampler/fingerprint.h"
#include "sampler/status_macros.h"
#include "service/config_settings.h"
#include "service/profiles/nearest.h"

namespace logitd {
namespace {

const Setting* FindSetting(const std::string& name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Setting& setting : Settings()) names.emplace_back(setting.name);
  return names;
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
    const std::string nearest = Nearest(name, Names());
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": there is no such setting",
        nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
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
  const bool empty_list =
      setting->is_list && value.IsSequence() && value.size() == 0;
  if (given.texts.empty() && !empty_list) {
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
  SetDefaults(environ, &config);
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

// What no setting can see alone.
absl::Status CheckTogether(const Config& config) {
  const Limits& limits = config.limits;
  if (limits.max_unanswered_bytes < limits.max_step_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_unanswered_bytes: ", limits.max_unanswered_bytes,
                     " is less than --max_step_bytes ", limits.max_step_bytes));
  }
  const TlsFiles& tls = config.tls;
  if (tls.cert.empty() != tls.key.empty()) {
    return absl::InvalidArgumentError(
        tls.key.empty() ? "--tls_key: is missing, --tls_cert is given"
                        : "--tls_cert: is missing, --tls_key is given");
  }
  if (tls.cert.empty() && !tls.client_ca.empty()) {
    return absl::InvalidArgumentError(
        "--tls_cert: is missing, --tls_client_ca is given");
  }
  if (!tls.client_ca.empty() || config.allow_tcp_without_mtls) {
    return absl::OkStatus();
  }
  for (const std::string& address : config.listen) {
    if (absl::StartsWith(address, "unix:")) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--listen: \"", address,
        "\" is TCP without mutual TLS: give --tls_cert, --tls_key and "
        "--tls_client_ca, or say --allow_tcp_without_mtls true"));
  }
  return absl::OkStatus();
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
  bool check_config = false;
  bool print_metrics = false;
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
  app->add_flag("--check_config", flags->check_config,
                "Check the settings and the files that they name, and do not "
                "serve.");
  app->add_flag("--print_metrics", flags->print_metrics,
                "Print the catalogue of metrics as Markdown.");
  app->add_flag("--version", flags->version, "Print the version.");
}

absl::StatusOr<Command> Decide(const Flags& flags, const Environ& environ) {
  Command command;
  if (flags.version) {
    command.text = absl::StrCat("logitd ", Version(), " (", kSemantics,
                                ", core ", kCoreVersion, ")\n");
    return command;
  }
  if (flags.print_metrics) {
    command.text = MetricsTable();
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
  LOGITD_RETURN_IF_ERROR(CheckTogether(config));
  if (flags.print_config) {
    command.text = config.printed;
  } else {
    command.serve = std::move(config);
    command.check_only = flags.check_config;
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
