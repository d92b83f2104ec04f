// logitctl replay: derives the tokens of a receipt again from their rows.

#include "service/client/replay.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/knobs.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/profile_leaves.h"
#include "service/client/logitctl/receipt_file.h"
#include "service/client/logitctl/replayed_text.h"

namespace logitd::logitctl {
namespace {

struct ReplayFlags {
  ServerFlags server;
  std::string receipt;
  std::string rows;
  std::string guidance;  // another file; empty: none
  std::string masks;     // another file; empty: none
  std::string profile;   // in place of the one recorded; empty: that one
  KnobFlags knobs;       // in place of those recorded
  std::vector<std::string> clear;  // of those recorded
  bool ignore_fingerprint = false;
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
absl::StatusOr<bool> Change(const ReplayFlags& flags,
                            v1::SessionClosed* closed) {
  auto params = flags.knobs.ParseIds({});
  if (!params.ok()) {
    return params.status();
  }
  params->clear_eos_ids();
  const bool changes = params->ByteSizeLong() > 0 || !flags.clear.empty() ||
                       !flags.profile.empty() || flags.knobs.seed.has_value() ||
                       !flags.knobs.salt.empty();
  for (v1::ReceiptPart& part : *closed->mutable_receipt()->mutable_parts()) {
    v1::OpenSession& open = *part.mutable_open();
    if (changes || flags.ignore_fingerprint) {
      open.clear_expected_fingerprint();
      open.clear_expected_fingerprint_lines();
    }
    for (const std::string& knob : flags.clear) {
      absl::Status status = ClearKnob(knob, open.mutable_params());
      if (!status.ok()) {
        return status;
      }
    }
    Replace(*params, open.mutable_params());
    if (!flags.profile.empty()) {
      open.set_profile(flags.profile);
    }
    if (flags.knobs.seed.has_value()) {
      open.set_seed(*flags.knobs.seed);
      closed->set_seed(*flags.knobs.seed);
    }
    if (!flags.knobs.salt.empty()) {
      open.set_salt(flags.knobs.salt);
      closed->set_salt(flags.knobs.salt);
    }
  }
  return changes;
}

// A profile fills what was not asked for.
void PrintWhatStays(const v1::Receipt& receipt) {
  std::set<std::string> knobs;
  for (const v1::ReceiptPart& part : receipt.parts()) {
    for (const auto& [knob, value] : ValuesOf(part.open().params())) {
      knobs.insert(knob);
    }
  }
  if (!knobs.empty()) {
    absl::FPrintF(stderr,
                  "# asked for, whatever the profile's defaults: %s; --clear "
                  "leaves a knob to the profile\n",
                  absl::StrJoin(knobs, ", "));
  }
}

// Of the files, or the server's own.
absl::Status WhyNot(const absl::Status& status) {
  for (const char* field : {"receipt.", "rows:", "guidance:", "masks:"}) {
    if (absl::StartsWith(status.message(), field)) {
      return UsageError(status.message());
    }
  }
  absl::Status refused = RefusedBy("the server refused", status);
  if (!absl::StrContains(status.message(), "expected_fingerprint")) {
    return refused;
  }
  return Reworded(refused,
                  absl::StrCat(refused.message(),
                               "\n--ignore-fingerprint derives the tokens all "
                               "the same"));
}

absl::Status RunReplay(const ReplayFlags& flags) {
  auto closed = ReadReceipt(flags.receipt);
  if (!closed.ok()) {
    return closed.status();
  }
  const auto is_changed = Change(flags, &*closed);
  if (!is_changed.ok()) {
    return is_changed.status();
  }
  const auto files = ReadGuidedNpy(flags.rows, flags.guidance);
  if (!files.ok()) {
    return files.status();
  }
  NpyMasks masks;
  if (!flags.masks.empty()) {
    auto read = ReadNpyMasks(flags.masks);
    if (!read.ok()) {
      return read.status();
    }
    masks = *std::move(read);
  }
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto stream = connected->Sample(flags.server.timeout());
  const client::ReplayRows rows = {files->rows.dtype, files->rows.row_width,
                                   files->rows.bytes, files->guidance.bytes,
                                   masks.bytes,       masks.words};
  const auto replayed = client::Replay(*closed, rows, stream.get());
  if (!replayed.ok()) {
    return WhyNot(replayed.status());
  }
  absl::PrintF("%s", flags.json ? ReplayedJson(*replayed)
                                : ReplayedText(*replayed, *is_changed));
  if (!flags.profile.empty()) {
    PrintWhatStays(closed->receipt());
  }
  absl::Status status = RefusedBy("the server refused", stream->Finish());
  status.Update(Verdict(*replayed, *is_changed));
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
      ->add_option(
          "--masks", flags->masks,
          "Masks of allowed tokens, for each row one: uint32 words, or "
          "bytes of numpy.packbits(..., bitorder='little')")
      ->type_name("FILE.npy");
  replay->add_flag("--ignore-fingerprint", flags->ignore_fingerprint,
                   "Also where the server has other rules than those recorded");
  replay
      ->add_option(
          "--clear", flags->clear,
          "A knob that was asked for and is not to be; may be repeated")
      ->type_name("KNOB")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
