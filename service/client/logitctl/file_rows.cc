#include "service/client/logitctl/file_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"
#include "service/client/status.h"

namespace logitd::logitctl {
namespace {

// What a step of DrawRows drew.
absl::Status Take(const v1::SampleResponse& reply, std::uint32_t count,
                  Drawn* drawn) {
  for (const v1::SessionOpened& opened : reply.opened()) {
    if (absl::Status status = client::ToStatus(opened.error()); !status.ok()) {
      return status;
    }
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto entry = client::ReadEntry(reply.step(), static_cast<int>(i));
    absl::Status status = entry.ok() ? entry->error : entry.status();
    if (!status.ok()) {
      return status;
    }
    if (!entry->token.has_value() ||
        entry->finish_reason != v1::FINISH_REASON_UNSPECIFIED) {
      return UsageError(absl::StrCat("--row: the generation ends at row ",
                                     drawn->tokens.size()));
    }
    drawn->tokens.push_back(*entry->token);
    drawn->state = entry->state;
  }
  return absl::OkStatus();
}

}  // namespace

std::uint32_t StepRows(const NpyRows& rows) {
  return static_cast<std::uint32_t>(
      client::RowsOfAStep(std::size_t{rows.row_width} * sizeof(float)));
}

absl::Status AddRows(const GuidedNpyRows& rows, std::uint64_t session_id,
                     std::uint32_t first, std::uint32_t count, v1::Step* step) {
  const bool guided = rows.guidance.row_count > 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (guided) {
      client::AddGuidedEntry(session_id, first + i, i, count + i, step);
    } else {
      client::AddEntry(session_id, first + i, i, step);
    }
  }
  const std::size_t row_bytes =
      rows.rows.row_width * client::BytesOf(rows.rows.dtype);
  const auto part_of = [&](const NpyRows& all) {
    return all.bytes.substr(first * row_bytes, count * row_bytes);
  };
  std::string bytes = part_of(rows.rows);
  if (guided) {
    bytes += part_of(rows.guidance);
  }
  return client::SetPackedRows(std::move(bytes), rows.rows.dtype,
                               rows.rows.row_width, step);
}

absl::StatusOr<Drawn> DrawRows(const GuidedNpyRows& rows, std::uint32_t count,
                               v1::OpenSession open, client::Stream* stream) {
  Drawn drawn;
  v1::SampleRequest request;
  const std::uint64_t id = open.session_id();
  *request.add_open() = std::move(open);
  const std::uint32_t most = StepRows(rows.rows);
  for (std::uint32_t first = 0; first < count; first += most) {
    const std::uint32_t some = std::min(most, count - first);
    request.set_request_id(first + 1);
    absl::Status status =
        AddRows(rows, id, first, some, request.mutable_step());
    v1::SampleResponse reply;
    if (status.ok()) {
      status = stream->Step(request, &reply);
    }
    if (status.ok()) {
      status = Take(reply, some, &drawn);
    }
    if (!status.ok()) {
      return RefusedBy("the server refused", status);
    }
    request.Clear();
  }
  absl::Status status = stream->Finish();
  if (!status.ok()) {
    return RefusedBy("the server refused", status);
  }
  return drawn;
}

}  // namespace logitd::logitctl
