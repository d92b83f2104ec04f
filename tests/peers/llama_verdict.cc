#include "tests/peers/llama_verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/llama_dry.h"
#include "tests/oracle/dialects/llama_list.h"

namespace logitd::dialects {

using tests::DialectCase;

namespace {

// As close to a cut, either side of it may be right.
constexpr Real kNearly = 1e-6L;
// What fp32 cannot draw.
constexpr Real kTiny = 1e-35L;

// Told probabilities, falling.
std::vector<Real> Sorted(const Distribution& all) {
  std::vector<Real> p;
  for (const auto& [id, x] : all) {
    if (x >= kTiny) p.push_back(x);
  }
  std::sort(p.begin(), p.end(), std::greater<Real>());
  return p;
}

// What the histories are there for.
void NoteUse(const DialectCase& c, Tally* tally) {
  const Params& p = c.params;
  if (!LlamaDryExponents(p, c.past).empty()) ++tally->with_dry;
  const bool penalties =
      p.repetition != 1 || p.frequency != 0 || p.presence != 0;
  if (penalties && !LastTokens(c.past, 0).empty()) ++tally->with_penalties;
}

// A knob of the contract, and whether the parameters turn it.
struct Turned {
  const char* knob;
  bool (*is_on)(const Params&);
};
constexpr Turned kTurned[] = {
    {"temperature", [](const Params& p) { return p.temperature != 1; }},
    {"dynamic_temperature_range",
     [](const Params& p) { return p.dynamic_temperature_range != 0; }},
    {"dynamic_temperature_exponent",
     [](const Params& p) { return p.dynamic_temperature_exponent != 1; }},
    {"top_k", [](const Params& p) { return p.top_k != 0; }},
    {"top_p", [](const Params& p) { return p.top_p != 1; }},
    {"min_p", [](const Params& p) { return p.min_p != 0; }},
    {"top_n_sigma", [](const Params& p) { return p.top_n_sigma != 0; }},
    {"typical_p", [](const Params& p) { return p.typical_p != 1; }},
    {"xtc_probability", [](const Params& p) { return p.xtc_applies; }},
    {"xtc_threshold", [](const Params& p) { return p.xtc_applies; }},
    {"mirostat", [](const Params& p) { return p.mirostat != 0; }},
    {"adaptive_p_target", [](const Params& p) { return p.adaptive_p; }},
    {"repetition_penalty", [](const Params& p) { return p.repetition != 1; }},
    {"repetition_window",
     [](const Params& p) { return p.repetition != 1 && p.repetition_window; }},
    {"frequency_penalty", [](const Params& p) { return p.frequency != 0; }},
    {"frequency_window",
     [](const Params& p) { return p.frequency != 0 && p.frequency_window; }},
    {"presence_penalty", [](const Params& p) { return p.presence != 0; }},
    {"presence_window",
     [](const Params& p) { return p.presence != 0 && p.presence_window; }},
    {"dry_multiplier", [](const Params& p) { return p.dry_multiplier != 0; }},
    {"dry_base", [](const Params& p) { return p.dry_base != 1.75; }},
    {"dry_allowed_length",
     [](const Params& p) { return p.dry_allowed_length != 2; }},
    {"dry_window", [](const Params& p) { return p.dry_window != 0; }},
    {"dry_breaker_sequences",
     [](const Params& p) { return !p.dry_breakers.empty(); }},
    {"banned_ids", [](const Params& p) { return !p.banned_ids.empty(); }},
    {"logit_bias_ids", [](const Params& p) { return !p.bias.empty(); }},
    {"logit_bias_values", [](const Params& p) { return !p.bias.empty(); }},
};

void NoteEqual(const DialectCase& c, Real distance, Tally* tally) {
  tally->worst_distance = std::max(tally->worst_distance, distance);
  for (const Turned& turned : kTurned) {
    if (turned.is_on(c.params)) ++tally->equal_with[turned.knob];
  }
}

// Whether one keeps some tokens of a logit that the other does not, or
// typical_p finds two logits equally near and each keeps another of them; and
// they agree on the rest.
bool DifferAtACut(const DialectCase& c, Distribution chain,
                  Distribution judged) {
  std::set<Real> values;
  const auto take_apart = [&](Distribution* from, const Distribution& other) {
    Real left = 0;
    for (auto it = from->begin(); it != from->end();) {
      if (other.count(it->first) == 0) {
        values.insert(c.row.logits[it->first]);
        it = from->erase(it);
      } else {
        left += (it++)->second;
      }
    }
    for (auto& [id, p] : *from) p /= left;
  };
  const Distribution whole = chain;
  take_apart(&chain, judged);
  take_apart(&judged, whole);
  return values.size() <= 2 && Agree(chain, judged);
}

// Whether the judged is as the textbook says, but for ties at a cut and for
// what lies within a rounding error of one.
bool IsAsTheTextbook(const DialectCase& c, const Answer& answer,
                     const Distribution& judged) {
  const Distribution textbook = FromTextbook(answer);
  return Agree(textbook, judged) ||
         (answer.tied && AgreeButForTies(textbook, judged)) ||
         (answer.closest <= kNearly && DifferAtACut(c, textbook, judged));
}

Verdict VerdictOf(const DialectCase& c, const Distribution& judged,
                  Real* distance) {
  const Answer answer = LlamaCpp(c.params, c.row, c.past);
  const Distribution chain = FromChain(RunChain(c));
  *distance = Distance(chain, judged);
  const bool is_lost = TypicalSeesZero(c) || MirostatIsLost(c);
  if (!is_lost && Agree(chain, judged)) return Verdict::kEqual;
  if (!is_lost && answer.tied && AgreeButForTies(chain, judged)) {
    return Verdict::kTied;
  }
  const bool near = answer.closest <= kNearly;
  // Ties at such a cut may be any of them; with no chain to say, that is all.
  if (!IsAsTheTextbook(c, answer, judged) && !(is_lost && near)) {
    return Verdict::kUnexplained;
  }
  if (TypicalSeesZero(c)) return Verdict::kZero;
  if (is_lost) return Verdict::kLost;
  const Answer rounded = LlamaCppFloat32(c.params, c.row, c.past);
  const Distribution replay = FromTextbook(rounded);
  const bool replayed =
      Agree(chain, replay) || (rounded.tied && AgreeButForTies(chain, replay));
  if (near && (replayed || DifferAtACut(c, chain, judged))) {
    return Verdict::kNear;
  }
  return replayed ? Verdict::kFloat32 : Verdict::kUnexplained;
}

}  // namespace

const LlamaLibrary& Library() {
  static const LlamaLibrary library = LoadLlama(LOGITD_BUILD_DIR "/peer");
  return library;
}

Distribution FromTextbook(const Answer& answer) {
  Distribution all;
  for (size_t i = 0; i < answer.ids.size(); ++i) {
    all[answer.ids[i]] = answer.p[i];
  }
  return all;
}

Distribution FromChain(const std::vector<LogitdCandidate>& left) {
  Distribution all;
  for (const LogitdCandidate& candidate : left) {
    if (std::isinf(candidate.logit)) continue;
    all[static_cast<uint32_t>(candidate.id)] = Real{candidate.p};
  }
  return all;
}

std::vector<LogitdCandidate> RunChain(const DialectCase& c, size_t stages) {
  const size_t history = c.past.prompt.size() + c.past.output.size();
  std::vector<LlamaStage> all = DefaultChain(
      c.params, static_cast<uint32_t>(c.row.logits.size()), history, 7);
  all.resize(std::min(stages, all.size()));
  LlamaChain chain(Library(), all);
  for (uint32_t token : c.past.prompt) chain.Accept(token);
  for (uint32_t token : c.past.output) chain.Accept(token);
  return chain.Apply(c.row.logits);
}

Real Distance(const Distribution& chain, const Distribution& judged) {
  Real worst = 0, told = 0, untold = 0;
  for (const auto& [id, p] : judged) {
    const auto it = chain.find(id);
    if (it == chain.end()) {
      if (p < kTiny) continue;
      return 1;
    }
    if (std::isnan(p)) {
      untold += it->second;
    } else {
      worst = std::max(worst, std::fabs(p - it->second));
      told += p;
    }
  }
  for (const auto& [id, p] : chain) {
    if (p >= kTiny && judged.count(id) == 0) return 1;
  }
  // Thousands of them, which the chain gives in float32.
  if (untold > 0) worst = std::max(worst, std::fabs(1 - told - untold) / 10);
  return worst;
}

bool Agree(const Distribution& chain, const Distribution& judged, Real within) {
  return Distance(chain, judged) <= within;
}

bool AgreeButForTies(const Distribution& chain, const Distribution& judged) {
  const std::vector<Real> p = Sorted(chain), q = Sorted(judged);
  const bool all_told = std::none_of(judged.begin(), judged.end(), [](auto& x) {
    return std::isnan(x.second);
  });
  return q.size() <= p.size() && (!all_told || q.size() == p.size()) &&
         std::equal(q.begin(), q.end(), p.begin(),
                    [](Real x, Real y) { return std::fabs(x - y) <= 1e-5L; });
}

// typ_p takes the logarithm of each probability, of 0 too: it is left with NaN
// and cuts anywhere. One of the bugs that the dialect leaves out.
bool TypicalSeesZero(const DialectCase& c) {
  if (c.params.typical_p >= 1 || c.params.mirostat != 0) return false;
  constexpr size_t kBeforeTypical = 5;  // bias, penalties, dry, sigma, top_k
  const std::vector<LogitdCandidate> seen = RunChain(c, kBeforeTypical);
  float most = -std::numeric_limits<float>::infinity();
  for (const LogitdCandidate& x : seen) most = std::max(most, x.logit);
  return std::any_of(seen.begin(), seen.end(), [&](const LogitdCandidate& x) {
    return std::exp(x.logit - most) < std::numeric_limits<float>::min();
  });
}

// Mirostat 1 is left with one candidate where its k is larger than any int
// (undefined, and here the smallest; a flat row's too), and where a probability
// of 0 is among the 100 that it estimates from. Bugs that the dialect leaves
// out.
bool MirostatIsLost(const DialectCase& c) {
  if (c.params.mirostat != 1) return false;
  constexpr size_t kBeforeMirostat = 2;  // bias, temperature
  std::vector<LlamaList<float>::Entry> entries;
  for (const LogitdCandidate& x : RunChain(c, kBeforeMirostat)) {
    entries.push_back({static_cast<uint32_t>(x.id), x.logit, 0});
  }
  LlamaList<float> list(entries);
  const auto mu = static_cast<float>(c.params.mirostat_mu);
  if (!(list.MirostatLimit(entries.size(), mu) < 0x1p31f)) return true;
  const size_t looked_at = std::min<size_t>(100, list.size());
  return !(list.entries()[looked_at - 1].p > 0);
}

Verdict Judge(const DialectCase& c, const Distribution& judged, Tally* tally) {
  NoteUse(c, tally);
  Real distance = 1;
  const Verdict verdict = VerdictOf(c, judged, &distance);
  ++tally->cases;
  ++tally->counts[verdict];
  if (verdict == Verdict::kEqual) NoteEqual(c, distance, tally);
  if (!c.has_ties) {
    ++tally->plain;
    tally->apart += verdict == Verdict::kTied || verdict == Verdict::kNear ||
                            verdict == Verdict::kFloat32
                        ? 1
                        : 0;
  }
  return verdict;
}

std::string Tally::Text() const {
  struct Named {
    Verdict verdict;
    const char* name;
  };
  constexpr Named kNames[] = {
      {Verdict::kEqual, "equal"},
      {Verdict::kTied, "at a tie"},
      {Verdict::kNear, "within 1e-6 of a cut"},
      {Verdict::kFloat32, "by float32 sums"},
      {Verdict::kZero, "where typ_p meets a probability of 0"},
      {Verdict::kLost, "where mirostat 1 is lost"},
      {Verdict::kUnexplained, "unexplained"}};
  std::string text =
      Library().version + ": " + std::to_string(cases) + " cases";
  for (const Named& named : kNames) {
    text += ", " + std::to_string(of(named.verdict)) + " " + named.name;
  }
  return text + "; " + std::to_string(apart) + " tied, near or by sums of " +
         std::to_string(plain) + " on rows not made of ties";
}

void Tally::RecordKnobs() const {
  std::string lines;
  for (const auto& [knob, rows] : equal_with) {
    lines += knob + "=" + std::to_string(rows) + " " +
             testing::PrintToString(worst_distance) + "\n";
  }
  testing::Test::RecordProperty("dialect", "llama.cpp");
  testing::Test::RecordProperty("textbook", lines);
}

}  // namespace logitd::dialects
