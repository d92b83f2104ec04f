// Profiles that the linter's rules about knobs, values, clamps and ends fire
// on.
#ifndef LOGITD_TESTS_PROFILES_LINT_CASES_H_
#define LOGITD_TESTS_PROFILES_LINT_CASES_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/profiles/resolve_texts.h"

namespace logitd::testing {

struct RuleCase {
  const char* rule;
  const char* field;
  std::string bad;
  std::string fixed;  // as the finding's fix says
};

inline std::string Task(const std::string& task, const std::string& params) {
  return absl::StrCat("labels { key: 'task' value: '", task, "' } ",
                      Defaults(params));
}

inline std::string Clamp(const std::string& rest) {
  return absl::StrCat("clamps { ", rest, " } ");
}

// A clamp of the temperature from below.
inline std::string WarmClamp(const std::string& min) {
  return Clamp("mode: CLAMP_MODE_CLAMP knob: 'temperature' min: " + min);
}

inline std::vector<RuleCase> DeadCases() {
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
      {"greedy-truncation", "default_params.top_n_sigma",
       Defaults("temperature: 0 top_n_sigma: 1"), Defaults("temperature: 0")},
      {"greedy-truncation", "default_params.dynamic_temperature_range",
       Defaults("temperature: 0 dynamic_temperature_range: 1"),
       Defaults("temperature: 0")},
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
      {"window-without-penalty", "default_params.dry_window",
       Defaults("dry_window: 64"),
       Defaults("dry_window: 64 dry_multiplier: 0.8")},
      {"dry-without-multiplier", "default_params.dry_base",
       Defaults("dry_base: 2"), Defaults("dry_base: 2 dry_multiplier: 0.8")},
      {"dry-without-multiplier", "default_params.dry_breaker_ids",
       Defaults(IdsText("dry_breaker_ids", {1})), Defaults("")},
      {"length-without-factor", "default_params.length_penalty_start",
       Defaults("length_penalty_start: 9"), Defaults("")},
      {"exclude-without-penalty", "default_params.penalty_exclude_ids",
       Defaults(IdsText("penalty_exclude_ids", {1})),
       Defaults(IdsText("penalty_exclude_ids", {1}) + "frequency_penalty: 1")},
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

// Of knobs that shape what is drawn from: parts of one that is off.
inline std::vector<RuleCase> PartCases() {
  return {
      {"dynamic-without-range", "default_params.dynamic_temperature_exponent",
       Defaults("dynamic_temperature_exponent: 2"),
       Defaults("dynamic_temperature_exponent: 2 "
                "dynamic_temperature_range: 0.5")},
      {"curve-without-smoothing", "default_params.smoothing_curve",
       Defaults("smoothing_curve: 2"),
       Defaults("smoothing_curve: 2 smoothing_factor: 0.2")},
      {"xtc-without-probability", "default_params.xtc_threshold",
       Defaults("xtc_threshold: 0.2"),
       Defaults("xtc_threshold: 0.2 xtc_probability: 0.5")},
      {"xtc-without-probability", "phases[0].default_params.xtc_protected_ids",
       PhaseText("a", 1, Defaults(IdsText("xtc_protected_ids", {3}))),
       PhaseText("a", 1,
                 Defaults(IdsText("xtc_protected_ids", {3}) +
                          "xtc_probability: 0.5"))},
      {"top-p-without-decay", "default_params.top_p_min",
       Defaults("top_p_min: 0.5"), Defaults("top_p_min: 0.5 top_p_decay: 0.9")},
      {"top-p-without-decay", "default_params.top_p_reset_ids",
       Defaults(IdsText("top_p_reset_ids", {3})), Defaults("")},
      {"sigma-of-the-rest", "default_params.steps",
       Defaults("steps: 'top_k' steps: 'top_n_sigma' top_k: 40 "
                "top_n_sigma: 1"),
       Defaults("steps: 'top_n_sigma' steps: 'top_k' top_k: 40 "
                "top_n_sigma: 1")},
      {"mirostat-off", "default_params.mirostat_tau",
       Defaults("mirostat_tau: 3"), Defaults("mirostat_tau: 3 mirostat: 2")},
      {"mirostat-off", "force_params.mirostat_eta", Forces("mirostat_eta: 0.2"),
       Forces("mirostat_eta: 0.2 mirostat: 1")},
      {"decay-without-target", "default_params.adaptive_p_decay",
       Defaults("adaptive_p_decay: 0.5"),
       Defaults("adaptive_p_decay: 0.5 adaptive_p_target: 0.4")},
  };
}

// And those that meet another.
inline std::vector<RuleCase> DrawCases() {
  return {
      {"two-cuts", "default_params.typical_p",
       Defaults("typical_p: 0.9 top_p: 0.9"), Defaults("typical_p: 0.9")},
      {"two-cuts", "default_params.tail_free",
       Defaults("tail_free: 0.9 top_p: 0.9"), Defaults("tail_free: 0.9")},
      {"two-cuts", "default_params.top_h", Defaults("top_h: 0.4 top_p: 0.9"),
       Defaults("top_h: 0.4")},
      {"two-cuts", "default_params.eta_cutoff",
       Defaults("eta_cutoff: 0.001 epsilon_cutoff: 0.0005"),
       Defaults("eta_cutoff: 0.001")},
      {"two-cuts", "default_params.top_a", Defaults("top_a: 0.2 min_p: 0.1"),
       Defaults("min_p: 0.1")},
      {"two-cuts", "phases[0].default_params.top_n_sigma",
       Defaults("min_p: 0.1") + PhaseText("a", 1, Defaults("top_n_sigma: 1")),
       Defaults("min_p: 0.1") + PhaseText("a", 1, Defaults("top_k: 9"))},
      {"p-less-with-another", "default_params.top_k",
       Defaults("p_less: true top_k: 40"), Defaults("p_less: true")},
      {"punished-twice", "default_params.repetition_penalty",
       Defaults("repetition_penalty: 1.1 dry_multiplier: 0.8"),
       Defaults("repetition_penalty: 1.05 dry_multiplier: 0.8")},
      {"punished-twice", "default_params.no_repeat_ngram",
       Defaults("no_repeat_ngram: 4 dry_multiplier: 0.8"),
       Defaults("no_repeat_ngram: 4")},
      {"xtc-near-greedy", "default_params.xtc_probability",
       Defaults("temperature: 0.2 xtc_probability: 0.5"),
       Defaults("temperature: 0.3 xtc_probability: 0.5")},
      {"against-the-precise", "default_params.xtc_probability",
       Task("code", "xtc_probability: 0.5"), Task("code", "min_p: 0.1")},
      {"against-the-precise", "default_params.adaptive_p_target",
       Task("math", "adaptive_p_target: 0.4"), Task("math", "top_p: 0.9")},
      {"against-the-precise", "default_params.typical_p",
       Task("json", "temperature: 0.3 typical_p: 0.9"),
       Task("json", "temperature: 0.3 top_p: 0.9")},
      {"two-steers", "default_params.xtc_probability",
       Defaults("xtc_probability: 0.5 adaptive_p_target: 0.4"),
       Defaults("adaptive_p_target: 0.4")},
      {"two-steers", "default_params.dynamic_temperature_range",
       Defaults("dynamic_temperature_range: 0.5 mirostat: 2"),
       Defaults("mirostat: 2")},
      {"two-steers", "default_params.dynamic_temperature_range",
       Defaults("dynamic_temperature_range: 0.5 adaptive_p_target: 0.4"),
       Defaults("dynamic_temperature_range: 0.5")},
      {"two-steers", "default_params.smoothing_factor",
       Defaults("dynamic_temperature_range: 0.5 smoothing_factor: 0.2"),
       Defaults("smoothing_factor: 0.2")},
  };
}

inline std::vector<RuleCase> TokenCases() {
  return {
      {"banned-and-allowed", "default_params.banned_ids",
       Defaults(IdsText("banned_ids", {1, 2}) + IdsText("allowed_ids", {2, 3})),
       Defaults(IdsText("banned_ids", {1, 2}) + IdsText("allowed_ids", {3}))},
      {"forced-and-banned", "default_params.forced_tokens",
       Defaults(IdsText("forced_tokens", {2, 3}) + IdsText("banned_ids", {3})),
       Defaults(IdsText("forced_tokens", {2}) + IdsText("banned_ids", {3}))},
      {"bias-on-banned", "default_params.logit_bias_ids",
       Defaults(IdsText("logit_bias_ids", {2}) + "logit_bias_values: 1 " +
                IdsText("banned_ids", {2})),
       Defaults(IdsText("banned_ids", {2}))},
      {"bias-as-ban", "default_params.logit_bias_ids",
       Defaults(IdsText("logit_bias_ids", {2}) + "logit_bias_values: -100"),
       Defaults(IdsText("banned_ids", {2}))},
      {"ban-and-ignore-eos", "default_params.ignore_eos",
       Defaults("ignore_eos: true ban_eos: true"), Defaults("ban_eos: true")},
      {"no-end", "default_params.ignore_eos", Defaults("ignore_eos: true"),
       Defaults("ignore_eos: true max_tokens: 100")},
      {"eos-not-allowed", "default_params.allowed_ids",
       Defaults(IdsText("allowed_ids", {1}) + IdsText("eos_ids", {2})),
       Defaults(IdsText("allowed_ids", {1, 2}) + IdsText("eos_ids", {2}))},
      {"stop-is-eos", "default_params.stop_ids",
       Defaults(IdsText("stop_ids", {2, 3}) + IdsText("eos_ids", {2})),
       Defaults(IdsText("stop_ids", {3}) + IdsText("eos_ids", {2}))},
      {"eos-without-ids", "default_params.ban_eos", Defaults("ban_eos: true"),
       Defaults("ban_eos: true " + IdsText("eos_ids", {2}))},
      {"length-without-eos", "default_params.length_penalty_factor",
       Defaults("length_penalty_factor: 1.1"),
       Defaults("length_penalty_factor: 1.1 " + IdsText("eos_ids", {2}))},
      {"min-tokens-without-ends", "default_params.min_tokens",
       Defaults("min_tokens: 3"),
       Defaults("min_tokens: 3 " + IdsText("eos_ids", {2}))},
      {"tokens-without-models", "models", Defaults(IdsText("eos_ids", {2})),
       Defaults(IdsText("eos_ids", {2})) + "models: 'm'"},
      {"tokens-without-models", "models", PhaseText("a", 1),
       PhaseText("a", 1) + "models: 'm'"},
  };
}

inline std::vector<RuleCase> BandCases() {
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

inline std::vector<RuleCase> ValueCases() {
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
      {"extreme-value", "default_params.top_n_sigma",
       Defaults("top_n_sigma: 0.1"), Defaults("top_n_sigma: 1")},
      {"extreme-value", "default_params.epsilon_cutoff",
       Defaults("epsilon_cutoff: 0.2"), Defaults("epsilon_cutoff: 0.0009")},
      {"extreme-value", "default_params.xtc_threshold",
       Defaults("xtc_threshold: 0 xtc_probability: 0.5"),
       Defaults("xtc_threshold: 0.05 xtc_probability: 0.5")},
      {"extreme-value", "default_params.mirostat_tau",
       Defaults("mirostat_tau: 50 mirostat: 2"),
       Defaults("mirostat_tau: 5 mirostat: 2")},
      {"extreme-value", "default_params.no_repeat_ngram",
       Defaults("no_repeat_ngram: 1"), Defaults("no_repeat_ngram: 3")},
      {"extreme-value", "default_params.guidance_scale",
       Defaults("guidance_scale: 7.5"), Defaults("guidance_scale: 1.5")},
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
       Task("code", "repetition_penalty: 1.5 " +
                        IdsText("penalty_exclude_ids", {1, 2}))},
  };
}

inline std::vector<RuleCase> StructureCases() {
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
       "phases { name: 'a' enter { " + IdsText("tokens", {1}) + "} }",
       PhaseText("a", 1)},
      {"phase-changes-nothing", "phases[0]", PhaseText("a", 1),
       PhaseText("a", 1, Defaults("temperature: 0"))},
  };
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_PROFILES_LINT_CASES_H_
