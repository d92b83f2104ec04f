#include "service/client/logitctl/flags.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/knobs.h"
#include "service/client/logitctl/usage.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

constexpr char kConnection[] = "Connection";
constexpr char kKnobs[] = "Knobs (absent: off)";
constexpr char kChance[] = "Chance";

// What helps when there is no connection.
std::string ConnectAdvice(const std::string& target, absl::string_view error) {
  const bool is_unix = absl::StartsWith(target, "unix:");
  if (is_unix && absl::StrContains(error, "Permission denied")) {
    return "the socket's owner and group may use it:  ls -l " +
           target.substr(5);
  }
  if (!is_unix && !absl::StrContains(error, "refused")) {
    return "if the server speaks TLS, --tls-ca, --tls-cert, --tls-key and "
           "--tls-server-name must fit it";
  }
  return absl::StrCat("start it:  logitd --listen ", target,
                      is_unix ? "" : " ... (see logitd --help, TLS)",
                      "\nor name another with --target or LOGITD_TARGET");
}

}  // namespace

void ServerFlags::AddTo(CLI::App* app) {
  app->add_option("--target", target, "The server, unix:/path or host:port")
      ->envname("LOGITD_TARGET")
      ->capture_default_str()
      ->group(kConnection);
  TakePositiveNumbers(
      app->add_option("--timeout", timeout_seconds,
                      "Gives the whole command up after this many seconds")
          ->type_name("SECONDS")
          ->capture_default_str()
          ->group(kConnection));
  AddTls(app);
}

void ServerFlags::AddTls(CLI::App* app) {
  const auto add = [app](const char* flag, std::string* value,
                         const char* environment, const char* type,
                         const char* help) {
    app->add_option(flag, *value, help)
        ->envname(environment)
        ->type_name(type)
        ->group(kConnection);
  };
  add("--tls-ca", &tls.ca, "LOGITCTL_TLS_CA", "PATH",
      "Connect with TLS and trust these PEM certificates");
  add("--tls-cert", &tls.cert, "LOGITCTL_TLS_CERT", "PATH",
      "The client's own PEM certificates, for a server that asks for them");
  add("--tls-key", &tls.key, "LOGITCTL_TLS_KEY", "PATH",
      "PEM key of --tls-cert");
  add("--tls-server-name", &tls.server_name, "LOGITCTL_TLS_SERVER_NAME", "NAME",
      "The name in the server's certificate. Absent: the target's host");
  add("--token-file", &token_file, "LOGITCTL_TOKEN_FILE", "PATH",
      "A bearer token, for changing profiles over TLS");
}

absl::StatusOr<client::Client> ServerFlags::Connect() const {
  const bool is_unix = absl::StartsWith(target, "unix:/") &&
                       !absl::StartsWith(target, "unix://");
  if (!is_unix && (target.find(':') == std::string::npos ||
                   absl::StrContains(target, '/'))) {
    return UsageError(absl::StrCat("--target: \"", target,
                                   "\" is neither unix:/path nor host:port"));
  }
  client::ConnectOptions options;
  options.timeout = std::min(options.timeout, timeout());
  if (!is_unix) {
    options.tls = tls;  // a Unix socket is never TLS
  }
  if (!is_unix && !token_file.empty()) {
    std::ifstream file(token_file);
    if (!(file >> options.tls.bearer_token)) {
      return UsageError(absl::StrCat("--token-file: no token in ", token_file));
    }
  }
  auto connected = client::Client::Connect(target, options);
  if (absl::IsInvalidArgument(connected.status())) {
    return UsageError(std::string(connected.status().message()));
  }
  if (!connected.ok()) {
    return UnreachableError(
        absl::UnavailableError(
            absl::StrCat("the server: ", connected.status().message())),
        ConnectAdvice(target, connected.status().message()));
  }
  return connected;
}

void ModelFlags::AddTo(CLI::App* app) {
  app->add_option("--model-target", target,
                  "The demo language model, unix:/path or host:port")
      ->envname("LOGITD_DEMO_MODEL")
      ->capture_default_str()
      ->group(kConnection);
}

void KnobFlags::AddTo(CLI::App* app, const std::string& token_word) {
  AddScalars(app);
  AddOrder(app);
  AddTokens(app, token_word);
  TakeWholeNumbers(
      0, std::numeric_limits<std::uint64_t>::max(),
      app->add_option("--seed", seed,
                      "Equal seed, rows and knobs give equal tokens, always "
                      "and anywhere. Absent: a new one, which is printed")
          ->type_name("N")
          ->group(kChance));
  app->add_option("--salt", salt,
                  "The same seed with another salt draws differently; at most "
                  "256 bytes")
      ->type_name("TEXT")
      ->group(kChance);
}

