// The textbook of llama.cpp against llama.cpp's own chain.

#include "tests/oracle/dialects/llama_chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/llama_dry.h"
#include "tests/oracle/dialects/llama_list.h"
#include "tests/sampler/dialect_cases.h"
#include "tests/support/rows.h"

namespace logitd::dialects {
namespace {

using tests::DialectCase;
using tests::DialectName;

const LlamaLibrary& Library() {
  static const LlamaLibrary library = LoadLlama(LOGITD_BUILD_DIR "/peer");
  return library;
}

class LlamaChainTest : public testing::Test {
 protected:
  void SetUp() override {
    const LlamaLibrary& library = Library();
    if (library.unreachable) {
      GTEST_SKIP() << "llama.cpp could not be fetched: " << library.missing;
    }
    ASSERT_EQ(library.missing, "");
  }
};

// The probability of each token that is left.
using Distribution = std::map<uint32_t, Real>;

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

// How far the probability of a token is from the other's; 1 if they do not keep
// the same ones.
Real Distance(const Distribution& a, const Distribution& b) {
  if (a.size() != b.size()) return 1;
  Real worst = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    if (x->first != y->first) return 1;
    worst = std::max(worst, std::fabs(x->second - y->second));
  }
  return worst;
}

bool Agree(const Distribution& a, const Distribution& b, Real within = 1e-5L) {
  return Distance(a, b) <= within;
}

// Equal but for which of equally probable tokens they are.
bool AgreeButForTies(const Distribution& a, const Distribution& b) {
  std::vector<Real> p, q;
  for (const auto& [id, x] : a) p.push_back(x);
  for (const auto& [id, x] : b) q.push_back(x);
  std::sort(p.begin(), p.end());
  std::sort(q.begin(), q.end());
  return p.size() == q.size() &&
         std::equal(p.begin(), p.end(), q.begin(),
                    [](Real x, Real y) { return std::fabs(x - y) <= 1e-5L; });
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

struct Tally {
  int equal = 0, near = 0, tied = 0, float32 = 0, zero = 0, lost = 0;
  int with_dry = 0, with_penalties = 0;
  std::map<std::string, int> equal_with;  // by knob
  Real worst_distance = 0;                // of the equal ones
};

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
  ++tally->equal;
  tally->worst_distance = std::max(tally->worst_distance, distance);
  for (const Turned& turned : kTurned) {
    if (turned.is_on(c.params)) ++tally->equal_with[turned.knob];
  }
}

// For tests/semantics_table.sh.
void RecordKnobs(const Tally& tally) {
  std::string lines;
  for (const auto& [knob, rows] : tally.equal_with) {
    lines += knob + "=" + std::to_string(rows) + " " +
             testing::PrintToString(tally.worst_distance) + "\n";
  }
  testing::Test::RecordProperty("dialect", "llama.cpp");
  testing::Test::RecordProperty("textbook", lines);
}

// Where the chain and the textbook differ, why; anything else fails.
void Judge(const DialectCase& c, Tally* tally) {
  if (TypicalSeesZero(c)) {
    ++tally->zero;
    return;
  }
  if (MirostatIsLost(c)) {
    ++tally->lost;
    return;
  }
  const Distribution chain = FromChain(RunChain(c, 99));
  const Answer answer = LlamaCpp(c.params, c.row, c.past);
  const Distribution textbook = FromTextbook(answer);
  if (Agree(chain, textbook)) {
    NoteEqual(c, Distance(chain, textbook), tally);
  } else if (answer.tied && AgreeButForTies(chain, textbook)) {
    ++tally->tied;
  } else if (answer.closest <= 1e-6L) {
    ++tally->near;
  } else {
    const Answer rounded = LlamaCppFloat32(c.params, c.row, c.past);
    const Distribution replay = FromTextbook(rounded);
    const bool as_rounded = Agree(chain, replay) ||
                            (rounded.tied && AgreeButForTies(chain, replay));
    EXPECT_TRUE(as_rounded)
        << c.name << ": the chain keeps " << chain.size() << ", the textbook "
        << textbook.size() << ", with float32 sums " << replay.size()
        << "; closest " << static_cast<double>(answer.closest);
    if (as_rounded) ++tally->float32;
  }
}

TEST_F(LlamaChainTest, TheTextbookKeepsWhatTheChainKeeps) {
  const int count = std::getenv("LOGITD_LONG") != nullptr ? 10000 : 1500;
  Tally tally;
  for (int seed = 0; seed < count; ++seed) {
    const DialectCase c = tests::MakeDialectCase(DialectName::kLlamaCpp,
                                                 static_cast<uint64_t>(seed));
    NoteUse(c, &tally);
    Judge(c, &tally);
  }
  std::printf(
      "%s: %d cases, %d equal, %d at a tie, %d within 1e-6 of a cut, %d by "
      "float32 sums, %d where typ_p meets a probability of 0, %d where "
      "mirostat 1 is lost\n",
      Library().version.c_str(), count, tally.equal, tally.tied, tally.near,
      tally.float32, tally.zero, tally.lost);
  RecordKnobs(tally);
  EXPECT_GE(tally.equal, count * 3 / 4);
  EXPECT_GE(tally.with_dry, count / 10);
  EXPECT_GE(tally.with_penalties, count / 4);
  EXPECT_LE(tally.near, count / 100);
  EXPECT_LE(tally.float32, count / 50);
  EXPECT_LE(tally.zero, count / 10);
  EXPECT_LE(tally.lost, count / 50);
}

TEST_F(LlamaChainTest, TheNamedCasesAreWhatTheChainKeeps) {
  int compared = 0;
  for (const tests::NamedDialectCase& named : tests::NamedDialectCases()) {
    if (named.c.dialect != DialectName::kLlamaCpp) continue;
    if (named.c.name.rfind("Lacking_", 0) == 0) continue;
    // What llama.cpp has no ban for is banned in the row that it gets.
    DialectCase given = named.c;
    const std::vector<Real> row =
        BannedRow(given.params, given.row, given.past, BanRules());
    given.row.logits.assign(row.begin(), row.end());
    const Distribution chain = FromChain(RunChain(given, 99));
    const Answer answer = tests::AskTextbook(named.c);
    EXPECT_TRUE(AgreeButForTies(chain, FromTextbook(answer))) << named.c.name;
    ++compared;
  }
  EXPECT_GE(compared, 30);
}

// One chain over several rows: the textbook is given the state that the chain
// must have come to by what it chose.
void FollowMirostat(uint32_t version) {
  constexpr double kTau = 3, kEta = 0.1;
  DialectCase c;
  c.params.mirostat = version;
  c.params.mirostat_mu = 2 * kTau;
  LlamaChain chain(Library(), DefaultChain(c.params, 500, 0, 11));
  for (uint64_t step = 0; step < 20; ++step) {
    c.row.logits = tests::MakeRow(tests::Shape::kPeaked, 500, step);
    const Distribution left = FromChain(chain.Apply(c.row.logits));
    const Answer answer = LlamaCpp(c.params, c.row, c.past);
    if (answer.closest > 1e-6L) {
      EXPECT_TRUE(Agree(left, FromTextbook(answer))) << step;
    }
    const Real surprise = -std::log2(left.at(chain.chosen()));
    c.params.mirostat_mu -= kEta * static_cast<double>(surprise - kTau);
  }
}

TEST_F(LlamaChainTest, Mirostat1MovesAsTheTextbookSays) { FollowMirostat(1); }
TEST_F(LlamaChainTest, Mirostat2MovesAsTheTextbookSays) { FollowMirostat(2); }

TEST_F(LlamaChainTest, AdaptivePMovesAsTheTextbookSays) {
  constexpr double kDecay = 0.9;
  DialectCase c;
  Params& p = c.params;
  p.adaptive_p = true;
  p.adaptive_p_target = 0.3;
  p.adaptive_p_total_weight = 1 / (1 - kDecay);
  p.adaptive_p_weighted_sum = 0.3 / (1 - kDecay);
  LlamaChain chain(Library(), DefaultChain(p, 500, 0, 11));
  for (uint64_t step = 0; step < 20; ++step) {
    c.row.logits = tests::MakeRow(tests::Shape::kPeaked, 500, step);
    const Distribution left = FromChain(chain.Apply(c.row.logits));
    // Its slope is up to 33 per unit of probability: rounding grows by that.
    const Distribution textbook = FromTextbook(LlamaCpp(p, c.row, c.past));
    EXPECT_TRUE(Agree(left, textbook, 1e-4L)) << step;
    chain.Accept(chain.chosen());
    Params plain;
    const Distribution before = FromTextbook(LlamaCpp(plain, c.row, c.past));
    p.adaptive_p_weighted_sum = static_cast<double>(before.at(chain.chosen())) +
                                kDecay * p.adaptive_p_weighted_sum;
    p.adaptive_p_total_weight = 1 + kDecay * p.adaptive_p_total_weight;
  }
}

// Why the dialect has a list of bugs that are left out.
TEST_F(LlamaChainTest, TypicalOverBannedTokensCutsAnywhere) {
  DialectCase c;
  c.row.logits = {4, 3, 2, 1, 0, -1, 5};
  c.params.banned_ids = {6};
  c.params.typical_p = 0.2;
  EXPECT_TRUE(TypicalSeesZero(c));
  EXPECT_EQ(LlamaCpp(c.params, c.row, c.past).ids, Ids{1});
  const Distribution left = FromChain(RunChain(c, 99));
  EXPECT_EQ(left.count(1), 0u) << "no longer a bug there: off the list";
}

}  // namespace
}  // namespace logitd::dialects
