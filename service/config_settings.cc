#include "service/config_settings.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sampler/kernels/kernels.h"
#include "sampler/knobs.h"
#include "sampler/sampler.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

// The first of the folders that systemd made for us, or `otherwise`.
std::string FirstFolder(const Environ& environ, const char* name,
                        const char* otherwise) {
  const Texts folders = absl::StrSplit(environ(name).value_or(otherwise),
                                       absl::MaxSplits(':', 1));
  return folders[0];
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
  constexpr uint64_t kMost = uint64_t{1} << 40;
  if (!absl::SimpleAtoi(text, &value) || value > kMost >> shift) {
    return false;
  }
  *bytes = value << shift;
  return true;
}

// A size from 1 KiB to so many GiB.
Setting Bytes(const char* name, const char* help, uint64_t Limits::*member,
              uint64_t gib_max) {
  return {name, "BYTES", help,
          [=](const Texts& texts, Config* config) -> std::string {
            uint64_t bytes = 0;
            if (!ParseBytes(texts[0], &bytes) || bytes < 1024 ||
                bytes > gib_max << 30) {
              return absl::StrCat("is not a size in [1KiB, ", gib_max, "GiB]");
            }
            config->limits.*member = bytes;
            return "";
          },
          [=](const Config& config) -> Texts {
            return {absl::StrCat(config.limits.*member)};
          }};
}

