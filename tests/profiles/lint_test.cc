// Every rule of the linter fires on what it is about, and not when it is fixed.
#include "service/profiles/lint.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/profiles/lint_rules.h"
#include "tests/profiles/resolve_texts.h"

namespace logitd {
namespace {

using testing::IdsText;
using testing::PhaseText;
using testing::ProfileText;

struct RuleCase {
  const char* rule;
  const char* field;
  std::string bad;
  std::string fixed;  // as the finding's fix says
};

std::string Defaults(const std::string& params) {
  return absl::StrCat("default_params { ", params, " } ");
}

std::string Forces(const std::string& params) {
  return absl::StrCat("force_params { ", params, " } ");
}

std::string Task(const std::string& task, const std::string& params) {
  return absl::StrCat("labels { key: 'task' value: '", task, "' } ",
                      Defaults(params));
}

std::string Clamp(const std::string& rest) {
  return absl::StrCat("clamps { ", rest, " } ");
}

// A clamp of the temperature from below.
std::string WarmClamp(const std::string& min) {
  return Clamp("mode: CLAMP_MODE_CLAMP knob: 'temperature' min: " + min);
}

std::string Ids(const char* field, const TokenIds& ids) {
  return absl::StrCat(field, ": ", IdsText(ids), " ");
}

std::vector<RuleCase> DeadCases() {
  return {
      {"greedy-truncation", "default_params.top_p",
       Defaults("temperature: 0 top_p: 0.9"), Defaults("temperature: 0")},
      {"greedy-truncation", "phases[0].default_params.min_p",
       PhaseText("a", 1, Forces("temperature: 0") + Defaults("min_p: 0.1")),
       PhaseText("a", 1, Forces("temperature: 0"))},
      {"greedy-truncation", "force_params.top_k",
       Forces("temperature: 0 top_k: 5"), Forces("temperature: 0")},
      {"greedy-truncation", "force_params.top_k",
       Forces("top_k: 5") +
           Clamp("mode: CLAMP_MODE_CLAMP knob: 'temperature' max: 0"),
       Clamp("mode: CLAMP_MODE_CLAMP knob: 'temperature' max: 0")},
      {"greedy-truncation", "phases[0].force_params.top_k",
       Forces("temperature: 0") + PhaseText("a", 1, Forces("top_k: 5")),
       Forces("temperature: 0") + PhaseText("a", 1, Defaults("min_tokens: 1"))},
      {"top-k-one", "default_params.top_k", Defaults("top_k: 1"),
       Defaults("temperature: 0")},
      {"top-k-wide", "default_params.top_k", Defaults("top_k: 50000"),
       Defaults("top_p: 0.9")},
      {"window-without-penalty", "default_params.repetition_window",
       Defaults("repetition_window: 64"),
       Defaults("repetition_window: 64 repetition_penalty: 1.1")},
      {"window-without-penalty", "default_params.presence_window",
       Defaults("presence_window: 64 frequency_penalty: 1"),
       Defaults("presence_window: 64 frequency_penalty: 1 "
                "presence_penalty: 0.5")},
      {"exclude-without-penalty", "default_params.penalty_exclude_ids",
       Defaults(Ids("penalty_exclude_ids", {1})),
       Defaults(Ids("penalty_exclude_ids", {1}) + "frequency_penalty: 1")},
      {"min-p-with-top-p", "default_params.min_p",
       Defaults("min_p: 0.1 top_p: 0.9"), Defaults("min_p: 0.1")},
      {"force-hides-default", "default_params.top_k",
       Defaults("top_k: 5") + Forces("top_k: 7"), Forces("top_k: 7")},
      {"force-hides-default", "phases[0].default_params.top_k",
       Forces("top_k: 7") +
           PhaseText("a", 1, Defaults("top_k: 5 temperature: 0.5")),
       Forces("top_k: 7") + PhaseText("a", 1, Defaults("temperature: 0.5"))},
      {"off-value", "default_params.top_p", Defaults("top_p: 1"), Defaults("")},
      {"off-value", "default_params.temperature",
       Defaults("temperature: 1") + WarmClamp("0.5"), WarmClamp("0.5")},
  };
}

std::vector<RuleCase> TokenCases() {
  return {
      {"banned-and-allowed", "default_params.banned_ids",
       Defaults(Ids("banned_ids", {1, 2}) + Ids("allowed_ids", {2, 3})),
       Defaults(Ids("banned_ids", {1, 2}) + Ids("allowed_ids", {3}))},
      {"bias-on-banned", "default_params.logit_bias_ids",
       Defaults(Ids("logit_bias_ids", {2}) + "logit_bias_values: 1 " +
                Ids("banned_ids", {2})),
       Defaults(Ids("banned_ids", {2}))},
      {"bias-as-ban", "default_params.logit_bias_ids",
       Defaults(Ids("logit_bias_ids", {2}) + "logit_bias_values: -100"),
       Defaults(Ids("banned_ids", {2}))},
      {"ban-and-ignore-eos", "default_params.ignore_eos",
       Defaults("ignore_eos: true ban_eos: true"), Defaults("ban_eos: true")},
      {"no-end", "default_params.ignore_eos", Defaults("ignore_eos: true"),
       Defaults("ignore_eos: true max_tokens: 100")},
      {"eos-not-allowed", "default_params.allowed_ids",
       Defaults(Ids("allowed_ids", {1}) + Ids("eos_ids", {2})),
       Defaults(Ids("allowed_ids", {1, 2}) + Ids("eos_ids", {2}))},
      {"stop-is-eos", "default_params.stop_ids",
       Defaults(Ids("stop_ids", {2, 3}) + Ids("eos_ids", {2})),
       Defaults(Ids("stop_ids", {3}) + Ids("eos_ids", {2}))},
      {"eos-without-ids", "default_params.ban_eos", Defaults("ban_eos: true"),
       Defaults("ban_eos: true " + Ids("eos_ids", {2}))},
      {"min-tokens-without-ends", "default_params.min_tokens",
       Defaults("min_tokens: 3"),
       Defaults("min_tokens: 3 " + Ids("eos_ids", {2}))},
      {"tokens-without-models", "models", Defaults(Ids("eos_ids", {2})),
       Defaults(Ids("eos_ids", {2})) + "models: 'm'"},
      {"tokens-without-models", "models", PhaseText("a", 1),
       PhaseText("a", 1) + "models: 'm'"},
  };
}

std::vector<RuleCase> BandCases() {
  return {
      {"band-extraction", "default_params.temperature",
       Task("json", "temperature: 0.5 top_p: 0.9"),
       Task("json", "temperature: 0.4 top_p: 0.9")},
      {"band-extraction", "default_params.top_p",
       Task("facts", "temperature: 0.3"),
       Task("facts", "temperature: 0.3 top_p: 0.8")},
      {"band-extraction", "default_params.temperature",
       Task("extraction", "top_p: 0.9"),
       Task("extraction", "top_p: 0.9 temperature: 0.3")},
      {"band-extraction", "default_params.top_p",
       Task("json", "temperature: 0.2"),
       Task("json", "temperature: 0.2 min_p: 0.05")},
      {"band-chat", "default_params.temperature",
       Task("chat", "temperature: 1.1"), Task("chat", "temperature: 1")},
      {"band-chat", "default_params.top_p",
       Task("drafting", "temperature: 0.6 top_p: 0.85"),
       Task("drafting", "temperature: 0.6 top_p: 0.9")},
      {"band-ideas", "default_params.temperature", Task("ideas", ""),
       Task("ideas", "temperature: 1.1")},
      {"band-ideas", "default_params.top_p",
       Task("ideas", "temperature: 2 top_p: 0.9"),
       Task("ideas", "temperature: 2 top_p: 0.95")},
      {"band-retrieval", "default_params.temperature",
       Task("retrieval", "temperature: 0.3"),
       Task("retrieval", "temperature: 0")},
      {"band-precise", "default_params.temperature",
       Task("math", "temperature: 1.1"), Task("math", "temperature: 1")},
      {"band-precise", "default_params.temperature",
       Task("law", "temperature: 2"), Task("law", "temperature: 0.5")},
      {"band-precise", "default_params.temperature",
       Task("medicine", "temperature: 1.5"),
       Task("medicine", "temperature: 0.5")},
      {"band-precise", "force_params.temperature",
       Task("code", "") + Forces("temperature: 1.2"),
       Task("code", "") + Forces("temperature: 0.2")},
      {"band-precise", "default_params.temperature",
       Task("data", "temperature: 1.1"), Task("data", "temperature: 0.1")},
      {"band-precise", "default_params.temperature",
       Task("Structured data", "temperature: 1.1"),
       Task("Structured data", "temperature: 0.1")},
      {"band-extraction", "default_params.temperature",
       Task("JSON", "temperature: 0.9 top_p: 0.9"),
       Task("JSON", "temperature: 0.3 top_p: 0.9")},
      {"band-precise", "clamps[0]", Task("code", "") + WarmClamp("1.2"),
       Task("code", "") + WarmClamp("0.2")},
      {"unknown-task", "labels.task", Task("poetry", ""), Task("law", "")},
      {"no-task", "labels.task", Defaults("temperature: 0.7"),
       Task("chat", "temperature: 0.7")},
      {"no-task", "labels.task", Defaults("top_p: 0.9"),
       Task("chat", "top_p: 0.9")},
      {"no-task", "labels.task", Forces("temperature: 0"),
       Task("facts", "") + Forces("temperature: 0")},
      {"no-task", "labels.task",
       PhaseText("a", 1, Defaults("top_p: 0.9")) +
           PhaseText("b", 2, Forces("temperature: 0")),
       Task("chat", "") + PhaseText("a", 1, Defaults("top_p: 0.9")) +
           PhaseText("b", 2, Forces("temperature: 0"))},
      {"no-task", "labels.task", WarmClamp("1.2"),
       Task("ideas", "") + WarmClamp("1.2")},
  };
}

std::string Label(const std::string& key, const std::string& value) {
  return absl::StrCat("labels { key: '", key, "' value: '", value, "' } ");
}

// Phases by the profile's task, and by one of their own.
std::vector<RuleCase> PhaseTaskCases() {
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

std::vector<RuleCase> ValueCases() {
  return {
      {"temperature-and-top-p", "default_params.top_p",
       Defaults("temperature: 0.5 top_p: 0.9"), Defaults("temperature: 0.5")},
      {"temperature-and-top-p", "default_params.top_p",
       Task("code", "temperature: 0.5 top_p: 0.9"),
       Task("code", "temperature: 0.5")},
      {"temperature-and-top-p", "phases[0].default_params.top_p",
       Defaults("temperature: 0.5") + PhaseText("a", 1, Defaults("top_p: 0.9")),
       Defaults("temperature: 0.5") + PhaseText("a", 1, Defaults("top_k: 9"))},
      {"extreme-value", "default_params.temperature",
       Defaults("temperature: 2.1"), Defaults("temperature: 2")},
      {"extreme-value", "default_params.temperature",
       Defaults("temperature: 0.001"), Defaults("temperature: 0")},
      {"extreme-value", "default_params.top_p", Defaults("top_p: 0.05"),
       Defaults("top_p: 0.1")},
      {"extreme-value", "default_params.min_p", Defaults("min_p: 0.6"),
       Defaults("min_p: 0.5")},
      {"extreme-value", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 3"), Defaults("repetition_penalty: 1.1")},
      {"extreme-value", "default_params.presence_penalty",
       Defaults("presence_penalty: 2"), Defaults("presence_penalty: 1")},
      {"repetition-high", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 1.3"), Defaults("frequency_penalty: 0.4")},
      {"repetition-high", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 1.21 frequency_penalty: 0.09"),
       Defaults("repetition_penalty: 1.21 frequency_penalty: 0.1")},
      {"repetition-high", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 1.3 frequency_penalty: -1"),
       Defaults("frequency_penalty: 0.4")},
      {"rewards-repetition", "default_params.frequency_penalty",
       Defaults("frequency_penalty: -0.1"), Defaults("frequency_penalty: 0.1")},
      {"rewards-repetition", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 0.9"),
       Defaults("repetition_penalty: 1.1")},
      {"penalty-on-structure", "default_params.presence_penalty",
       Task("json", "presence_penalty: 0.5"), Task("json", "")},
      {"penalty-on-structure", "default_params.repetition_penalty",
       Task("code", "repetition_penalty: 1.5"),
       Task("code",
            "repetition_penalty: 1.5 " + Ids("penalty_exclude_ids", {1, 2}))},
  };
}

std::vector<RuleCase> StructureCases() {
  const std::string kClamp = "mode: CLAMP_MODE_CLAMP ";
  const std::string kReject = "mode: CLAMP_MODE_REJECT ";
  return {
      {"clamp-of-forced", "clamps[0]",
       Forces("top_k: 5") + Clamp(kClamp + "knob: 'top_k' max: 9"),
       Forces("top_k: 5")},
      {"clamp-of-nothing", "clamps[0]",
       Clamp(kClamp + "knob: 'temperature' min: 0"),
       Clamp(kClamp + "knob: 'temperature' max: 1")},
      {"default-outside-clamp", "default_params.temperature",
       Defaults("temperature: 1.5") +
           Clamp(kClamp + "knob: 'temperature' max: 1"),
       Defaults("temperature: 0.5") +
           Clamp(kClamp + "knob: 'temperature' max: 1")},
      {"default-outside-clamp", "default_params.temperature",
       Defaults("temperature: 1.5") +
           PhaseText("a", 1, Clamp(kClamp + "knob: 'temperature' max: 1")),
       Defaults("temperature: 0.5") +
           PhaseText("a", 1, Clamp(kClamp + "knob: 'temperature' max: 1"))},
      {"default-outside-clamp", "default_params.temperature",
       Defaults("temperature: 1") +
           Clamp(kClamp + "knob: 'temperature' max: 0.4"),
       Defaults("temperature: 0.4") +
           Clamp(kClamp + "knob: 'temperature' max: 0.4")},
      {"reject-of-forced", "clamps[0]",
       Forces("top_k: 5") + Clamp(kReject + "knob: 'top_k' max: 9"),
       Forces("top_k: 5")},
      {"rejects-silence", "clamps[0]",
       Clamp(kReject + "knob: 'max_tokens' max: 100"),
       Clamp(kReject + "knob: 'max_tokens' max: 100") +
           Defaults("max_tokens: 50")},
      {"phase-never-left", "phases[0].leave",
       "phases { name: 'a' enter { " + Ids("tokens", {1}) + "} }",
       PhaseText("a", 1)},
      {"phase-changes-nothing", "phases[0]", PhaseText("a", 1),
       PhaseText("a", 1, Defaults("temperature: 0"))},
  };
}

std::string Triggers(const char* field, const std::vector<TokenIds>& lists) {
  std::string text;
  for (const TokenIds& ids : lists) {
    absl::StrAppend(&text, field, " { ", Ids("tokens", ids), "} ");
  }
  return text;
}

// Phase "a", entered by 1, and "b" inside it.
std::string Nested(const std::vector<TokenIds>& leave,
                   const std::vector<TokenIds>& enter) {
  return absl::StrCat("phases { name: 'a' ", Triggers("enter", {{1}}),
                      Triggers("leave", leave), "} phases { name: 'b' ",
                      "within: 'a' ", Triggers("enter", enter), "}");
}

// `innermost` is entered inside b, which is inside a, which 9 leaves.
std::string NestedTwice(const TokenIds& innermost) {
  return absl::StrCat(Nested({{9}}, {{2}}), " phases { name: 'c' within: 'b' ",
                      Triggers("enter", {innermost}), "}");
}

std::vector<RuleCase> PhaseCases() {
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
std::string Phase(const std::vector<TokenIds>& enter,
                  const std::vector<TokenIds>& leave, const std::string& rest,
                  const std::string& name = "a") {
  return absl::StrCat("phases { name: '", name, "' ", Triggers("enter", enter),
                      Triggers("leave", leave), rest, "} ");
}

std::string StopSequence(const TokenIds& ids) {
  return absl::StrCat("stop_sequences { ", Ids("tokens", ids), "} ");
}

std::vector<RuleCase> TriggerCases() {
  const auto allow = [](const TokenIds& ids) {
    return Defaults(Ids("allowed_ids", ids));
  };
  const auto ban = [](const TokenIds& ids) {
    return Forces(Ids("banned_ids", ids));
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
       Phase({{1}}, {{2}}, Defaults(Ids("eos_ids", {2}) + "ban_eos: true")),
       Phase({{1}}, {{2}}, Defaults(Ids("eos_ids", {2})))},
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
       Defaults(Ids("stop_ids", {5})) + Phase({{4, 5}}, {{9}}, ""),
       Defaults(Ids("stop_ids", {6})) + Phase({{4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(Ids("stop_ids", {4})) + Phase({{4, 5}}, {{9}}, ""),
       Defaults(Ids("stop_ids", {4})) + Phase({{3, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Forces(StopSequence({4, 5})) + Phase({{3, 4, 5}}, {{9}}, ""),
       Forces(StopSequence({4, 6})) + Phase({{3, 4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(StopSequence({3, 4})) + Phase({{3, 4, 5}}, {{9}}, ""),
       Defaults(StopSequence({2, 4})) + Phase({{3, 4, 5}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(Ids("eos_ids", {5})) + Phase({{5}}, {{9}}, ""),
       Defaults(Ids("eos_ids", {5})) + Phase({{6}}, {{9}}, "")},
      {"stop-before-phase", "phases[0].enter",
       Defaults(Ids("stop_ids", {5})) + Phase({{4, 5}, {5}}, {{9}}, ""),
       Defaults(Ids("stop_ids", {5})) + Phase({{4, 5}, {6}}, {{9}}, "")},
      // Only the phase around it stops there.
      {"stop-before-phase", "phases[1].enter",
       Phase({{1}}, {{9}}, Defaults(Ids("stop_ids", {5}))) +
           Phase({{4, 5}}, {{9}}, "within: 'a' ", "b"),
       Phase({{1}}, {{9}}, Defaults(Ids("stop_ids", {5}))) +
           Phase({{4, 6}}, {{9}}, "within: 'a' ", "b")},
  };
}

std::vector<RuleCase> AllCases() {
  std::vector<RuleCase> all;
  for (const auto& cases :
       {DeadCases(), TokenCases(), BandCases(), PhaseTaskCases(), ValueCases(),
        StructureCases(), PhaseCases(), TriggerCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

std::vector<v1::LintFinding> Find(const std::string& rule,
                                  const std::string& profile) {
  std::vector<v1::LintFinding> found = Lint(ProfileText(profile), Limits());
  for (const v1::LintFinding& finding : found) {
    EXPECT_NE(finding.severity(), v1::LINT_SEVERITY_ERROR)
        << finding.ShortDebugString() << " in " << profile;
  }
  std::erase_if(found, [&](const auto& f) { return f.rule() != rule; });
  return found;
}

TEST(LintRules, FireOnWhatIsWrongAndNotWhenItIsFixed) {
  for (const RuleCase& c : AllCases()) {
    SCOPED_TRACE(absl::StrCat(c.rule, ": ", c.bad));
    const auto found = Find(c.rule, c.bad);
    EXPECT_EQ(found.size(), 1u);
    if (found.empty()) continue;
    EXPECT_EQ(found[0].field(), c.field);
    EXPECT_TRUE(absl::EndsWith(found[0].message(), "."));
    EXPECT_TRUE(absl::EndsWith(found[0].fix(), "."));
    const auto left = Find(c.rule, c.fixed);
    EXPECT_TRUE(left.empty()) << left[0].ShortDebugString();
  }
}

// Who does what one finding says is not told the opposite by another.
TEST(LintRules, HaveFixesThatLeadToNoOtherWarning) {
  const auto warnings = [](const std::string& profile) {
    std::set<std::string> rules;
    for (const v1::LintFinding& f : Lint(ProfileText(profile), Limits())) {
      if (f.severity() >= v1::LINT_SEVERITY_WARNING) rules.insert(f.rule());
    }
    return rules;
  };
  for (const RuleCase& c : AllCases()) {
    const std::set<std::string> before = warnings(c.bad);
    for (const std::string& rule : warnings(c.fixed)) {
      EXPECT_TRUE(before.count(rule) > 0)
          << rule << " after the fix of " << c.rule << ": " << c.fixed;
    }
  }
}

TEST(LintRules, AllHaveACaseAndAnIdOfTheirOwn) {
  std::set<std::string> cases;
  for (const RuleCase& c : AllCases()) cases.insert(c.rule);
  std::set<std::string> rules;
  for (const LintRule& rule : AllLintRules()) {
    EXPECT_TRUE(rules.insert(rule.id).second) << rule.id;
    EXPECT_TRUE(cases.count(rule.id) > 0) << rule.id << " has no case";
  }
  EXPECT_EQ(cases.size(), rules.size());
}

TEST(LintRules, HaveTheSeverityOfTheirTable) {
  for (const RuleCase& c : AllCases()) {
    const auto found = Find(c.rule, c.bad);
    for (const LintRule& rule : AllLintRules()) {
      if (rule.id != std::string(c.rule) || found.empty()) continue;
      EXPECT_EQ(found[0].severity(), rule.severity) << c.rule;
    }
  }
}

TEST(Lint, TellsErrorsFirstInTheWordsOfValidate) {
  const auto findings =
      Lint(ProfileText(Defaults("top_p: 7 min_p: 0.1 temperature: 0 top_k: 3") +
                       Clamp("knob: 'x' max: 1 mode: CLAMP_MODE_CLAMP")),
           Limits());
  ASSERT_GE(findings.size(), 3u);
  EXPECT_EQ(findings[0].rule(), "out-of-range");
  EXPECT_EQ(findings[0].severity(), v1::LINT_SEVERITY_ERROR);
  EXPECT_EQ(findings[0].field(), "default_params.top_p");
  EXPECT_EQ(findings[0].message(), "7 is outside (0, 1]");
  EXPECT_EQ(findings[0].fix(), "Write a value of (0, 1].");
  EXPECT_EQ(findings[1].field(), "clamps[0].knob");
  EXPECT_EQ(findings[2].severity(), v1::LINT_SEVERITY_WARNING);
  EXPECT_TRUE(std::is_sorted(findings.begin(), findings.end(),
                             [](const auto& a, const auto& b) {
                               return a.severity() > b.severity();
                             }));
}

TEST(Lint, HasNothingToSayOfAPlainProfile) {
  EXPECT_TRUE(
      Lint(ProfileText(Task("chat", "temperature: 0.7")), Limits()).empty());
  EXPECT_TRUE(Lint(ProfileText(Defaults("top_k: 40")), Limits()).empty());
  EXPECT_TRUE(Lint(ProfileText(""), Limits()).empty());
}

TEST(Lint, TellsOfAPhaseOnlyWhatIsItsOwn) {
  const std::string advised =
      Defaults("temperature: 0.5 top_p: 0.9 min_p: 0.1");
  const auto alone = Lint(ProfileText(advised + "models: 'm'"), Limits());
  const auto with_phase =
      Lint(ProfileText(advised + "models: 'm'" +
                       PhaseText("a", 1, Defaults("frequency_penalty: 0.2"))),
           Limits());
  EXPECT_FALSE(alone.empty());
  EXPECT_EQ(alone.size(), with_phase.size());
}

}  // namespace
}  // namespace logitd
