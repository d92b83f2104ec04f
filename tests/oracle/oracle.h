// A textbook sampler: sampler/README.md a second time, in long double, by
// sorting everything and adding it up in rank order.
//
// Written from that page alone. It knows nothing of the sampler it judges and
// links nothing of it. Narrows to fp32 exactly where the page writes float() or
// narrow(). All functions are pure and thread-safe, return by value and own
// nothing; a row costs O(V log V) and several vectors of V.
#ifndef LOGITD_TESTS_ORACLE_ORACLE_H_
#define LOGITD_TESTS_ORACLE_ORACLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logitd::oracle {

using Real = long double;
using Ids = std::vector<uint32_t>;

struct ThinkingBudget {
  Ids start;  // empty: off
  Ids end;
  uint32_t max_tokens = 0;
  Ids message;
};

struct Params;

// A knob as a function of the tokens generated before: one of the two.
struct Schedule {
  double Params::*real = nullptr;
  uint32_t Params::*count = nullptr;
  bool linear = false;
  std::vector<std::pair<uint32_t, double>> points;  // their first ones rise
  double min = -1e300;
  double max = 1e300;
};

// Every default is the off value.
struct Params {
  double temperature = 1;
  double dynamic_range = 0;
  double dynamic_exponent = 1;
  double smoothing_factor = 0;
  double smoothing_curve = 1;
  uint32_t top_k = 0;  // 0: off
  double top_p = 1;
  double top_p_decay = 1;
  double top_p_min = 1e-6;
  Ids top_p_reset_ids;
  double min_p = 0;
  double top_n_sigma = 0;
  double typical_p = 1;
  double epsilon = 0;
  double eta = 0;
  double top_a = 0;
  double tail_free = 1;
  double top_h = 1;
  bool p_less = false;
  double xtc_probability = 0;
  double xtc_threshold = 0.1;
  Ids xtc_protected_ids;
  uint32_t mirostat = 0;  // version; 0: off
  double mirostat_tau = 5;
  double mirostat_eta = 0.1;
  double adaptive_target = 0;
  double adaptive_decay = 0.9;
  double repetition = 1;
  uint32_t repetition_window = 0;  // 0: all tokens
  double frequency = 0;
  uint32_t frequency_window = 0;
  double presence = 0;
  uint32_t presence_window = 0;
  Ids penalty_exclude_ids;
  double prompt_repetition = 1;
  double dry_multiplier = 0;
  double dry_base = 1.75;
  uint32_t dry_allowed_length = 2;
  uint32_t dry_window = 0;  // 0: all tokens
  std::vector<Ids> dry_breakers;
  double length_factor = 1;
  uint32_t length_start = 0;
  std::vector<std::pair<uint32_t, double>> bias;
  double guidance_scale = 1;
  Ids allowed_ids;  // empty: all
  Ids banned_ids;
  std::vector<Ids> bad_words;
  Ids suppressed_ids;
  Ids begin_suppressed_ids;
  uint32_t no_repeat_ngram = 0;
  Ids forced_tokens;
  ThinkingBudget thinking;
  bool fail_on_conflict = false;  // on_conflict ERROR
  Ids eos_ids;
  Ids stop_ids;
  std::vector<Ids> stop_sequences;
  uint32_t min_tokens = 0;
  uint32_t max_tokens = 0;  // 0: no limit
  bool ignore_eos = false;
  bool ban_eos = false;
  std::vector<std::string> steps;  // empty: the order of logitd/1
  std::vector<Schedule> schedules;
  bool fail_on_empty = false;   // on_empty ERROR
  bool ban_non_finite = false;  // on_non_finite BAN
};

// The order of logitd/1.
const std::vector<std::string>& DefaultSteps();

// The tokens before this one.
struct Past {
  Ids prompt;
  Ids output;
};

// What mirostat and adaptive-p remember; absent: nothing yet.
struct Feedback {
  std::optional<double> mu;
  bool has_sums = false;
  double weighted = 0, total = 0;
};

// Where noise is taken.
struct Point {
  uint64_t key = 0;
  uint32_t position = 0;
  uint32_t attempt = 0;
};

struct Row {
  std::vector<float> logits;         // vocab_size of them
  std::vector<float> unconditional;  // as many, for guidance
  // nullptr: the textbook's guidance. Else this, given scale and both rows.
  std::vector<float> (*guide)(double, const std::vector<float>&,
                              const std::vector<float>&) = nullptr;
  bool has_mask = false;
  std::vector<uint8_t> mask;  // bit per id, 1 = allowed; missing bits are 0
};

