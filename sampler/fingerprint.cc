#include "sampler/fingerprint.h"

#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sampler/knobs.h"

namespace logitd {
namespace {

struct VersionedStage {
  const char* name;
  int version;
  bool (*active)(const Plan& plan);
};

// In the order of the pipeline.
constexpr VersionedStage kStages[] = {
    {"check", 1, [](const Plan&) { return true; }},
    {"hard_bans", 1, [](const Plan&) { return true; }},
    {"min_tokens", 1, [](const Plan& p) { return !p.delayed_ids.empty(); }},
    {"logit_bias", 1, [](const Plan& p) { return !p.bias_ids.empty(); }},
    {"repetition", 1, [](const Plan& p) { return p.repetition.has_value(); }},
    {"frequency", 1, [](const Plan& p) { return p.frequency.has_value(); }},
    {"presence", 1, [](const Plan& p) { return p.presence.has_value(); }},
    {"greedy", 1, [](const Plan& p) { return p.values.greedy; }},
    {"temperature", 1,
     [](const Plan& p) { return p.values.inverse_temperature != 1.0f; }},
    {"dynamic_temperature", 1,
     [](const Plan& p) { return p.values.dynamic.has_value(); }},
    {"smoothing", 1,
     [](const Plan& p) { return p.values.square != 0 || p.values.cube != 0; }},
    {"top_n_sigma", 1,
     [](const Plan& p) { return p.values.sigmas.has_value(); }},
    {"top_k", 1, [](const Plan& p) { return p.values.top_k.has_value(); }},
    {"top_p", 1, [](const Plan& p) { return p.values.top_p.has_value(); }},
    {"min_p", 1,
     [](const Plan& p) { return p.values.min_p_floor.has_value(); }},
    {"typical", 1,
     [](const Plan& p) { return p.values.typical_p.has_value(); }},
    {"epsilon", 1,
     [](const Plan& p) { return p.values.log_epsilon.has_value(); }},
    {"eta", 1, [](const Plan& p) { return p.values.log_eta.has_value(); }},
    {"top_a", 1, [](const Plan& p) { return p.values.log_top_a.has_value(); }},
    {"tail_free", 1,
     [](const Plan& p) { return p.values.tail_free.has_value(); }},
    {"top_h", 1, [](const Plan& p) { return p.values.top_h.has_value(); }},
    {"p_less", 1, [](const Plan& p) { return p.values.p_less; }},
    {"xtc", 1, [](const Plan& p) { return p.values.xtc.has_value(); }},
    {"mirostat", 1,
     [](const Plan& p) { return p.values.mirostat.has_value(); }},
    {"adaptive_p", 1,
     [](const Plan& p) { return p.values.adaptive_p.has_value(); }},
    {"draw", 1, [](const Plan& p) { return !p.values.greedy; }},
};

std::string Bits(double value) {
  return absl::StrCat(
      absl::Hex(std::bit_cast<uint64_t>(value), absl::kZeroPad16));
}

std::string SortedIds(TokenIds ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return absl::StrJoin(ids, ",");
}

// Order and repetition mean nothing among sequences.
std::string SortedSequences(const std::vector<TokenIds>& sequences) {
  std::vector<std::string> texts;
  texts.reserve(sequences.size());
  for (const TokenIds& sequence : sequences) {
    texts.push_back(absl::StrJoin(sequence, ","));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return absl::StrJoin(texts, ";");
}

using Fields = std::map<int, std::string>;

void AddScalars(const Plan& plan, Fields* fields) {
  const Params& params = plan.params;
  for (const RealKnob& knob : kRealKnobs) {
    const auto& value = params.*knob.value;
    if (value && *value != knob.off) (*fields)[knob.field] = Bits(*value);
  }
  for (const CountKnob& knob : kCountKnobs) {
    const auto& value = params.*knob.value;
    if (value && *value != knob.off) {
      (*fields)[knob.field] = absl::StrCat(*value);
    }
  }
  for (const SwitchKnob& knob : kSwitchKnobs) {
    if ((params.*knob.value).value_or(false)) (*fields)[knob.field] = "1";
  }
  // top_k is off from the vocabulary's size on.
  if (plan.top_k_is_off()) fields->erase(10);
  if (!plan.relax_soft_bans) (*fields)[kOnEmptyField] = "2";
  if (plan.ban_non_finite) (*fields)[kOnNonFiniteField] = "2";
}

void AddLists(const Plan& plan, Fields* fields) {
  const Params& params = plan.params;
  for (const IdsKnob& knob : kIdsKnobs) {
    const TokenIds& ids = params.*knob.value;
    if (!ids.empty()) (*fields)[knob.field] = SortedIds(ids);
  }
  if (!plan.bias_ids.empty()) {
    std::string values;
    for (size_t i = 0; i < plan.bias_ids.size(); ++i) {
      absl::StrAppend(&values, i == 0 ? "" : ",", plan.bias_ids[i], ":",
                      Bits(plan.bias_values[i]));
    }
    (*fields)[kBiasIdsField] = values;
  }
  std::vector<std::string> sequences;
  for (const TokenIds& sequence : params.stop_sequences) {
    sequences.push_back(absl::StrJoin(sequence, ","));
  }
  std::sort(sequences.begin(), sequences.end());
  if (!sequences.empty()) {
    (*fields)[kStopSequencesField] = absl::StrJoin(sequences, ";");
  }
}

// The plan's stages, then its parameters.
void AddPlan(const Plan& plan, const std::string& prefix,
             std::vector<std::string>* lines) {
  for (const VersionedStage& stage : kStages) {
    if (!stage.active(plan)) continue;
    lines->push_back(absl::StrCat(prefix, stage.name, "=", stage.version));
  }
  Fields fields;
  AddScalars(plan, &fields);
  AddLists(plan, &fields);
  for (const auto& [field, value] : fields) {
    lines->push_back(absl::StrCat(prefix, field, "=", value));
  }
}

}  // namespace

std::vector<std::string> StageVersions() {
  std::vector<std::string> versions;
  for (const VersionedStage& stage : kStages) {
    versions.push_back(absl::StrCat(stage.name, "=", stage.version));
  }
  return versions;
}

std::vector<std::string> FingerprintLines(const Plan& plan) {
  std::vector<std::string> lines = {kSemantics,
                                    absl::StrCat("core=", kCoreVersion)};
  AddPlan(plan, "", &lines);
  return lines;
}

std::vector<std::string> FingerprintLines(
    const Plan& base, absl::Span<const FingerprintPhase> phases) {
  std::vector<std::string> lines = FingerprintLines(base);
  for (size_t i = 0; i < phases.size(); ++i) {
    const FingerprintPhase& phase = phases[i];
    const std::string prefix = absl::StrCat("phase", i + 1, ".");
    if (phase.within > 0) {
      lines.push_back(absl::StrCat(prefix, "within=", phase.within));
    }
    lines.push_back(
        absl::StrCat(prefix, "enter=", SortedSequences(*phase.enter)));
    if (!phase.leave->empty()) {
      lines.push_back(
          absl::StrCat(prefix, "leave=", SortedSequences(*phase.leave)));
    }
    AddPlan(*phase.plan, prefix, &lines);
  }
  return lines;
}

std::string Fingerprint(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), 8));
}

}  // namespace logitd
