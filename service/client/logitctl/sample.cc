// logitctl sample: tokens for rows of logits from a .npy file. The rows are the
// steps of one session, in order.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "service/client/logitctl/commands.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/file_rows.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/receipt_file.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/sample_output.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";
constexpr std::uint64_t kSessionId = 1;

struct SampleFlags {
  ServerFlags server;
  KnobFlags knobs;
  std::vector<std::string> eos;
  std::string file;
  std::string guidance;  // another file; empty: none
  std::string receipt;   // a file to write; empty: none
  SampleOutput output;
};

constexpr char kAbout[] =
    "Chooses a token for each row of logits in FILE.npy: float32 or float16, C "
    "order, shape [V] or [R, V]. The rows are the steps of one generation, in "
    "order: "
    "penalties and ends see the tokens of the rows before.";

constexpr char kExamples[] = R"(Examples:
  python3 -c 'import numpy; numpy.save("rows.npy",
      numpy.random.randn(4, 1000).astype("<f4"))'
  logitctl sample rows.npy --seed 7 --temperature 0.8 --top-k 40
  logitctl sample rows.npy --seed 7 --ban 12 --logit-bias 3=2.5 --json
  logitctl sample rows.npy --guidance plain.npy --set guidance_scale=1.5
  logitctl sample rows.npy --seed 7 --receipt receipt.json
      and later: logitctl replay receipt.json rows.npy
)";

v1::OpenSession OpenOf(const SampleFlags& flags,
                       const v1::SamplingParams& params,
                       std::uint32_t vocab_size) {
  v1::OpenSession open =
      client::MakeOpen(kSessionId, vocab_size, params, flags.knobs.seed);
  open.set_salt(flags.knobs.salt);
  open.mutable_report()->set_row_digest(flags.output.row_digest);
  open.mutable_report()->set_kept_ids(flags.output.kept_ids);
  open.set_receipt(!flags.receipt.empty());
  return open;
}

// The table's head waits for the first row, so that a refusal leaves stdout
// empty.
absl::Status PrintReply(const SampleFlags& flags,
                        const v1::SamplingParams& asked, std::uint32_t first,
                        std::uint32_t count, const v1::SampleResponse& reply) {
  for (const v1::SessionOpened& opened : reply.opened()) {
    absl::Status status = client::ToStatus(opened.error());
    if (!status.ok()) {
      return RefusedBy(kWho, status);
    }
    absl::FPrintF(stderr, "# seed %u, fingerprint %s\n", opened.seed(),
                  opened.fingerprint());
    PrintOverruled(asked, opened);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto entry = client::ReadEntry(reply.step(), static_cast<int>(i));
    if (!entry.ok()) {
      return RefusedBy("the server's reply is wrong", entry.status());
    }
    if (!entry->error.ok()) {
      return RefusedBy(absl::StrCat(kWho, " row ", first + i), entry->error);
    }
    if (first + i == 0) {
      PrintHead(flags.output);
    }
    PrintRow(flags.output, first + i, *entry);
  }
  return absl::OkStatus();
}

// The receipt of the session, which ends here.
absl::Status SaveReceipt(const std::string& file, client::Stream* stream) {
  v1::SampleRequest request;
  request.add_close()->set_session_id(kSessionId);
  v1::SampleResponse reply;
  absl::Status status = stream->Step(request, &reply);
  if (status.ok() && reply.closed_size() != 1) {
    status = absl::InternalError("the reply does not say what was closed");
  }
  if (status.ok()) {
    status = client::ToStatus(reply.closed(0).error());
  }
  return status.ok() ? WriteReceipt(reply.closed(0), file)
                     : RefusedBy(kWho, status);
}

absl::Status RunSample(const SampleFlags& flags) {
  const auto params = flags.knobs.ParseIds(flags.eos);
  if (!params.ok()) {
    return params.status();
  }
  const auto both = ReadGuidedNpy(flags.file, flags.guidance);
  if (!both.ok()) {
    return both.status();
  }
  const NpyRows* const rows = &both->rows;
  const auto connected = flags.server.Connect();
  if (!connected.ok()) {
    return connected.status();
  }
  const auto stream = connected->Sample(flags.server.timeout());
  v1::SampleRequest request;
  *request.add_open() = OpenOf(flags, *params, rows->row_width);
  const std::uint32_t rows_max = StepRows(*rows);
  for (std::uint32_t first = 0; first < rows->row_count; first += rows_max) {
    const std::uint32_t count = std::min(rows_max, rows->row_count - first);
    request.set_request_id(first + 1);
    absl::Status status =
        AddRows(*both, kSessionId, first, count, request.mutable_step());
    v1::SampleResponse reply;
    if (status.ok()) {
      status = RefusedBy(kWho, stream->Step(request, &reply));
    }
    if (status.ok()) {
      status = PrintReply(flags, *params, first, count, reply);
    }
    if (!status.ok()) {
      return status;
    }
    request.Clear();
  }
  if (!flags.receipt.empty()) {
    absl::Status status = SaveReceipt(flags.receipt, stream.get());
    if (!status.ok()) {
      return status;
    }
  }
  return RefusedBy(kWho, stream->Finish());
}

}  // namespace

void AddSample(CLI::App* app, Command* command) {
  auto flags = std::make_shared<SampleFlags>();
  CLI::App* sample = app->add_subcommand("sample", kAbout);
  sample->add_option("file", flags->file, "The .npy file")->required();
  sample
      ->add_option("--eos", flags->eos,
                   "This token ends the generation; may be repeated")
      ->type_name("ID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sample
      ->add_option("--guidance", flags->guidance,
                   "Rows of the unconditional context, for each row one, "
                   "with --set guidance_scale=G")
      ->type_name("FILE.npy");
  sample
      ->add_option(
          "--receipt", flags->receipt,
          "Also writes a receipt, from which `logitctl replay` derives "
          "the tokens again")
      ->type_name("FILE");
  sample->add_flag("--row-digest", flags->output.row_digest,
                   "Also a digest of each row as the server read it");
  sample->add_flag("--kept-ids", flags->output.kept_ids,
                   "Also the ids that each token was drawn from");
  sample->add_flag("--json", flags->output.json, "A JSON object for each row");
  flags->knobs.AddTo(sample, "ID");
  flags->server.AddTo(sample);
  sample->footer(kExamples);
  sample->callback(
      [flags, command] { *command = [flags] { return RunSample(*flags); }; });
}

}  // namespace logitd::logitctl