enum class Failure { kNone, kNonFinite, kConflict, kHardBans, kSoftBans };
// The stage that had a token to force.
enum class Forced { kNone, kThinkingBudget, kForcedTokens };

// A winner and how clear it was: the largest ratio of a loser's score to the
// winner's, on either level. At 1 a rounding error could have turned it.
struct Winner {
  uint32_t token = 0;
  Real closest = 0;
};

// All there is to know about a row. Vectors by id hold vocab_size values.
struct Answer {
  Failure failure = Failure::kNone;
  uint32_t first_bad = 0;  // kNonFinite: the index
  bool bad_is_unconditional = false;
  uint32_t non_finite_banned = 0;
  bool soft_bans_lifted = false;
  bool greedy = false;  // no draw: greedy, or forced
  Forced forced = Forced::kNone;
  bool forced_overruled = false;    // by a hard ban
  std::set<std::string> soft_bans;  // the knobs that had a soft ban
  std::vector<float> received;      // by id; NaN and +inf as -inf
  std::vector<float> guided;        // by id, after guidance
  std::vector<float> unshaped;      // by id, after bans
  std::vector<float> logits;        // by id, before a stage drops any
  Ids rank;                         // what is not banned, best first
  Ids kept;                         // the same after truncation
  std::vector<float> d;             // by id, after all stages
  std::vector<Real> weight;         // by id, of the kept; 0 for others
  Real mass = 0;                    // of the kept
  std::vector<float> tempered_d;    // by id, before truncation
  Real tempered_mass = 0;
  Real margin = 1;  // of the nearest decision; see shape.h
  Real slack = 1;   // see shape.h
  Winner winner;
  Feedback after;  // once `token`, or the given one, is accepted
  Real raw_lse = 0;
  Real raw_entropy = 0;
  Real final_entropy = 0;
  Real kept_mass = 1;
};

// One row becomes one token; `given` replaces it in what is learned.
Answer Sample(const Params& params, const Past& past, const Feedback& feedback,
              const Row& row, const Point& at,
              std::optional<uint32_t> given = std::nullopt);

// Does to logits what one of the stages before temperature does.
using Changer =
    std::function<void(const std::string& step, std::vector<float>* logits)>;
Changer ChangerOf(const Params& params, const Past& past);

// The same with the top_p that holds at this step, which does not change.
Params AtStep(Params params, const Past& past);

// What becomes of a draft (draft.cc): `q` by id, empty for one-hot.
struct Verdict {
  uint32_t token = 0;
  bool accepted = false;
  // How clear it was, as Winner's: of the coin too.
  Real closest = 0;
};
Verdict Verify(const Answer& answer, uint32_t draft,
               const std::vector<float>& q, const Point& at);

// The numbers of any id.
Real FinalLogprob(const Answer& answer, uint32_t id);
Real RawLogprob(const Answer& answer, uint32_t id);
Real TemperedLogprob(const Answer& answer, uint32_t id);
bool IsKept(const Answer& answer, uint32_t id);
// From 1; 0: banned.
size_t RankOf(const Answer& answer, uint32_t id);

// Why a generation ends at the last token of `past.output`.
enum class Finish { kNone, kEos, kStopId, kStopSequence, kMaxTokens };
Finish FinishOf(const Params& params, const Past& past);

// What the stages that look at the history find in it (past.cc).
Forced ForcedToken(const Params& params, const Past& past, uint32_t* token);
std::map<std::string, Ids> SoftBansOf(const Params& params, const Past& past);
// L_x of each token x that has one.
std::map<uint32_t, uint32_t> DryLengths(const Params& params, const Past& past);
// Whether `tokens` end with `sequence`.
bool EndsWith(const Ids& tokens, const Ids& sequence);

// Noise and the race (race.cc).
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, uint64_t key);
uint64_t Noise(const Point& at, uint32_t purpose, uint32_t index);
// E = -ln u of that noise.
Real Exponential(uint64_t noise);
Winner Race(const std::vector<Real>& kept_weight, const Point& at,
            uint32_t of_blocks = 1, uint32_t of_tokens = 2);
uint64_t ForkKey(uint64_t parent, uint32_t index, uint32_t position);

}  // namespace logitd::oracle

#endif  // LOGITD_TESTS_ORACLE_ORACLE_H_
