#include "service/session/phases.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "sampler/status_macros.h"
#include "service/session/field_path.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

absl::Status CheckSequences(const std::vector<TokenIds>& sequences,
                            uint32_t vocab_size, uint32_t sequences_max) {
  if (sequences.size() > sequences_max) {
    return absl::ResourceExhaustedError(absl::StrCat(
        ": ", sequences.size(),
        " sequences are more than --max_stop_sequences ", sequences_max));
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    const TokenIds& sequence = sequences[i];
    if (sequence.empty() || sequence.size() > kStopSequenceTokensMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          "[", i, "].tokens: ", sequence.size(), " tokens are outside [1, ",
          kStopSequenceTokensMax, "]"));
    }
    const uint32_t most = *std::max_element(sequence.begin(), sequence.end());
    if (most < vocab_size) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "[", i, "].tokens: id ", most, " is outside [0, ", vocab_size, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckTriggers(const PhaseParams& phase, uint32_t vocab_size,
                           uint32_t sequences_max) {
  if (phase.enter.empty()) {
    return absl::InvalidArgumentError("enter: required, at least one");
  }
  LOGITD_RETURN_IF_ERROR(
      InField("enter", CheckSequences(phase.enter, vocab_size, sequences_max)));
  return InField("leave",
                 CheckSequences(phase.leave, vocab_size, sequences_max));
}

absl::Status CheckName(absl::Span<const PhaseParams> phases, size_t index) {
  const std::string& name = phases[index].name;
  if (name.empty()) return absl::InvalidArgumentError("name: required");
  for (size_t i = 0; i < index; ++i) {
    if (phases[i].name != name) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "name: ", Quote(name), " is already the name of phases[", i, "]"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PhaseTable>> PhaseTable::Create(
    absl::Span<const PhaseParams> phases, uint32_t vocab_size,
    uint32_t sequences_max) {
  if (phases.size() > kPhasesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "phases: ", phases.size(), " phases are more than ", kPhasesMax));
  }
  auto table = std::make_shared<PhaseTable>();
  const auto path = [](size_t i) { return absl::StrCat("phases[", i, "]."); };
  for (size_t i = 0; i < phases.size(); ++i) {
    absl::Status status = CheckName(phases, i);
    status.Update(CheckTriggers(phases[i], vocab_size, sequences_max));
    if (!status.ok()) return InField(path(i), status);
    table->names_.push_back(phases[i].name);
  }
  for (size_t i = 0; i < phases.size(); ++i) {
    const absl::Status status = table->AddWithin(phases[i].within);
    if (!status.ok()) return InField(path(i), status);
  }
  for (uint32_t phase = 1; phase <= table->size(); ++phase) {
    if (!table->IsInCircle(phase)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path(phase - 1), "within: ", Quote(phases[phase - 1].within),
        " leads round in a circle that is never entered"));
  }
  table->SetTriggers(phases);
  return table;
}

absl::Status PhaseTable::AddWithin(const std::string& name) {
  const uint32_t within = Find(name);
  if (within == 0 && !name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("within: ", Quote(name), " is not the name of a phase"));
  }
  within_.push_back(within);
  const uint32_t phase = static_cast<uint32_t>(within_.size());
  for (uint32_t from = 0; from <= size(); ++from) {
    if (within == 0 || within == from) enterable_[from] |= PhaseBit(phase);
  }
  return absl::OkStatus();
}

bool PhaseTable::IsInCircle(uint32_t phase) const {
  for (uint32_t steps = 0; phase != 0; phase = within(phase)) {
    if (++steps > size()) return true;
  }
  return false;
}

void PhaseTable::SetTriggers(absl::Span<const PhaseParams> phases) {
  std::map<TokenIds, Trigger> distinct;
  const auto add = [&](const std::vector<TokenIds>& sequences,
                       uint32_t Trigger::*member, uint32_t phase) {
    for (const TokenIds& sequence : sequences) {
      TokenIds backwards(sequence.rbegin(), sequence.rend());
      distinct[std::move(backwards)].*member |= PhaseBit(phase);
      lookback_ =
          std::max(lookback_, static_cast<uint32_t>(sequence.size()) - 1);
    }
  };
  for (uint32_t i = 0; i < phases.size(); ++i) {
    add(phases[i].enter, &Trigger::enters, i + 1);
    add(phases[i].leave, &Trigger::leaves, i + 1);
  }
  triggers_.reserve(distinct.size());
  for (auto& [backwards, trigger] : distinct) {
    const size_t at = triggers_.size();
    const auto range = by_last_.try_emplace(backwards[0], Range{at, at}).first;
    range->second.end = at + 1;
    triggers_.push_back({backwards, trigger.enters, trigger.leaves});
  }
}

uint32_t PhaseTable::Find(absl::string_view name) const {
  for (uint32_t phase = 1; phase <= size(); ++phase) {
    if (names_[phase - 1] == name) return phase;
  }
  return 0;
}

PhaseTable::Range PhaseTable::Narrow(Range range, size_t depth,
                                     uint32_t token) const {
  const auto at = [this](size_t i) {
    return triggers_.begin() + static_cast<std::ptrdiff_t>(i);
  };
  const auto begin = std::partition_point(
      at(range.begin), at(range.end),
      [&](const Trigger& t) { return t.backwards[depth] < token; });
  const auto end = std::partition_point(
      begin, at(range.end),
      [&](const Trigger& t) { return t.backwards[depth] == token; });
  return {static_cast<size_t>(begin - triggers_.begin()),
          static_cast<size_t>(end - triggers_.begin())};
}

}  // namespace logitd
