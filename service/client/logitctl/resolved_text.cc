#include "service/client/logitctl/resolved_text.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/profile_leaves.h"

namespace logitd::logitctl {
namespace {

using google::protobuf::FieldDescriptor;

bool IsForce(v1::ParamLevel level) {
  return level == v1::PARAM_LEVEL_PROFILE_FORCE ||
         level == v1::PARAM_LEVEL_PHASE_FORCE;
}

// `Resolved` is SessionOpened, or one of its phases.
template <class Resolved>
std::optional<Overruled> FindForced(const std::string& knob,
                                    const std::string& asked,
                                    const Resolved& resolved) {
  for (const v1::Provenance& from : resolved.provenance()) {
    if (from.knob() != knob || !IsForce(from.level())) {
      continue;
    }
    const auto values = ValuesOf(resolved.resolved());
    const auto value = values.find(knob);
    const std::string used =
        value == values.end() ? OffText(from) : value->second;
    if (used != asked) {
      return Overruled{knob, asked, used, LevelText(from.level())};
    }
  }
  return std::nullopt;
}

template <class Resolved>
std::optional<Overruled> FindOverruled(const std::string& knob,
                                       const std::string& asked,
                                       const Resolved& resolved) {
  for (const v1::Clamped& clamped : resolved.clamped()) {
    if (clamped.knob() == knob) {
      return OfClamp(clamped);
    }
  }
  return FindForced(knob, asked, resolved);
}

template <class Resolved>
std::vector<Overruled> AllForced(const v1::SamplingParams& asked,
                                 const Resolved& resolved) {
  std::vector<Overruled> all;
  for (const auto& [knob, value] : ValuesOf(asked)) {
    if (auto forced = FindForced(knob, value, resolved)) {
      all.push_back(*std::move(forced));
    }
  }
  return all;
}

template <class Resolved>
std::vector<Overruled> OverruledIn(const v1::SamplingParams& asked,
                                   const Resolved& resolved) {
  std::vector<Overruled> all;
  for (const auto& [knob, value] : ValuesOf(asked)) {
    if (auto overruled = FindOverruled(knob, value, resolved)) {
      all.push_back(*std::move(overruled));
    }
  }
  return all;
}

// `Resolved` has what is resolved, where from, and what was clamped.
template <class Resolved>
std::string TextOfKnobs(const std::string& title, const Resolved& resolved) {
  constexpr int kNameWidth = 24;
  std::string text = title + "\n";
  std::map<std::string, std::string> sources;
  std::map<std::string, std::string> off;
  for (const v1::Provenance& from : resolved.provenance()) {
    off[from.knob()] = absl::StrCat(OffText(from), " (off)");
    sources[from.knob()] = absl::StrCat(
        LevelText(from.level()),
        from.rule().empty() ? "" : absl::StrCat(", ", from.rule()));
  }
  for (const auto& [knob, value] : ValuesOf(resolved.resolved())) {
    absl::StrAppendFormat(&text, "  %-*s %-12s %s\n", kNameWidth, knob, value,
                          sources[knob]);
    sources.erase(knob);
  }
  for (const auto& [knob, source] : sources) {
    absl::StrAppendFormat(&text, "  %-*s %-12s %s\n", kNameWidth, knob,
                          off[knob], source);
  }
  for (const v1::Clamped& clamped : resolved.clamped()) {
    absl::StrAppend(&text, "  clamped ", OverruledText(OfClamp(clamped)), "\n");
  }
  return text;
}

}  // namespace

std::string KnobsText(const std::string& title,
                      const v1::SessionOpened& resolved) {
  return TextOfKnobs(title, resolved);
}
std::string KnobsText(const std::string& title,
                      const v1::ResolvedPhase& resolved) {
  return TextOfKnobs(title, resolved);
}
std::string KnobsText(const std::string& title,
                      const v1::ExplainResponse& resolved) {
  return TextOfKnobs(title, resolved);
}

std::string LevelText(v1::ParamLevel level) {
  const std::string name = v1::ParamLevel_Name(level);
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StripPrefix(name, "PARAM_LEVEL_")),
      {{"_", " "}});
}

std::string OffText(const v1::Provenance& from) {
  const auto* field =
      v1::SamplingParams::descriptor()->FindFieldByName(from.knob());
  if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return "false";
  }
  if (field != nullptr && field->enum_type() != nullptr) {
    // A rule is off at its first value, which is built in.
    return JsonString(field->enum_type()->FindValueByNumber(1)->name());
  }
  return from.has_off_value() ? JsonNumber(from.off_value()) : "none";
}

Overruled OfClamp(const v1::Clamped& clamped) {
  return {clamped.knob(), JsonNumber(clamped.asked()),
          JsonNumber(clamped.used()), clamped.rule()};
}

std::string OverruledText(const Overruled& overruled) {
  return absl::StrCat(overruled.knob, ": asked ", overruled.asked, ", used ",
                      overruled.used, ", by ", overruled.by);
}

std::vector<Overruled> ForcedIn(const v1::SamplingParams& asked,
                                const v1::SessionOpened& opened) {
  return AllForced(asked, opened);
}

std::vector<Overruled> ForcedIn(const v1::SamplingParams& asked,
                                const v1::ResolvedPhase& phase) {
  return AllForced(asked, phase);
}

std::vector<Overruled> OverruledInBase(const v1::SamplingParams& asked,
                                       const v1::SessionOpened& opened) {
  return OverruledIn(asked, opened);
}

std::vector<std::string> OverruledTexts(const v1::SamplingParams& asked,
                                        const v1::SessionOpened& opened) {
  const std::vector<Overruled> in_base = OverruledInBase(asked, opened);
  std::vector<std::string> texts;
  texts.reserve(in_base.size());
  for (const Overruled& overruled : in_base) {
    texts.push_back(OverruledText(overruled));
  }
  for (const v1::ResolvedPhase& phase : opened.phases()) {
    for (const Overruled& overruled : OverruledIn(asked, phase)) {
      if (std::count(in_base.begin(), in_base.end(), overruled) == 0) {
        texts.push_back(absl::StrCat(OverruledText(overruled), ", in phase ",
                                     phase.name()));
      }
    }
  }
  return texts;
}

void PrintOverruled(const v1::SamplingParams& asked,
                    const v1::SessionOpened& opened) {
  for (const std::string& text : OverruledTexts(asked, opened)) {
    absl::FPrintF(stderr, "%s\n", text);
  }
}

}  // namespace logitd::logitctl
