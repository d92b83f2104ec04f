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
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/npy.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

constexpr char kWho[] = "the server refused";
// Well below the server's own limits of rows and bytes in one step.
constexpr std::uint32_t kStepRowsMax = 64;
constexpr std::uint64_t kStepBytesMax = 32 << 20;
constexpr std::uint64_t kSessionId = 1;

struct SampleFlags {
  ServerFlags server;
  KnobFlags knobs;
  std::vector<std::string> eos;
  std::string file;
  bool json = false;
};

constexpr char kAbout[] =
    "Chooses a token for each row of logits in FILE.npy: float32, C order, "
    "shape [V] or [R, V]. The rows are the steps of one generation, in order: "
    "penalties and ends see the tokens of the rows before.";

constexpr char kExamples[] = R"(Examples:
  python3 -c 'import numpy; numpy.save("rows.npy",
      numpy.random.randn(4, 1000).astype("<f4"))'
  logitctl sample rows.npy --seed 7 --temperature 0.8 --top-k 40
  logitctl sample rows.npy --seed 7 --ban 12 --logit-bias 3=2.5 --json
)";

void PrintRow(const SampleFlags& flags, std::uint32_t row,
              const client::Entry& entry) {
  const std::string finish = client::FinishName(entry.finish_reason);
  if (flags.json) {
    absl::PrintF("%s\n",
                 JsonObject({{"row", absl::StrCat(row)},
                             {"token", entry.token.has_value()
                                           ? absl::StrCat(*entry.token)
                                           : "null"},
                             {"final_logprob", JsonNumber(entry.final_logprob)},
                             {"kept", absl::StrCat(entry.kept)},
                             {"finish_reason", JsonString(finish)}}));
  } else if (!entry.token.has_value()) {
    absl::PrintF("%u\tskipped: the generation has ended\n", row);
  } else {
    absl::PrintF("%u\t%u\t%.6f\t%u%s%s\n", row, *entry.token,
                 entry.final_logprob, entry.kept, finish.empty() ? "" : "\t",
                 finish);
  }
}

v1::OpenSession OpenOf(const SampleFlags& flags,
                       const v1::SamplingParams& params,
                       std::uint32_t vocab_size) {
  v1::OpenSession open =
      client::MakeOpen(kSessionId, vocab_size, params, flags.knobs.seed);
  open.set_salt(flags.knobs.salt);
  return open;
}

// Rows [first, first + count), one entry for each.
absl::Status AddRows(const NpyRows& rows, std::uint32_t first,
                     std::uint32_t count, v1::Step* step) {
  const std::size_t row_bytes = std::size_t{rows.row_width} * sizeof(float);
  for (std::uint32_t i = 0; i < count; ++i) {
    client::AddEntry(kSessionId, first + i, i, step);
  }
  return client::SetPackedRows(
      rows.bytes.substr(first * row_bytes, count * row_bytes),
      v1::DTYPE_FLOAT32, rows.row_width, step);
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
    if (first + i == 0 && !flags.json) {
      absl::PrintF("row\ttoken\tlogprob\tkept\n");
    }
    PrintRow(flags, first + i, *entry);
  }
  return absl::OkStatus();
}

// How many rows go into one step.
std::uint32_t StepRows(const NpyRows& rows) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      kStepBytesMax / (std::uint64_t{rows.row_width} * sizeof(float)), 1,
      kStepRowsMax));
}

absl::Status RunSample(const SampleFlags& flags) {
  const auto params = flags.knobs.ParseIds(flags.eos);
  if (!params.ok()) {
    return params.status();
  }
  const auto rows = ReadNpy(flags.file);
  if (!rows.ok()) {
    return rows.status();
  }
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
    absl::Status status = AddRows(*rows, first, count, request.mutable_step());
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
  sample->add_flag("--json", flags->json, "A JSON object for each row");
  flags->knobs.AddTo(sample, "ID");
  flags->server.AddTo(sample);
  sample->footer(kExamples);
  sample->callback(
      [flags, command] { *command = [flags] { return RunSample(*flags); }; });
}

}  // namespace logitd::logitctl
