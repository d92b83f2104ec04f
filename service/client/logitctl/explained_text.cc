#include "service/client/logitctl/explained_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/profile_leaves.h"
#include "service/client/logitctl/resolved_text.h"
#include "service/client/logitctl/side_by_side.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;
using Ids = std::vector<std::uint32_t>;

constexpr int kBarWidth = 16;
constexpr int kShortBarWidth = 10;
constexpr int kWordWidth = 18;

// A share of the full bar, rounded up: what is there is seen.
std::string Bar(double share, int width = kBarWidth) {
  const double length = std::ceil(std::clamp(share, 0.0, 1.0) * width);
  return std::string(static_cast<std::size_t>(length), '#');
}

// So that a column stays one; a cut word ends with a ~.
std::string Fit(const std::string& word, std::size_t width) {
  const std::string shown = EscapeControls(word);
  return shown.size() <= width ? shown : shown.substr(0, width - 1) + "~";
}

std::string Percent(double logprob) {
  return std::isinf(logprob)
             ? "-"
             : absl::StrFormat("%.3f%%", 100 * std::exp(logprob));
}

// The ids of a list; what is no list has none.
Ids IdsOf(const std::string& bytes) {
  return client::UnpackIds(bytes).value_or(Ids());
}

// A token at one stage.
struct At {
  float logit_before, logit_after;
  double before, after;
};

std::map<std::uint32_t, At> TokensOf(const v1::StageReport& stage) {
  std::map<std::uint32_t, At> tokens;
  const Ids ids = IdsOf(stage.ids());
  for (int i = 0;
       i < static_cast<int>(ids.size()) && i < stage.logprob_after_size() &&
       i < stage.logprob_before_size() && i < stage.logit_after_size() &&
       i < stage.logit_before_size();
       ++i) {
    tokens[ids[static_cast<std::size_t>(i)]] = {
        stage.logit_before(i), stage.logit_after(i), stage.logprob_before(i),
        stage.logprob_after(i)};
  }
  return tokens;
}

std::string DrawnText(const v1::ExplainResponse& answer,
                      const client::Entry& entry, const WordOf& word_of) {
  if (!entry.token) {
    return "the session is finished: nothing is drawn\n";
  }
  constexpr std::uint32_t kForced =
      v1::ENTRY_FLAG_THINKING_BUDGET | v1::ENTRY_FLAG_FORCED_TOKENS;
  const bool forced = (entry.flags & kForced) != 0 &&
                      (entry.flags & v1::ENTRY_FLAG_FORCED_OVERRULED) == 0;
  const char* const how = forced ? "forced"
                          : (entry.flags & v1::ENTRY_FLAG_GREEDY) != 0
                              ? "greedy"
                              : "drawn";
  return absl::StrFormat(
      "%s: %s (%u), rank %u of %u, probability %s; position %u, seed %u\n", how,
      Fit(word_of(*entry.token), kWordWidth), *entry.token, answer.rank(),
      entry.kept, Percent(entry.final_logprob), answer.position(),
      answer.opened().seed());
}

// Candidates of each stage; the bars are of their number's logarithm.
std::string StagesText(const v1::ExplainResponse& answer) {
  std::string text =
      absl::StrFormat("%-17s %8s %8s %8s %8s %8s\n", "stage", "left", "removed",
                      "of mass", "changed", "entropy");
  const double full = std::log2(answer.stages(0).kept_count() + 1.0);
  for (const v1::StageReport& stage : answer.stages()) {
    absl::StrAppendFormat(&text, "%-17s %8u %8u %7.2f%% %8u %8.3f  %s\n",
                          stage.stage(), stage.kept_count(),
                          stage.removed_count(), 100 * stage.removed_mass(),
                          stage.changed_logits(), stage.entropy(),
                          Bar(std::log2(stage.kept_count() + 1.0) / full));
  }
  return text;
}