void KnobFlags::AddScalars(CLI::App* app) {
  for (const Knob& knob : ScalarKnobs()) {
    const std::string field = knob.field;
    app->add_option_function<std::string>(
           FlagOf(field),
           [this, field](const std::string& value) { scalars[field] = value; },
           knob.help)
        ->type_name(knob.values)
        ->group(kKnobs);
  }
  app->add_flag("--ignore-eos", ignore_eos,
                "The end of a sentence does not end the text")
      ->group(kKnobs);
  app->add_flag("--ban-eos", ban_eos, "The end token is never chosen")
      ->group(kKnobs);
  app->add_flag("--p-less", p_less,
                "Keeps tokens at least as likely as two draws are alike; needs "
                "no number")
      ->group(kKnobs);
}

void KnobFlags::AddOrder(CLI::App* app) {
  app->add_option_function<std::string>(
         "--dialect",
         [this](const std::string& value) { scalars["dialect"] = value; },
         "Another engine's order of knobs and its rules at their boundaries, "
         "so that its settings mean here what they meant there. VLLM_V1, "
         "HUGGING_FACE_V1, LLAMA_CPP_V1, SGLANG_V1 or OPENVINO_V1")
      ->type_name("ENGINE")
      ->group(kKnobs);
  app->add_option_function<std::string>(
         "--steps",
         [this](const std::string& value) {
           steps = absl::StrSplit(value, ',');
         },
         "An own order of the knobs that change logits or cut: every one that "
         "is set, by the names of proto/logitd/v1/params.proto, such as "
         "temperature,min_p,xtc")
      ->type_name("NAME,...")
      ->group(kKnobs);
}

void KnobFlags::AddTokens(CLI::App* app, const std::string& token_word) {
  const auto add = [app](const char* flag, const std::string& type,
                         std::vector<std::string>* values, const char* help) {
    app->add_option(flag, *values, help)
        ->type_name(type)
        ->type_size(1)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(kKnobs);
  };
  add("--logit-bias", token_word + "=V", &tokens.bias,
      "Adds V to the logit of a token: +1 makes it about 2.7 times as "
      "likely. [-100,100], off 0; may be repeated");
  add("--ban", token_word, &tokens.ban,
      "This token is never chosen; may be repeated");
  add("--allow", token_word, &tokens.allow,
      "Only tokens allowed so are chosen; may be repeated");
  add("--stop", "\"A B\"", &tokens.stop,
      "The text ends after these tokens in a row; may be repeated");
  add("--stop-token", token_word, &tokens.stop_token,
      "The text ends after this token; may be repeated");
  add("--set", "KNOB=VALUE", &set,
      "Any other single-valued knob of proto/logitd/v1/params.proto, its value "
      "as in a profile file; may be repeated");
}

absl::StatusOr<Knobs> KnobFlags::Parse() const {
  Knobs knobs;
  for (const auto& [field, value] : scalars) {
    if (absl::Status status = SetKnob(field, value, &knobs.params);
        !status.ok()) {
      return status;
    }
  }
  for (const std::string& assignment : set) {
    if (absl::Status status = SetKnobFrom(assignment, &knobs.params);
        !status.ok()) {
      return status;
    }
  }
  for (const std::string& step : steps) {
    knobs.params.add_steps(step);
  }
  if (ignore_eos) {
    knobs.params.set_ignore_eos(true);
  }
  if (ban_eos) {
    knobs.params.set_ban_eos(true);
  }
  if (p_less) {
    knobs.params.set_p_less(true);
  }
  auto parsed = ParseTokenKnobs(tokens);
  if (!parsed.ok()) {
    return parsed.status();
  }
  knobs.tokens = *std::move(parsed);
  return knobs;
}

absl::StatusOr<v1::SamplingParams> KnobFlags::ParseIds(
    const std::vector<std::string>& eos) const {
  auto knobs = Parse();
  if (!knobs.ok()) {
    return knobs.status();
  }
  absl::Status status = SetTokenKnobs(knobs->tokens, ResolveId, &knobs->params);
  std::vector<std::uint32_t> ids;
  for (const std::string& token : eos) {
    const auto id = ResolveId(token);
    status.Update(id.status());
    ids.push_back(id.value_or(0));
  }
  if (!status.ok()) {
    return status;
  }
  knobs->params.set_eos_ids(client::PackIds(ids));
  return std::move(knobs->params);
}

}  // namespace logitd::logitctl
