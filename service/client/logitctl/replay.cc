// logitctl replay: derives the tokens of a receipt again from their rows.

#include "service/client/replay.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/receipt_file.h"
#include "service/client/logitctl/replayed_text.h"

namespace logitd::logitctl {
namespace {

struct ReplayFlags {
  ServerFlags server;
  std::string receipt;
  std::string rows;
  std::string guidance;  // another file; empty: none
  std::string profile;   // in place of the one recorded; empty: that one
  KnobFlags knobs;       // in place of those recorded
  bool json = false;
};

constexpr char kAbout[] =
    "Derives the tokens of a receipt again from the rows of logits that they "
    "were drawn from, on this server: tells the first token that does not "
    "follow, and whether the rows or the sampler have changed. With a profile, "
    "knobs, seed or salt, what they would have done: the first token at which "
    "the "
    "generation would have parted.";

constexpr char kExamples[] = R"(Examples:
  logitctl sample rows.npy --seed 7 --receipt receipt.json
  logitctl replay receipt.json rows.npy
  logitctl replay receipt.json rows.npy --top-p 0.9
      where would the text have parted?
A server with other profiles or another sampler refuses the receipt and names
the first line of its fingerprint that differs.
)";

// Those present replace their old values whole.
void Replace(const v1::SamplingParams& set, v1::SamplingParams* params) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  set.GetReflection()->ListFields(set, &fields);
  for (const auto* field : fields) {
    params->GetReflection()->ClearField(params, field);
  }
  params->MergeFrom(set);
}

// Other rules than those recorded, if the flags ask for any. True: they do.
absl::StatusOr<bool> Change(const ReplayFlags& flags, v1::Receipt* receipt) {
  auto params = flags.knobs.ParseIds({});
  if (!params.ok()) {
    return params.status();
  }
  params->clear_eos_ids();
  const bool has_params = params->ByteSizeLong() > 0;
  if (!has_params && flags.profile.empty() && !flags.knobs.seed.has_value() &&
      flags.knobs.salt.empty()) {
    return false;
  }
  for (v1::ReceiptPart& part : *receipt->mutable_parts()) {
    v1::OpenSession& open = *part.mutable_open();
    open.clear_expected_fingerprint();
    open.clear_expected_fingerprint_lines();
    Replace(*params, open.mutable_params());
    if (!flags.profile.empty()) {
      open.set_profile(flags.profile);
    }
    if (flags.knobs.seed.has_value()) {
      open.set_seed(*flags.knobs.seed);
    }
    if (!flags.knobs.salt.empty()) {
      open.set_salt(flags.knobs.salt);
    }
  }
  return true;
}

absl::Status RunReplay(const ReplayFlags& flags) {
  auto closed = ReadReceipt(flags.receipt);
  if (!closed.ok()) {
    return closed.status();
  }
  const auto is_changed = Change(flags, closed->mutable_receipt());
  if (!is_changed.ok()) {
    return is_changed.status();
  }
  const auto files = ReadGuidedNpy(flags.rows, flags.guidance);
  if (!files.ok()) {
    return files.status();
  }
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto stream = connected->Sample(flags.server.timeout());
  const client::ReplayRows rows = {files->rows.dtype, files->rows.row_width,
                                   files->rows.bytes, files->guidance.bytes};
  const auto replayed = client::Replay(closed->receipt(), rows, stream.get());
  if (!replayed.ok()) {
    // Of the files, not of the server.
    const absl::string_view why = replayed.status().message();
    return absl::StartsWith(why, "receipt.") || absl::StartsWith(why, "rows:")
               ? UsageError(why)
               : RefusedBy("the server refused", replayed.status());
  }
  absl::PrintF("%s",
               flags.json ? ReplayedJson(*replayed) : ReplayedText(*replayed));
  absl::Status status = RefusedBy("the server refused", stream->Finish());
  if (!*is_changed) {
    status.Update(Verdict(*replayed));
  }
  return status;
}

}  // namespace

void AddReplay(CLI::App* app, Command* command) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* replay = app->add_subcommand("replay", kAbout);
  replay->add_option("receipt", flags->receipt, "The receipt, a JSON file")
      ->required();
  replay
      ->add_option("rows", flags->rows,
                   "The .npy file of the rows, in the order of their tokens")
      ->required();
  replay
      ->add_option("--guidance", flags->guidance,
                   "Rows of the unconditional context, for each row one")
      ->type_name("FILE.npy");
  replay
      ->add_option("--profile", flags->profile,
                   "Another profile than the one recorded")
      ->type_name("PROFILE");
  replay->add_flag("--json", flags->json, "A JSON object");
  flags->knobs.AddTo(replay, "ID");
  flags->server.AddTo(replay);
  replay->footer(kExamples);
  replay->callback(
      [flags, command] { *command = [flags] { return RunReplay(*flags); }; });
}

}  // namespace logitd::logitctl