// The row's own distribution beside the one that is drawn from.
std::string BestText(const v1::ExplainResponse& answer, std::uint32_t token,
                     const WordOf& word_of) {
  const std::map<std::uint32_t, At> before = TokensOf(answer.stages(0));
  const std::map<std::uint32_t, At> after =
      TokensOf(answer.stages(answer.stages_size() - 1));
  struct Line {
    std::uint32_t id;
    double before, after;
  };
  std::vector<Line> lines;
  for (const auto& [id, at] : after) {
    const auto first = before.find(id);
    if (first != before.end()) {
      lines.push_back({id, first->second.after, at.after});
    }
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::make_pair(-a.after, -a.before) <
           std::make_pair(-b.after, -b.before);
  });
  double full = 0;
  for (const Line& line : lines) {
    full = std::max({full, std::exp(line.before), std::exp(line.after)});
  }
  std::string text = absl::StrFormat("%-*s %8s %-*s %8s\n", kWordWidth + 2,
                                     "token", "row", kBarWidth, "", "drawn");
  for (const Line& line : lines) {
    absl::StrAppendFormat(
        &text, "%s %-*s %8s %-*s %8s %s", line.id == token ? ">" : " ",
        kWordWidth, Fit(word_of(line.id), kWordWidth), Percent(line.before),
        kBarWidth, Bar(std::exp(line.before) / full), Percent(line.after),
        Bar(std::exp(line.after) / full));
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

// The stages that made a token something else.
std::string FateText(const v1::ExplainResponse& answer, std::uint32_t id,
                     const WordOf& word_of) {
  std::string text = absl::StrCat(Fit(word_of(id), 60), "\n");
  for (const v1::StageReport& stage : answer.stages()) {
    const auto tokens = TokensOf(stage);
    const auto found = tokens.find(id);
    if (found == tokens.end()) {
      continue;
    }
    const At& at = found->second;
    const bool is_first = &stage == &answer.stages(0);
    const bool removed = !std::isinf(at.before) && std::isinf(at.after);
    const bool changed = at.logit_before != at.logit_after;
    const bool is_same =
        at.before == at.after || std::abs(at.before - at.after) < 1e-9;
    if (!is_first && !removed && !changed && is_same) {
      continue;
    }
    absl::StrAppendFormat(
        &text, "  %-17s logit %12.6f  %9s  %s\n", stage.stage(),
        static_cast<double>(at.logit_after), Percent(at.after),
        is_first  ? "as received"
        : removed ? "removed"
        : changed
            ? absl::StrFormat("%+.6f", static_cast<double>(at.logit_after -
                                                           at.logit_before))
        : at.after > at.before ? "gains"
                               : "loses");
  }
  return text;
}

std::string StageJson(const v1::StageReport& stage, const WordOf& word_of) {
  std::vector<std::string> tokens;
  for (const auto& [id, at] : TokensOf(stage)) {
    tokens.push_back(JsonObject(
        {{"id", absl::StrCat(id)},
         {"word", JsonString(word_of(id))},
         {"logit_before", JsonNumber(static_cast<double>(at.logit_before))},
         {"logit_after", JsonNumber(static_cast<double>(at.logit_after))},
         {"logprob_before", JsonNumber(at.before)},
         {"logprob_after", JsonNumber(at.after)}}));
  }
  return JsonObject({{"stage", JsonString(stage.stage())},
                     {"kept", absl::StrCat(stage.kept_count())},
                     {"removed", absl::StrCat(stage.removed_count())},
                     {"removed_mass", JsonNumber(stage.removed_mass())},
                     {"changed_logits", absl::StrCat(stage.changed_logits())},
                     {"entropy", JsonNumber(stage.entropy())},
                     {"tokens", JsonArray(tokens)}});
}

std::string KnobsJson(const v1::ExplainResponse& answer) {
  const auto values = ValuesOf(answer.resolved());
  std::vector<std::string> knobs;
  for (const v1::Provenance& from : answer.provenance()) {
    const auto value = values.find(from.knob());
    knobs.push_back(JsonObject(
        {{"knob", JsonString(from.knob())},
         {"value",
          JsonString(value == values.end() ? OffText(from) : value->second)},
         {"level", JsonString(LevelText(from.level()))},
         {"rule", JsonString(from.rule())}}));
  }
  return JsonArray(knobs);
}

std::string TokenJson(std::optional<std::uint32_t> token) {
  return token ? absl::StrCat(*token) : "null";
}

Members EntryMembers(const client::Entry& entry, const WordOf& word_of) {
  return {{"token", TokenJson(entry.token)},
          {"word", entry.token ? JsonString(word_of(*entry.token)) : "null"},
          {"kept", absl::StrCat(entry.kept)},
          {"final_logprob", JsonNumber(entry.final_logprob)},
          {"kept_mass", JsonNumber(entry.kept_mass)},
          {"entropy", JsonNumber(entry.final_entropy)}};
}

// What an entry of a peek says; nothing of one that is missing.
client::Entry EntryAt(const v1::StepResult& outcome, int i) {
  return client::ReadEntry(outcome, i).value_or(client::Entry());
}

}  // namespace

