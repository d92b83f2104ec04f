// The flags that logitctl's commands share: where the server and the demo model
// are, and one flag for each knob, whose --help teaches it.
// Threads: main thread, before and after parsing. Ownership: the structs must
// outlive the CLI::App that writes into them. Cost: none worth naming.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_FLAGS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_FLAGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/client/client.h"
#include "service/client/logitctl/token_knobs.h"

namespace CLI {
class App;
}

namespace logitd::logitctl {

// What main runs after parsing: the command that the user chose.
using Command = std::function<absl::Status()>;

struct ServerFlags {
  std::string target = "unix:/run/logitd/logitd.sock";
  double timeout_seconds = 60;
  client::TlsOptions tls;
  std::string token_file;

  void AddTo(CLI::App* app);
  absl::Duration timeout() const { return absl::Seconds(timeout_seconds); }
  // No server: an unreachable error with the command that starts one.
  absl::StatusOr<client::Client> Connect() const;

 private:
  void AddTls(CLI::App* app);
};

struct ModelFlags {
  std::string target = "unix:/run/logitd/demo-model.sock";

  void AddTo(CLI::App* app);
};

// The knobs of a command line, understood as far as nobody needs to be asked.
struct Knobs {
  v1::SamplingParams params;  // Those that were asked for and name no token.
  TokenKnobs tokens;
};

struct KnobFlags {
  std::map<std::string, std::string> scalars;  // By field name, if given.
  std::vector<std::string> set;                // KNOB=VALUE
  bool ignore_eos = false;
  bool ban_eos = false;
  bool p_less = false;
  std::vector<std::string> steps;
  TokenTexts tokens;
  std::optional<std::uint64_t> seed;
  std::string salt;

  // `token_word` is what the help calls a token: "WORD or ID", "ID".
  void AddTo(CLI::App* app, const std::string& token_word);
  // For before connecting: what cannot be a knob or its value is a usage error.
  absl::StatusOr<Knobs> Parse() const;
  // The same where tokens are ids and no vocabulary has to be asked: all of it,
  // with these end tokens.
  absl::StatusOr<v1::SamplingParams> ParseIds(
      const std::vector<std::string>& eos) const;

 private:
  void AddScalars(CLI::App* app);
  void AddOrder(CLI::App* app);
  void AddTokens(CLI::App* app, const std::string& token_word);
};

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_FLAGS_H_