// `member` gives the duration of a Config.
Setting Duration(const char* name, const char* help,
                 absl::Duration& (*member)(Config&)) {
  return {name, "DURATION", help,
          [=](const Texts& texts, Config* config) -> std::string {
            absl::Duration value;
            if (!absl::ParseDuration(texts[0], &value) ||
                value < absl::ZeroDuration() || value > absl::Hours(1)) {
              return "is not a duration in [0, 1h], such as 20s or 500ms";
            }
            member(*config) = value;
            return "";
          },
          [=](const Config& config) -> Texts {
            return {absl::FormatDuration(member(const_cast<Config&>(config)))};
          }};
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

// A text as it is, into a member.
Setting Text(const char* name, const char* value_name, const char* help,
             std::string Config::*member) {
  return {name, value_name, help,
          [=](const Texts& texts, Config* config) -> std::string {
            config->*member = texts[0] == "off" ? "" : texts[0];
            return "";
          },
          [=](const Config& config) -> Texts { return {config.*member}; }};
}

Setting TextList(const char* name, const char* value_name, const char* help,
                 std::vector<std::string> Config::*member) {
  return {name,
          value_name,
          help,
          [=](const Texts& texts, Config* config) -> std::string {
            config->*member = texts;
            return "";
          },
          [=](const Config& config) -> Texts { return config.*member; },
          true};
}

// `member` gives the bool of a Config.
template <class Member>
Setting Switch(const char* name, const char* help, Member member) {
  return {name, "BOOL", help,
          [=](const Texts& texts, Config* config) -> std::string {
            if (texts[0] != "true" && texts[0] != "false") {
              return "is not true or false";
            }
            member(*config) = texts[0] == "true";
            return "";
          },
          [=](const Config& config) -> Texts {
            return {member(config) ? "true" : "false"};
          }};
}

Setting TlsFile(const char* name, const char* help,
                std::string TlsFiles::*member) {
  return {name, "PATH", help,
          [=](const Texts& texts, Config* config) -> std::string {
            config->tls.*member = texts[0];
            return "";
          },
          [=](const Config& config) -> Texts { return {config.tls.*member}; }};
}

std::string SetListen(const Texts& texts, Config* config) {
  if (texts.empty()) return "names no address";
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

std::vector<Setting> ServingSettings() {
  return {
      {"listen", "ADDRESS",
       "Where to serve gRPC: unix:<path> (mode 0660) or <host>:<port>. "
       "Repeatable; in the environment separated by commas.",
       SetListen, [](const Config& c) -> Texts { return c.listen; }, true},
      {"admin_http", "HOST:PORT",
       "Where to serve /metrics, /healthz, /readyz, /configz and /buildz. Port "
       "0 takes a free one; off: not at all.",
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
      Duration("drain_timeout",
               "After SIGTERM: how long open sessions may go on.",
               [](Config& c) -> absl::Duration& { return c.drain_timeout; }),
  };
}

std::vector<Setting> TlsSettings() {
  return {
      TlsFile("tls_cert",
              "PEM certificates of the TCP addresses, the server's own first. "
              "Read again when the files change.",
              &TlsFiles::cert),
      TlsFile("tls_key", "PEM key of --tls_cert, without a passphrase.",
              &TlsFiles::key),
      TlsFile("tls_client_ca",
              "PEM certificates of which a client's must be one or be signed "
              "by one: mutual TLS.",
              &TlsFiles::client_ca),
      Switch(
          "allow_tcp_without_mtls",
          "Serve TCP to anybody who reaches it: no client certificate, and "
          "without --tls_cert no encryption.",
          [](auto& c) -> auto& { return c.allow_tcp_without_mtls; }),
  };
}

std::string SetMetricsShare(const Texts& texts, Config* config) {
  double share = 0;
  if (!absl::SimpleAtod(texts[0], &share) || !(share >= 0 && share <= 1)) {
    return "is not a number in [0, 1]";
  }
  config->metrics.share = share;
  return "";
}

std::string SetLogLevelText(const Texts& texts, Config* config) {
  const auto level = ReadLogLevel(texts[0]);
  if (!level) return "is not one of debug, info, warning, error";
  config->log_level = *level;
  return "";
}

std::vector<Setting> ObservationSettings() {
  return {
      Switch(
          "metrics",
          "Count what /metrics tells. false: only facts of process and "
          "profiles.",
          [](auto& c) -> auto& { return c.metrics.enabled; }),
      {"metrics_share", "SHARE",
       "Share of rows, chosen by chance, whose kept mass, entropy and "
       "log-probability are measured: each costs a pass over its row. Changes "
       "no token.",
       SetMetricsShare,
       [](const Config& c) -> Texts {
         return {absl::StrCat(c.metrics.share)};
       }},
      {"log_level", "LEVEL",
       "Least level of the log's lines: debug, info, warning or error.",
       SetLogLevelText,
       [](const Config& c) -> Texts { return {NameOf(c.log_level)}; }},
  };
}

std::vector<Setting> LimitSettings() {
  return {
      Bytes("max_step_bytes", "Largest request on the wire, such as 80MiB.",
            &Limits::max_step_bytes, 1),
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
      Count("max_kept_ids",
            "Kept ids that are told of one token; of more, none is.",
            &Limits::max_kept_ids, 0, 1u << 24),
      Count("max_ids", "Ids in one list of ids: allowed, banned, stop...",
            &Limits::max_ids, 0, kIdsMax),
      Count("max_bias", "Biased tokens of a session.", &Limits::max_bias, 0,
            kBiasMax),
      Count("max_stop_sequences", "Sequences in one list: stop, bad words...",
            &Limits::max_stop_sequences, 0, kStopSequencesMax),
      Count("max_inflight", "Unanswered requests of one stream.",
            &Limits::max_inflight, 1, 64),
      Count("max_streams",
            "Sample streams, and other calls of rows, open at once.",
            &Limits::max_streams, 1, 65536),
      Bytes("max_unanswered_bytes",
            "Unanswered requests of all streams and calls together; one "
            "client may have what it leaves to the others.",
            &Limits::max_unanswered_bytes, 1024),
      Duration("max_queue_delay",
               "How long a step may have to wait for others, or four times "
               "what its own stream takes. One that would wait longer is "
               "refused and told when to come back. 0: any time.",
               [](Config& c) -> absl::Duration& {
                 return c.limits.max_queue_delay;
               }),
      Count("max_profiles",
            "Profiles of the writable store; also files of one --profile_dir.",
            &Limits::max_profiles, 1, 1u << 20),
      Count("max_profile_bytes", "Size of one profile.",
            &Limits::max_profile_bytes, 256,
            static_cast<uint32_t>(kProfileFileBytesMax)),
      Count("max_profile_names",
            "Names that the writable store remembers, deleted ones too: no "
            "revision comes twice.",
            &Limits::max_profile_names, 1, 1u << 24),
      Count("max_revisions",
            "Revisions of one profile that the writable store keeps. With more "
            "writes the oldest go, and sessions cannot be resumed at them.",
            &Limits::max_revisions, 1, 1u << 20),
      Count("max_profile_calls",
            "ProfileService calls that wait to write; as many again may wait "
            "to read a store, sessions to open at a revision of one, and calls "
            "for memory.",
            &Limits::max_profile_calls, 1, 1u << 20),
      Count("max_watchers", "WatchProfiles calls open at once.",
            &Limits::max_watchers, 1, 65536),
  };
}

std::vector<Setting> ProfileSettings() {
  return {
      Text("admin_socket", "PATH",
           "Unix socket (mode 0600) through which the server's own user and "
           "root may change profiles. auto: beside the first --listen unix:, "
           "as in logitd-admin.sock; off: none.",
           &Config::admin_socket),
      Text("admin_token_file", "PATH",
           "Lines name:token. With a client certificate a bearer token of "
           "these may change profiles.",
           &Config::admin_token_file),
      Text("audit_log", "PATH",
           "Append who changed which profile to this file; off: to the log.",
           &Config::audit_log),
      Text("data_dir", "PATH",
           "Keep profiles in profiles.db there; off: in memory, and gone with "
           "the process. Default: $STATE_DIRECTORY.",
           &Config::data_dir),
      TextList("profile_dir", "PATH",
               "Read-only profiles, one YAML file each, read again when they "
               "change. Repeatable.",
               &Config::profile_dirs),
      Text("default_profile", "PROFILE",
           "The profile of sessions that name none. Until it is there the "
           "server is not ready; ID@REVISION must be there at the start.",
           &Config::default_profile),
      TextList("allowed_profiles", "ID",
               "The only profiles that sessions may name, in any revision: "
               "chat allows chat@3 too. Repeatable.",
               &Config::allowed_profiles),
      Switch(
          "require_profile", "Refuse sessions without a profile.",
          [](auto& c) -> auto& { return c.require_profile; }),
  };
}

}  // namespace

const std::vector<Setting>& Settings() {
  static const auto* const settings = [] {
    auto* all = new std::vector<Setting>;
    for (auto* group : {&ServingSettings, &TlsSettings, &LimitSettings,
                        &ProfileSettings, &ObservationSettings}) {
      for (Setting& setting : group()) all->push_back(std::move(setting));
    }
    return all;
  }();
  return *settings;
}

void SetDefaults(const Environ& environ, Config* config) {
  const std::string runtime =
      FirstFolder(environ, "RUNTIME_DIRECTORY", "/run/logitd");
  config->listen = {absl::StrCat("unix:", runtime, "/logitd.sock")};
  config->data_dir = FirstFolder(environ, "STATE_DIRECTORY", "");
}

}  // namespace logitd
