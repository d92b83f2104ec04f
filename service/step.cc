#include "service/step.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

constexpr uint32_t kNoMask = 0xFFFFFFFFu;
constexpr uint32_t kNoRow = 0xFFFFFFFFu;

bool HasToken(EntryStatus status) {
  return status == EntryStatus::kOk || status == EntryStatus::kReplayed;
}

absl::Status CheckIndex(const char* field, uint32_t index, uint32_t count) {
  if (index < count) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", index, " is outside [0, ", count, ")"));
}

}  // namespace

void StepEntry::Fail(absl::Status why) {
  result.status = EntryStatus::kError;
  result.error = std::move(why);
}

absl::Status StepRun::Prepare(const v1::Step& wire, SessionTable* table) {
  entry_count_ = 0;
  order_.clear();
  tasks_.clear();
  groups_.Clear();
  LOGITD_RETURN_IF_ERROR(CheckStepArrays(wire, limits_));
  const auto count = static_cast<uint32_t>(wire.session_id_size());
  if (count > 0 || wire.row_count() > 0) {
    LOGITD_RETURN_IF_ERROR(ReadTensors(wire));
  }
  LOGITD_RETURN_IF_ERROR(groups_.Read(wire));
  entry_count_ = count;
  if (entries_.size() < count) entries_.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    StepEntry& entry = entries_[i];
    entry.session = nullptr;
    entry.result.status = EntryStatus::kSkipped;
    entry.result.error = absl::OkStatus();
    entry.result.report = kSilent;
    entry.result.given = false;
    entry.result.phase = 0;
    entry.started = entry.ended = {};
    absl::Status status = PrepareEntry(wire, i, table, &entry);
    if (!status.ok()) {
      entry.session = nullptr;
      entry.Fail(InField("step.", status));
    }
    if (entry.session != nullptr) order_.push_back(i);
  }
  MakeTasks();
  return absl::OkStatus();
}

absl::Status StepRun::ReadTensors(const v1::Step& wire) {
  RowShape shape = {wire.row_count(), wire.row_width(), Dtype::kFloat32};
  LOGITD_ASSIGN_OR_RETURN(shape.dtype, ReadDtype(wire.dtype()));
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view logits,
                          ReadPlace("logits", wire.logits()));
  LOGITD_ASSIGN_OR_RETURN(rows_, RowTensor::Create(logits, shape, limits_));
  masks_ = MaskTable();
  if (IsEmpty(wire.mask_table())) {
    if (wire.mask_words() == 0) return absl::OkStatus();
    return absl::InvalidArgumentError("mask_words: set without mask_table");
  }
  if (wire.mask_index_size() == 0) {  // or a mask would be sent and ignored
    return absl::InvalidArgumentError("mask_index: required with mask_table");
  }
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view masks,
                          ReadPlace("mask_table", wire.mask_table()));
  LOGITD_ASSIGN_OR_RETURN(
      masks_, MaskTable::Create(masks, wire.mask_words(), shape.row_width));
  return absl::OkStatus();
}

absl::Status StepRun::PrepareEntry(const v1::Step& wire, uint32_t index,
                                   SessionTable* table,
                                   StepEntry* entry) const {
  const int i = static_cast<int>(index);
  const uint64_t id = wire.session_id(i);
  auto session = table->Find(id);
  if (!session.ok()) {
    const bool late =
        absl::IsNotFound(session.status()) && table->WasClosed(id);
    return late ? absl::OkStatus() : session.status();  // late: skipped
  }
  entry->session = *session;
  entry->result.report = entry->session->report();
  LOGITD_ASSIGN_OR_RETURN(entry->entry, ReadEntry(wire, i));
  entry->entry.draft = groups_.VerifiedBy(index);
  const uint32_t row = wire.row_size() > 0 ? wire.row(i) : index;
  LOGITD_RETURN_IF_ERROR(CheckIndex("row", row, rows_.shape().row_count));
  entry->row = rows_.At(row);
  if (wire.guidance_row_size() > 0 && wire.guidance_row(i) != kNoRow) {
    LOGITD_RETURN_IF_ERROR(CheckIndex("guidance_row", wire.guidance_row(i),
                                      rows_.shape().row_count));
    entry->row.guidance = rows_.At(wire.guidance_row(i)).logits;
  }
  if (wire.mask_index_size() == 0 || wire.mask_index(i) == kNoMask) {
    return absl::OkStatus();
  }
  LOGITD_RETURN_IF_ERROR(
      CheckIndex("mask_index", wire.mask_index(i), masks_.count()));
  masks_.Apply(wire.mask_index(i), &entry->row);
  return absl::OkStatus();
}

