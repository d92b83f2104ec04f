// Profiles that the linter's rules about phases fire on.
#ifndef LOGITD_TESTS_PROFILES_LINT_CASES_PHASES_H_
#define LOGITD_TESTS_PROFILES_LINT_CASES_PHASES_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/profiles/lint_cases.h"

namespace logitd::testing {

inline std::string Label(const std::string& key, const std::string& value) {
  return absl::StrCat("labels { key: '", key, "' value: '", value, "' } ");
}

// Phases by the profile's task, and by one of their own.
inline std::vector<RuleCase> PhaseTaskCases() {
  const std::string code = Task("code", "");
  const std::string hot = PhaseText("a", 1, Defaults("temperature: 1.5"));
  return {
      {"phase-outside-band", "phases[0].default_params.temperature", code + hot,
       code + PhaseText("a", 1, Defaults("temperature: 0.5"))},
      {"phase-outside-band", "phases[0].default_params.temperature", code + hot,
       code + hot + Label("task.a", "ideas")},
      {"phase-outside-band", "phases[0].force_params.temperature",
       code + PhaseText("a", 1, Forces("temperature: 1.5")),
       code + PhaseText("a", 1, Forces("temperature: 1"))},
      {"phase-outside-band", "phases[0].clamps[0]",
       code + PhaseText("a", 1, WarmClamp("1.2")),
       code + PhaseText("a", 1, WarmClamp("0.2"))},
      {"phase-outside-band", "phases[0].default_params.temperature",
       Task("json", "temperature: 0") +
           PhaseText("a", 1, Defaults("temperature: 1 top_p: 0.9")),
       Task("json", "temperature: 0") +
           PhaseText("a", 1, Defaults("temperature: 0.4 top_p: 0.9"))},
      {"band-ideas", "phases[0].default_params.temperature",
       Label("task.a", "ideas") + PhaseText("a", 1, Defaults("top_p: 0.97")),
       Label("task.a", "ideas") +
           PhaseText("a", 1, Defaults("top_p: 0.97 temperature: 1.2"))},
      // What it has from around it does not fit its task.
      {"band-ideas", "phases[0].default_params.temperature",
       Task("code", "temperature: 0.2") + Label("task.a", "ideas") +
           PhaseText("a", 1, Defaults("top_k: 50")),
       Task("code", "temperature: 0.2") + Label("task.a", "ideas") +
           PhaseText("a", 1, Defaults("top_k: 50 temperature: 1.2"))},
      {"unknown-task", "labels.task.a", code + Label("task.a", "poetry") + hot,
       code + Label("task.a", "ideas") + hot},
      {"task-of-no-phase", "labels.task.b",
       code + Label("task.b", "ideas") + hot,
       code + Label("task.a", "ideas") + hot},
  };
}

inline std::string Triggers(const char* field,
                            const std::vector<TokenIds>& lists) {
  std::string text;
  for (const TokenIds& ids : lists) {
    absl::StrAppend(&text, field, " { ", IdsText("tokens", ids), "} ");
  }
  return text;
}

// Phase "a", entered by 1, and "b" inside it.
inline std::string Nested(const std::vector<TokenIds>& leave,
                          const std::vector<TokenIds>& enter) {
  return absl::StrCat("phases { name: 'a' ", Triggers("enter", {{1}}),
                      Triggers("leave", leave), "} phases { name: 'b' ",
                      "within: 'a' ", Triggers("enter", enter), "}");
}

// `innermost` is entered inside b, which is inside a, which 9 leaves.
inline std::string NestedTwice(const TokenIds& innermost) {
  return absl::StrCat(Nested({{9}}, {{2}}), " phases { name: 'c' within: 'b' ",
                      Triggers("enter", {innermost}), "}");
}

inline std::vector<RuleCase> PhaseCases() {
  return {
      // By the last token, by the last two, by one before the last.
      {"phase-never-entered", "phases[1].enter", Nested({{9}}, {{5, 9}}),
       Nested({{9}}, {{5, 8}})},
      {"phase-never-entered", "phases[1].enter", Nested({{5, 9}}, {{5, 9}}),
       Nested({{4, 5, 9}}, {{5, 9}})},
      {"phase-never-entered", "phases[1].enter", Nested({{9}}, {{9, 5}}),
       Nested({{9}}, {{9, 1, 5}})},  // 1 enters a anew
      {"phase-never-entered", "phases[1].enter",
       Nested({{9}, {8}}, {{9}, {5, 8}}), Nested({{9}, {8}}, {{9}, {5, 7}})},
      {"phase-never-entered", "phases[2].enter", NestedTwice({3, 9}),
       NestedTwice({3, 8})},
  };
}

// Phase "a", entered and left by these, with these parameters.
inline std::string Phase(const std::vector<TokenIds>& enter,
                         const std::vector<TokenIds>& leave,
                         const std::string& rest,
                         const std::string& name = "a") {
  return absl::StrCat("phases { name: '", name, "' ", Triggers("enter", enter),
                      Triggers("leave", leave), rest, "} ");
}

inline std::string StopSequence(const TokenIds& ids) {
  return absl::StrCat("stop_sequences { ", IdsText("tokens", ids), "} ");
}

inline std::vector<RuleCase> TriggerCases() {
  const auto allow = [](const TokenIds& ids) {
    return Defaults(IdsText("allowed_ids", ids));
  };
  const auto ban = [](const TokenIds& ids) {
    return Forces(IdsText("banned_ids", ids));
  };
  return {
      {"leave-never-said", "phases[0].leave", Phase({{1}}, {{9}}, allow({2})),
       Phase({{1}}, {{9}}, allow({2, 9}))},
      {"leave-never-said", "phases[0].leave",
       Phase({{1}}, {{9}, {7, 8}}, ban({9, 8})),
       Phase({{1}}, {{9}, {7, 8}}, ban({9}))},
      {"leave-never-said", "phases[0].leave",
       ban({9}) + Phase({{1}}, {{9}}, Defaults("top_k: 9")),
       Phase({{1}}, {{9}}, Defaults("top_k: 9"))},
      // 5 is banned, and what enters the phase does not end with it.
      {"leave-never-said", "phases[0].leave", Phase({{1}}, {{5, 9}}, ban({5})),
       Phase({{1}}, {{5, 9}}, ban({4}))},
      {"leave-never-said", "phases[0].leave",
       Phase({{1}}, {{2}}, Defaults(IdsText("eos_ids", {2}) + "ban_eos: true")),
       Phase({{1}}, {{2}}, Defaults(IdsText("eos_ids", {2})))},
      // The other phase cannot be entered from inside this one.
      {"leave-never-said", "phases[0].leave",
       Phase({{1}}, {{9}}, allow({2})) + Phase({{3}}, {{4}}, "", "b"),
       Phase({{1}}, {{9}}, allow({2, 9})) + Phase({{3}}, {{4}}, "", "b")},
      {"leave-never-said", "phases[1].leave",
       Phase({{3}}, {{4}}, "") +
           Phase({{1}}, {{9}}, "within: 'a' " + allow({2, 3}), "b"),
       Phase({{3}}, {{4}}, "") +
           Phase({{1}}, {{9}}, "within: 'a' " + allow({2, 9}), "b")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(IdsText("stop_ids", {5})) + Phase({{4, 5}}, {{9}}, ""),
       Defaults(IdsText("stop_ids", {6})) + Phase({{4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(IdsText("stop_ids", {4})) + Phase({{4, 5}}, {{9}}, ""),
       Defaults(IdsText("stop_ids", {4})) + Phase({{3, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Forces(StopSequence({4, 5})) + Phase({{3, 4, 5}}, {{9}}, ""),
       Forces(StopSequence({4, 6})) + Phase({{3, 4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(StopSequence({3, 4})) + Phase({{3, 4, 5}}, {{9}}, ""),
       Defaults(StopSequence({2, 4})) + Phase({{3, 4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(IdsText("eos_ids", {5})) + Phase({{5}}, {{9}}, ""),
       Defaults(IdsText("eos_ids", {5})) + Phase({{6}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(IdsText("stop_ids", {5})) + Phase({{4, 5}, {5}}, {{9}}, ""),
       Defaults(IdsText("stop_ids", {5})) + Phase({{4, 5}, {6}}, {{9}}, "")},
      // Only the phase around it stops there.
      {"stop-before-phase", "phases[1].enter",
       Phase({{1}}, {{9}}, Defaults(IdsText("stop_ids", {5}))) +
           Phase({{4, 5}}, {{9}}, "within: 'a' ", "b"),
       Phase({{1}}, {{9}}, Defaults(IdsText("stop_ids", {5}))) +
           Phase({{4, 6}}, {{9}}, "within: 'a' ", "b")},
  };
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_PROFILES_LINT_CASES_PHASES_H_