std::string ExplainedText(const v1::ExplainResponse& answer,
                          const std::vector<std::uint32_t>& asked,
                          const WordOf& word_of) {
  const client::Entry entry = EntryAt(answer.outcome(), 0);
  std::string text = DrawnText(answer, entry, word_of);
  if (answer.stages_size() == 0) {
    return text;
  }
  absl::StrAppend(
      &text, "\n",
      KnobsText(answer.phase() == 0
                    ? "knobs"
                    : absl::StrCat("knobs of phase ",
                                   answer.opened().phases_size() <
                                           static_cast<int>(answer.phase())
                                       ? absl::StrCat(answer.phase())
                                       : answer.opened()
                                             .phases(static_cast<int>(
                                                 answer.phase() - 1))
                                             .name()),
                answer),
      "\n", StagesText(answer), "\n",
      BestText(answer, entry.token.value_or(0xFFFFFFFF), word_of));
  for (const std::uint32_t id : asked) {
    absl::StrAppend(&text, "\n", FateText(answer, id, word_of));
  }
  return text;
}

std::string ExplainedJson(const v1::ExplainResponse& answer,
                          const WordOf& word_of) {
  std::vector<std::string> stages, chances;
  for (const v1::StageReport& stage : answer.stages()) {
    stages.push_back(StageJson(stage, word_of));
  }
  for (const v1::TokenChance& chance : answer.chances()) {
    chances.push_back(
        JsonObject({{"id", absl::StrCat(chance.id())},
                    {"word", JsonString(word_of(chance.id()))},
                    {"logprob", JsonNumber(chance.logprob())},
                    {"block_uniform", JsonNumber(chance.block_uniform())},
                    {"token_uniform", JsonNumber(chance.token_uniform())}}));
  }
  Members members = {{"position", absl::StrCat(answer.position())},
                     {"phase", absl::StrCat(answer.phase())},
                     // 64 bits: a string, as in Protobuf's JSON.
                     {"seed", JsonString(absl::StrCat(answer.opened().seed()))},
                     {"fingerprint", JsonString(answer.opened().fingerprint())},
                     {"rank", absl::StrCat(answer.rank())}};
  for (auto& member : EntryMembers(EntryAt(answer.outcome(), 0), word_of)) {
    members.push_back(std::move(member));
  }
  members.emplace_back("knobs", KnobsJson(answer));
  members.emplace_back("stages", JsonArray(stages));
  members.emplace_back("chances", JsonArray(chances));
  return JsonObject(members) + "\n";
}

std::string SweptText(const std::string& knob, const v1::SweepResult& swept,
                      const WordOf& word_of) {
  const auto token_text = [&](std::uint32_t id) {
    return id == 0xFFFFFFFF ? "(none)" : Fit(word_of(id), kWordWidth);
  };
  std::string text =
      absl::StrFormat("%-21s %-*s %8s %8s %8s\n", knob, kWordWidth, "token",
                      "prob", "kept", "entropy");
  double full = 0;
  for (const double entropy : swept.outcome().final_entropy()) {
    full = std::isnan(entropy) ? full : std::max(full, entropy);
  }
  for (int i = 0; i < swept.value_size(); ++i) {
    const client::Entry entry = EntryAt(swept.outcome(), i);
    absl::StrAppendFormat(
        &text, "%-21s %-*s %8s %8u %8.3f  %s", JsonNumber(swept.value(i)),
        kWordWidth, token_text(entry.token.value_or(0xFFFFFFFF)),
        Percent(entry.final_logprob), entry.kept, entry.final_entropy,
        Bar(full > 0 ? entry.final_entropy / full : 0, kShortBarWidth));
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  absl::StrAppendFormat(&text, "\n%d flips%s\n", swept.flips_size(),
                        swept.more_flips() ? ", and more behind them" : "");
  for (const v1::Flip& flip : swept.flips()) {
    absl::StrAppendFormat(&text, "%-21.12g %-*s to %s\n", flip.above(),
                          kWordWidth, token_text(flip.token_below()),
                          token_text(flip.token_above()));
  }
  return text;
}

std::string SweptJson(const std::string& knob, const v1::SweepResult& swept,
                      const WordOf& word_of) {
  std::vector<std::string> values, flips;
  for (int i = 0; i < swept.value_size(); ++i) {
    Members members = {{"value", JsonNumber(swept.value(i))}};
    for (auto& member : EntryMembers(EntryAt(swept.outcome(), i), word_of)) {
      members.push_back(std::move(member));
    }
    values.push_back(JsonObject(members));
  }
  for (const v1::Flip& flip : swept.flips()) {
    flips.push_back(
        JsonObject({{"below", JsonNumber(flip.below())},
                    {"above", JsonNumber(flip.above())},
                    {"token_below", absl::StrCat(flip.token_below())},
                    {"word_below", JsonString(word_of(flip.token_below()))},
                    {"token_above", absl::StrCat(flip.token_above())},
                    {"word_above", JsonString(word_of(flip.token_above()))}}));
  }
  return JsonObject({{"knob", JsonString(knob)},
                     {"values", JsonArray(values)},
                     {"flips", JsonArray(flips)},
                     {"more_flips", swept.more_flips() ? "true" : "false"}}) +
         "\n";
}

}  // namespace logitd::logitctl
