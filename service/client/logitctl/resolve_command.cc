// logitctl resolve: what a session would get, each value and where it came
// from. Opens a session, prints what the server says, closes it.

#include <CLI/CLI.hpp>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_client.h"
#include "service/client/logitctl/profile_leaves.h"
#include "service/client/logitctl/proto_json.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/usage.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";
constexpr std::uint64_t kSessionId = 1;
constexpr int kNameWidth = 24;

struct ResolveFlags {
  ServerFlags server;
  KnobFlags knobs;
  std::vector<std::string> eos;
  std::string profile;
  std::uint32_t vocab_size = 0;
  std::string output = "table";
};

absl::StatusOr<v1::OpenSession> MakeOpen(const ResolveFlags& flags) {
  const auto params = flags.knobs.ParseIds(flags.eos);
  if (!params.ok()) {
    return params.status();
  }
  v1::OpenSession open =
      client::MakeOpen(kSessionId, flags.vocab_size, *params, flags.knobs.seed);
  open.set_salt(flags.knobs.salt);
  open.set_profile(flags.profile);
  return open;
}

absl::StatusOr<v1::SessionOpened> Ask(const ResolveFlags& flags,
                                      v1::OpenSession open) {
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto stream = connected->Sample(flags.server.timeout());
  v1::SampleRequest request;
  request.set_request_id(1);
  *request.add_open() = std::move(open);
  v1::SampleResponse reply;
  if (absl::Status status = stream->Step(request, &reply); !status.ok()) {
    return RefusedBy(kWho, status);
  }
  if (reply.opened_size() != 1) {
    return RefusedBy("the server's reply is wrong",
                     absl::InternalError("it opened no session"));
  }
  absl::Status status = client::ToStatus(reply.opened(0).error());
  if (!status.ok()) {
    return RefusedBy(kWho, status);
  }
  request.Clear();
  request.set_request_id(2);
  request.add_close()->set_session_id(kSessionId);
  v1::SampleResponse closed;
  status = stream->Step(request, &closed);
  status.Update(stream->Finish());
  if (!status.ok()) {
    return RefusedBy(kWho, status);
  }
  return std::move(*reply.mutable_opened(0));
}

// Of SessionOpened, or of one of its phases.
template <class Resolved>
void PrintResolved(const std::string& title, const v1::SamplingParams& asked,
                   const Resolved& resolved) {
  absl::PrintF("%s", KnobsText(title, resolved));
  for (const Overruled& forced : ForcedIn(asked, resolved)) {
    absl::PrintF("  forced %s\n", OverruledText(forced));
  }
}

absl::Status RunResolve(const ResolveFlags& flags) {
  auto open = MakeOpen(flags);
  if (!open.ok()) {
    return open.status();
  }
  const v1::SamplingParams asked = open->params();
  auto opened = Ask(flags, *std::move(open));
  if (!opened.ok()) {
    return HintProfile(flags.server, flags.profile, opened.status());
  }
  if (flags.output == "json") {
    opened->clear_session_id();
    const auto json = ProtoJson(*opened);
    absl::PrintF("%s", json.value_or(""));
    return json.status();
  }
  absl::PrintF(
      "%-*s   %s\n", kNameWidth, "profile",
      opened->profile_revision().empty() ? "none" : opened->profile_revision());
  absl::PrintF("%-*s   %s\n", kNameWidth, "fingerprint", opened->fingerprint());
  PrintResolved("base", asked, *opened);
  for (const v1::ResolvedPhase& phase : opened->phases()) {
    PrintResolved(absl::StrCat("phase ", phase.name()), asked, phase);
  }
  return absl::OkStatus();
}

}  // namespace

void AddResolve(CLI::App* app, Command* command) {
  auto flags = std::make_shared<ResolveFlags>();
  CLI::App* resolve = app->add_subcommand(
      "resolve",
      "What a session with this profile and these knobs gets: each value that "
      "somebody set, also where it is off, the level it came from, what clamps "
      "and forces changed; the same for each phase.");
  resolve->add_option("--profile", flags->profile,
                      "ID or ID@REVISION. Absent: the server's default");
  TakeWholeNumbers(
      1, std::numeric_limits<std::uint32_t>::max(),
      resolve
          ->add_option("--vocab-size", flags->vocab_size, "Tokens of the model")
          ->required());
  resolve->add_option("--eos", flags->eos, "An end token's id; repeatable")
      ->type_name("ID")
      ->type_size(1)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  resolve->add_option("-o,--output", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  flags->knobs.AddTo(resolve, "ID");
  flags->server.AddTo(resolve);
  resolve->footer(
      "Examples:\n  logitctl resolve --profile code --vocab-size 32000 "
      "--temperature 1.5\n");
  resolve->callback(
      [flags, command] { *command = [flags] { return RunResolve(*flags); }; });
}

}  // namespace logitd::logitctl