void StepRun::MakeTasks() {
  const auto session_of = [this](uint32_t i) { return entries_[i].session; };
  std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    return std::less<const Session*>()(session_of(a), session_of(b));
  });
  const auto count = static_cast<uint32_t>(order_.size());
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0 && session_of(order_[i]) == session_of(order_[i - 1])) {
      tasks_.back().end = i + 1;
    } else {
      tasks_.push_back({i, i + 1});
    }
  }
}

bool StepRun::IsReached(uint32_t index) const {
  const uint32_t parent = groups_.ParentOf(index);
  if (parent == kNoParent) return true;
  const EntryResult& before = entries_[parent].result;
  return HasToken(before.status) &&
         before.outcome.token == groups_.LeadsTo(index);
}

void StepRun::WriteGroups(v1::StepResult* wire, Metrics* metrics) const {
  for (const StepGroups::Group& group : groups_.groups()) {
    v1::GroupResult* result = wire->add_group();
    result->set_first_entry(group.first);
    result->set_mode(group.mode);
    uint32_t accepted = 0, tokens = 0;
    uint32_t drawn_now = 0;  // not answered again
    uint32_t last = group.first;
    for (uint32_t i = group.first; i < group.first + group.size; ++i) {
      const EntryStatus status = entries_[i].result.status;
      tokens += HasToken(status) ? 1 : 0;
      if (i == group.first || !IsReached(i)) continue;
      ++accepted;
      drawn_now += entries_[last].result.status == EntryStatus::kOk ? 1 : 0;
      last = i;
    }
    result->set_accepted(accepted);
    result->set_token_count(tokens);
    const bool has_more = groups_.HasChildren(last, group);
    const bool rejected =
        has_more && entries_[last].result.status == EntryStatus::kOk;
    if (metrics != nullptr) metrics->AddDrafts(drawn_now, rejected);
  }
}

StepEntry* StepRun::TakeReached(size_t task) {
  while (HasMore(task)) {
    const uint32_t index = order_[tasks_[task].next++];
    if (IsReached(index)) return &entries_[index];
  }
  return nullptr;
}

StepOutcome StepRun::Write(v1::StepResult* wire, Metrics* metrics) {
  // What is wrong with an entry that was not reached is nobody's business.
  for (uint32_t i = 0; i < entry_count_; ++i) {
    if (IsReached(i)) continue;
    entries_[i].result.status = EntryStatus::kSkipped;
    entries_[i].result.error = absl::OkStatus();
  }
  WriteGroups(wire, metrics);
  return WriteResults(entries(), wire, metrics);
}

bool StepRun::IsDraftTaken(uint32_t index,
                           const StepGroups::Group& group) const {
  for (uint32_t i = index + 1; i < group.first + group.size; ++i) {
    if (groups_.ParentOf(i) == index && IsReached(i)) return true;
  }
  return false;
}

uint32_t StepRun::FirstDifference() const {
  uint32_t first = entry_count_;
  for (uint32_t i = entry_count_; i-- > 0;) {
    if (entries_[i].entry.mode != EntryMode::kGiven) continue;
    const EntryResult& result = entries_[i].result;
    const bool follows = HasToken(result.status) &&
                         result.outcome.token == result.outcome.drawn_token;
    if (!follows) first = i;
  }
  for (const StepGroups::Group& group : groups_.groups()) {
    for (uint32_t i = group.first; i < group.first + group.size; ++i) {
      if (!IsReached(i) || !groups_.HasChildren(i, group)) continue;
      if (!IsDraftTaken(i, group)) first = std::min(first, i);
    }
  }
  return first;
}

StepOutcome WriteResults(absl::Span<const StepEntry> entries,
                         v1::StepResult* wire, Metrics* metrics) {
  ResultWriter writer;
  StepOutcome outcome;
  Clock::time_point first = Clock::time_point::max();
  Clock::time_point last = Clock::time_point::min();
  for (const StepEntry& entry : entries) {
    writer.Ask(entry.result);
    outcome.error.Update(entry.result.error);
    if (entry.ended <= entry.started) continue;
    first = std::min(first, entry.started);
    last = std::max(last, entry.ended);
  }
  using Seconds = std::chrono::duration<double>;
  size_t run = 0;
  for (const StepEntry& entry : entries) {
    const double seconds = Seconds(entry.ended - entry.started).count();
    outcome.busy_seconds += seconds;
    run += seconds > 0 ? 1 : 0;
    writer.Add(entry.result, wire);
    if (metrics != nullptr) metrics->AddRow(entry.result, seconds);
  }
  if (metrics != nullptr) metrics->AddStep();
  if (run == 0) return outcome;
  outcome.part_run =
      static_cast<double>(run) / static_cast<double>(entries.size());
  if (last <= first) return outcome;
  const auto spent = last - first;
  outcome.row_seconds = Seconds(spent).count();
  wire->set_compute_us(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
  return outcome;
}

}  // namespace logitd
