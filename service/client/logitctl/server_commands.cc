// logitctl info and logitctl health: what the server is, and whether it serves.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/proto_json.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";

struct InfoFlags {
  ServerFlags server;
  bool json = false;
};

struct HealthFlags {
  ServerFlags server;
  std::string service;
};

void PrintLine(absl::string_view name, absl::string_view value) {
  absl::PrintF("%-18s %s\n", name, value);
}

void PrintTable(const v1::GetServerInfoResponse& response) {
  PrintLine("version", response.version());
  PrintLine("semantics", absl::StrJoin(response.semantics(), ", "));
  PrintLine("core version", absl::StrCat(response.core_version(),
                                         response.core_version() == 0
                                             ? " (no promise across builds)"
                                             : ""));
  PrintLine("stages", absl::StrJoin(response.stage_versions(), ", "));
  PrintLine("instruction set",
            absl::StrCat(response.instruction_set(), " of ",
                         absl::StrJoin(response.instruction_sets(), ", ")));
  PrintLine("worker threads", absl::StrCat(response.worker_threads()));
  PrintLine("uptime", absl::StrFormat("%.0f s", response.uptime_seconds()));
  PrintLine("draining", response.draining() ? "yes" : "no");
  absl::PrintF("limits\n");
  const std::map<std::string, std::uint64_t> limits(response.limits().begin(),
                                                    response.limits().end());
  for (const auto& [flag, value] : limits) {
    absl::PrintF("  %-28s %d\n", flag, value);
  }
  absl::PrintF("built\n  %s\n", absl::StrJoin(response.capabilities(), "\n  "));
  absl::PrintF("not built\n  %s\n",
               absl::StrJoin(response.not_built(), "\n  "));
}

absl::Status RunInfo(const InfoFlags& flags) {
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto response = connected->GetServerInfo(flags.server.timeout());
  if (!response.ok()) {
    return RefusedBy(kWho, response.status());
  }
  if (!flags.json) {
    PrintTable(*response);
    return absl::OkStatus();
  }
  const auto json = ProtoJson(*response, true);
  absl::PrintF("%s\n", json.value_or(""));
  return json.status();
}

absl::Status RunHealth(const HealthFlags& flags) {
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto state =
      connected->CheckHealth(flags.service, flags.server.timeout());
  if (!state.ok()) {
    return RefusedBy(kWho, state.status());
  }
  absl::PrintF("%s\n", *state);
  return *state == "SERVING"
             ? absl::OkStatus()
             : absl::UnavailableError(absl::StrCat("the server is ", *state));
}

}  // namespace

void AddInfo(CLI::App* app, Command* command) {
  auto flags = std::make_shared<InfoFlags>();
  CLI::App* info = app->add_subcommand(
      "info",
      "What the server is, may and can do: versions, instruction set, "
      "limits by flag, what of the contract is built.");
  info->add_flag("--json", flags->json, "As JSON");
  flags->server.AddTo(info);
  info->footer("Examples:\n  logitctl info\n  logitctl info --json\n");
  info->callback(
      [flags, command] { *command = [flags] { return RunInfo(*flags); }; });
}

void AddHealth(CLI::App* app, Command* command) {
  auto flags = std::make_shared<HealthFlags>();
  CLI::App* health = app->add_subcommand(
      "health",
      "Whether the server takes work, by grpc.health.v1: prints the "
      "state; exit code 0 only for SERVING.");
  health->add_option("--service", flags->service,
                     "One service, such as logitd.v1.SamplingService. Absent: "
                     "the whole server");
  flags->server.AddTo(health);
  health->footer(
      "Examples:\n  logitctl health\n  logitctl health --service "
      "logitd.v1.SamplingService --timeout 1\n");
  health->callback(
      [flags, command] { *command = [flags] { return RunHealth(*flags); }; });
}

}  // namespace logitd::logitctl
