#include "service/profiles/resolve_levels.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "sampler/params.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/conflict.h"

namespace logitd {
namespace {

using google::protobuf::RepeatedPtrField;
using v1::SamplingParams;

// Bytes that are no whole id are somebody else's error.
TokenIds SortedIds(const std::string& bytes) {
  TokenIds ids =
      ReadIds("", bytes.substr(0, bytes.size() / 4 * 4)).value_or(TokenIds());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

void UniteIds(const std::string& from, std::string* to) {
  if (to->empty()) {
    *to = from;
    return;
  }
  const TokenIds a = SortedIds(*to);
  const TokenIds b = SortedIds(from);
  TokenIds both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(both));
  *to = WriteIds(both);
}

void UniteSequences(const RepeatedPtrField<v1::TokenSequence>& from,
                    RepeatedPtrField<v1::TokenSequence>* to) {
  for (const v1::TokenSequence& sequence : from) {
    const bool known = std::any_of(to->begin(), to->end(), [&](const auto& s) {
      return s.tokens() == sequence.tokens();
    });
    if (!known) *to->Add() = sequence;
  }
}

void Unite(int number, const SamplingParams& from, SamplingParams* to) {
  switch (number) {
    case SamplingParams::kBannedIdsFieldNumber:
      return UniteIds(from.banned_ids(), to->mutable_banned_ids());
    case SamplingParams::kStopIdsFieldNumber:
      return UniteIds(from.stop_ids(), to->mutable_stop_ids());
    case SamplingParams::kSuppressedIdsFieldNumber:
      return UniteIds(from.suppressed_ids(), to->mutable_suppressed_ids());
    case SamplingParams::kBeginSuppressedIdsFieldNumber:
      return UniteIds(from.begin_suppressed_ids(),
                      to->mutable_begin_suppressed_ids());
    case SamplingParams::kBadWordsFieldNumber:
      return UniteSequences(from.bad_words(), to->mutable_bad_words());
    default:
      return UniteSequences(from.stop_sequences(),
                            to->mutable_stop_sequences());
  }
}

std::map<uint32_t, double> ReadBias(const SamplingParams& params) {
  const std::string& bytes = params.logit_bias_ids();
  const TokenIds ids =
      ReadIds("", bytes.substr(0, bytes.size() / 4 * 4)).value_or(TokenIds());
  std::map<uint32_t, double> bias;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int at = static_cast<int>(i);
    if (at >= params.logit_bias_values_size()) break;
    bias[ids[i]] = params.logit_bias_values(at);
  }
  return bias;
}

void WriteBias(const std::map<uint32_t, double>& bias, SamplingParams* params) {
  ClearKnob(KnobAt(kBiasIdsField), params);
  TokenIds ids;
  for (const auto& [id, value] : bias) {
    ids.push_back(id);
    params->add_logit_bias_values(value);
  }
  params->set_logit_bias_ids(WriteIds(ids));
}

void MergeBias(const SamplingParams& from, SamplingParams* to) {
  std::map<uint32_t, double> bias = ReadBias(from);
  bias.merge(ReadBias(*to));  // keeps what is there: the higher level's
  WriteBias(bias, to);
}

Giver GiverIn(const Level& level) {
  return {level.level, level.name, level.path, "", level.is_callers};
}

}  // namespace

absl::Status Levels::Add(const Level& level) {
  SamplingParams movable = *level.params;
  for (const Knob* knob : KnobsSet(*level.params)) {
    switch (MergeOf(*knob)) {
      case Merge::kReplace:
        MoveKnob(*knob, &movable, &params_);
        break;
      case Merge::kUnite:
        Unite(knob->number(), *level.params, &params_);
        break;
      case Merge::kIntersect:
        LOGITD_RETURN_IF_ERROR(Intersect(level));
        break;
      case Merge::kPerId:
        MergeBias(*level.params, &params_);
    }
    givers_[knob->number()] = GiverIn(level);
  }
  return absl::OkStatus();
}

absl::Status Levels::Intersect(const Level& level) {
  // A request is told of its own field, whichever level it failed against.
  if (level.level == v1::PARAM_LEVEL_REQUEST) allowed_by_request_ = level.path;
  const std::string& from = level.params->allowed_ids();
  if (params_.allowed_ids().empty()) {
    params_.set_allowed_ids(from);
    return absl::OkStatus();
  }
  const TokenIds a = SortedIds(params_.allowed_ids());
  const TokenIds b = SortedIds(from);
  TokenIds both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::back_inserter(both));
  if (both.empty()) {
    const std::string& path =
        allowed_by_request_.empty() ? level.path : allowed_by_request_;
    const Giver& giver = givers_[SamplingParams::kAllowedIdsFieldNumber];
    return absl::InvalidArgumentError(
        absl::StrCat(path, "allowed_ids: those of ", level.name,
                     " and those of ", giver.name, " have no id in common"));
  }
  params_.set_allowed_ids(WriteIds(both));
  return absl::OkStatus();
}

absl::Status Levels::TurnOffConflicts(const Level& level) {
  for (const Conflict& conflict : Conflicts()) {
    if (!Holds(conflict, params_)) continue;
    const bool gave_a = GiverOf(KnobAt(conflict.a))->name == level.name;
    const bool gave_b = GiverOf(KnobAt(conflict.b))->name == level.name;
    if (gave_a == gave_b) return Explain(conflict);
    const Knob& lower = KnobAt(gave_a ? conflict.b : conflict.a);
    ClearKnob(lower, &params_);
    givers_[lower.number()] = GiverIn(level);
  }
  return absl::OkStatus();
}

absl::Status Levels::CheckConflicts() const {
  for (const Conflict& conflict : Conflicts()) {
    if (Holds(conflict, params_)) return Explain(conflict);
  }
  return absl::OkStatus();
}

// Begins with the knob of the lower level: that is whom the error is for.
absl::Status Levels::Explain(const Conflict& conflict) const {
  const Knob* first = &KnobAt(conflict.a);
  const Knob* second = &KnobAt(conflict.b);
  if (GiverOf(*first)->level > GiverOf(*second)->level) {
    std::swap(first, second);
  }
  const auto tell = [&](const Knob& knob) {
    const bool whole = knob.cpp_type() != Knob::CPPTYPE_DOUBLE;
    return absl::StrCat(Text(EffectOf(params_, knob, kCountMax), whole), " (",
                        GiverOf(knob)->name, ")");
  };
  return absl::InvalidArgumentError(
      absl::StrCat(GiverOf(*first)->path, first->name(), ": ", tell(*first),
                   " conflicts with ", second->name(), " ", tell(*second), ": ",
                   conflict.why));
}

void Levels::Limit(const Knob& knob, double min, double max,
                   uint32_t vocab_size, Giver giver) {
  logitd::Limit(knob, min, max, vocab_size, &params_);
  givers_[knob.number()] = std::move(giver);
}

void Levels::DropOff(uint32_t vocab_size) {
  if (params_.logit_bias_values_size() > 0) {
    std::map<uint32_t, double> bias = ReadBias(params_);
    std::erase_if(bias, [](const auto& entry) { return entry.second == 0; });
    WriteBias(bias, &params_);
  }
  for (const Knob* knob : KnobsSet(params_)) {
    if (IsOff(params_, *knob, vocab_size)) ClearKnob(*knob, &params_);
  }
}

const Giver* Levels::GiverOf(const Knob& knob) const {
  const auto at = givers_.find(knob.number());
  return at == givers_.end() ? nullptr : &at->second;
}

}  // namespace logitd
