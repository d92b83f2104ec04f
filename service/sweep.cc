#include "service/sweep.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/message.h"
#include "sampler/status_macros.h"
#include "service/inquiry.h"
#include "service/lists.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;

constexpr uint32_t kValuesBuiltIn = 11;
constexpr uint32_t kValuesMin = 2;
constexpr uint32_t kValuesMax = 1024;
constexpr uint32_t kGridSteps = 10'000;
constexpr size_t kFlipsMax = 256;
constexpr double kResolution = 0x1p-44;  // of the range
// Whole numbers are exact so far, and fit every knob that counts.
constexpr double kWholeMax = 4294967295.0;

bool IsCount(const FieldDescriptor& knob) {
  return knob.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
}

absl::StatusOr<const FieldDescriptor*> NumberKnob(const std::string& name) {
  const FieldDescriptor* knob =
      v1::SamplingParams::descriptor()->FindFieldByName(name);
  const bool is_number =
      knob != nullptr && !knob->is_repeated() &&
      (IsCount(*knob) || knob->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE);
  if (is_number) return knob;
  return absl::InvalidArgumentError(absl::StrCat(
      "knob: \"", name.substr(0, 64), "\" is not a number in SamplingParams"));
}

absl::Status CheckEnd(const char* field, double value, bool whole) {
  if (!std::isfinite(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", value, " is not finite"));
  }
  if (!whole ||
      (value >= 0 && value <= kWholeMax && value == std::floor(value))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", value, " is not a whole number in [0, 4294967295]"));
}

absl::Status CheckRange(const v1::Sweep& wire, bool whole) {
  LOGITD_RETURN_IF_ERROR(CheckEnd("from", wire.from(), whole));
  LOGITD_RETURN_IF_ERROR(CheckEnd("to", wire.to(), whole));
  if (wire.from() < wire.to() && std::isfinite(wire.to() - wire.from())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("to: ", wire.to(), " must be above from ", wire.from()));
}

// Distances from 1e-4 of the range down to 2^-40 of it, 32 to a halving, from
// both ends.
std::vector<double> CloserToTheEnds(const v1::Sweep& wire) {
  constexpr int kHalvings = 27;
  constexpr int kToAHalving = 32;
  const double width = wire.to() - wire.from();
  std::vector<double> values;
  for (int i = 1; i <= kHalvings * kToAHalving; ++i) {
    const double distance =
        width / kGridSteps * std::exp2(-static_cast<double>(i) / kToAHalving);
    values.push_back(wire.from() + distance);
    values.push_back(wire.to() - distance);
  }
  return values;
}

void AppendTo(std::vector<double>* values, const std::vector<double>& more) {
  values->insert(values->end(), more.begin(), more.end());
}

// `count` values, evenly spaced, both ends included. Whole ones may be fewer.
std::vector<double> Spread(const v1::Sweep& wire, uint32_t count, bool whole) {
  std::vector<double> values;
  const double width = wire.to() - wire.from();
  for (uint32_t i = 0; i < count; ++i) {
    const double value = wire.from() + width * i / (count - 1);
    values.push_back(whole ? std::round(value) : std::min(value, wire.to()));
  }
  values.back() = wire.to();
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

absl::Status Trial::Look(const v1::SamplingParams& set,
                         const std::optional<SessionReport>& report,
                         const Environment& env, Workspace* workspace,
                         EntryResult* result) {
  v1::UpdateSession update;
  *update.mutable_set() = set;
  const absl::Status changed = ChangeParams(update, report, env, &session);
  if (!changed.ok()) {
    const absl::string_view message = changed.message();
    return absl::Status(changed.code(), absl::StripPrefix(message, "set."));
  }
  Entry entry;
  entry.position = session.position();
  entry.attempt = attempt;
  entry.mode = EntryMode::kPeek;
  Row used = row;
  if (!session.uses_guidance()) used.guidance = nullptr;
  session.Step(entry, used, env.sampler, workspace, result);
  return result->error;
}

KnobSweep::KnobSweep(const FieldDescriptor* knob, std::vector<double> told,
                     FlipSearch search, Trial trial)
    : knob_(knob),
      told_(std::move(told)),
      search_(std::move(search)),
      trial_(std::move(trial)),
      report_(trial_.session.report()) {
  report_.kept_ids = false;  // they could be as many as values times tokens
}

absl::StatusOr<KnobSweep> KnobSweep::Create(const v1::Sweep& wire,
                                            Trial trial) {
  LOGITD_ASSIGN_OR_RETURN(const FieldDescriptor* knob, NumberKnob(wire.knob()));
  const bool whole = IsCount(*knob);
  LOGITD_RETURN_IF_ERROR(CheckRange(wire, whole));
  const uint32_t count =
      wire.value_count() == 0 ? kValuesBuiltIn : wire.value_count();
  if (count < kValuesMin || count > kValuesMax) {
    return absl::InvalidArgumentError(absl::StrCat("value_count: ", count,
                                                   " is outside [", kValuesMin,
                                                   ", ", kValuesMax, "]"));
  }
  std::vector<double> told = Spread(wire, count, whole);
  std::vector<double> grid = Spread(wire, kGridSteps + 1, whole);
  if (!whole) AppendTo(&grid, CloserToTheEnds(wire));
  AppendTo(&grid, told);
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  const double resolution = (wire.to() - wire.from()) * kResolution;
  return KnobSweep(knob, std::move(told),
                   FlipSearch(std::move(grid), resolution, whole, kFlipsMax),
                   std::move(trial));
}

absl::Status KnobSweep::Look(const std::string& field, double value,
                             const std::optional<SessionReport>& report,
                             const Environment& env, Workspace* workspace,
                             EntryResult* result) {
  v1::SamplingParams set;
  if (IsCount(*knob_)) {
    set.GetReflection()->SetUInt32(&set, knob_, static_cast<uint32_t>(value));
  } else {
    set.GetReflection()->SetDouble(&set, knob_, value);
  }
  return InField(absl::StrCat(field, ": "),
                 trial_.Look(set, report, env, workspace, result));
}

absl::Status KnobSweep::CheckEnds(const Environment& env,
                                  Workspace* workspace) {
  EntryResult result;
  LOGITD_RETURN_IF_ERROR(
      Look("from", told_.front(), kSilent, env, workspace, &result));
  return Look("to", told_.back(), kSilent, env, workspace, &result);
}

absl::StatusOr<bool> KnobSweep::RunTurn(const Environment& env,
                                        Workspace* workspace,
                                        v1::SweepResult* answer) {
  const auto end = std::chrono::steady_clock::now() + Inquiry::kTurn;
  if (!std::exchange(are_ends_checked_, true)) {
    LOGITD_RETURN_IF_ERROR(CheckEnds(env, workspace));
  }
  const auto at = [](double value) { return absl::StrCat("at ", value); };
  do {
    if (!is_searched_) {
      const std::optional<double> value = search_.Next();
      is_searched_ = !value;
      if (is_searched_) continue;
      EntryResult result;
      LOGITD_RETURN_IF_ERROR(
          Look(at(*value), *value, kSilent, env, workspace, &result));
      search_.Tell(result.outcome.token);
    } else if (results_.size() < told_.size()) {
      EntryResult& result = results_.emplace_back();
      const double value = told_[results_.size() - 1];
      LOGITD_RETURN_IF_ERROR(
          Look(at(value), value, report_, env, workspace, &result));
    } else {
      Answer(answer);
      return true;
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

void KnobSweep::Answer(v1::SweepResult* answer) {
  ResultWriter writer;
  for (const EntryResult& result : results_) writer.Ask(result);
  for (size_t i = 0; i < results_.size(); ++i) {
    answer->add_value(told_[i]);
    writer.Add(results_[i], answer->mutable_outcome());
  }
  for (const FlipPoint& flip : search_.flips()) {
    v1::Flip* wire = answer->add_flips();
    wire->set_below(flip.below);
    wire->set_above(flip.above);
    wire->set_token_below(flip.token_below);
    wire->set_token_above(flip.token_above);
  }
  answer->set_more_flips(search_.ended_early());
}

}  // namespace logitd
