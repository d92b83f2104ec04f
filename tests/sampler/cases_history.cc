#include <algorithm>
#include <optional>

#include "tests/sampler/cases_setters.h"

namespace logitd::tests {
namespace {

// Tokens with repetitions; the most probable one among them now and then.
TokenIds AnyTokens(const Case& c, uint32_t count_max, Dice* dice) {
  TokenIds pool = AnyIds(c, 12, dice);
  pool.push_back(Largest(c));
  TokenIds tokens(dice->Below(count_max + 1));
  for (uint32_t& token : tokens) token = dice->OneOf(pool);
  return tokens;
}

// Writes earlier parts of prompt and output into the output once more.
void RepeatParts(Case* c, Dice* dice) {
  TokenIds all = c->prompt;
  all.insert(all.end(), c->output.begin(), c->output.end());
  for (uint32_t i = dice->Below(6); i > 0 && !all.empty(); --i) {
    uint32_t from = dice->Below(static_cast<uint32_t>(all.size()));
    for (uint32_t n = 1 + dice->Below(24); n > 0; --n) {
      all.push_back(all[from++]);
      c->output.push_back(all.back());
    }
  }
}

std::optional<uint32_t> AnyWindow(Dice* dice) {
  if (dice->Chance(0.4)) return std::nullopt;
  return 1 + dice->Below(dice->Chance(0.5) ? 8 : 120);
}

void SetConflict(Case* c, Dice* dice) {
  if (dice->Chance(0.3)) c->params.on_conflict = OnConflict::kError;
}

}  // namespace

// A part of the tokens that stand in the history, or any ids.
TokenIds AnySequence(const Case& c, const TokenIds& tokens, uint32_t count_max,
                     Dice* dice) {
  const uint32_t count = 1 + dice->Below(count_max);
  if (tokens.size() < count || dice->Chance(0.2)) {
    return AnyIds(c, count_max, dice);
  }
  const auto at = tokens.begin() +
                  dice->Below(static_cast<uint32_t>(tokens.size()) - count + 1);
  return TokenIds(at, at + count);
}

void SetRepetition(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0.1, 10, 1.1, 1.3, 0.5, 2, 1.05};
  c->params.repetition_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0.1, 10, dice);
  c->params.repetition_window = AnyWindow(dice);
}

void SetFrequency(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {-2, 2, 0.5, 0.1, -0.3, 1};
  c->params.frequency_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(-2, 2, dice);
  c->params.frequency_window = AnyWindow(dice);
}

void SetPresence(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {-2, 2, 0.5, 0.1, -0.3, 1};
  c->params.presence_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(-2, 2, dice);
  c->params.presence_window = AnyWindow(dice);
}

void SetPromptRepetition(Case* c, Dice* dice) {
  static const std::vector<double> kValues = {0.1, 10, 1.1, 1.3, 0.5, 2};
  c->params.prompt_repetition_penalty =
      dice->Chance(0.5) ? dice->OneOf(kValues) : Real(0.1, 10, dice);
}

void SetDry(Case* c, Dice* dice) {
  static const std::vector<double> kMultipliers = {0.8, 100, 1e-3, 1};
  c->params.dry_multiplier =
      dice->Chance(0.5) ? dice->OneOf(kMultipliers) : Real(0.1, 5, dice);
  static const std::vector<double> kBases = {1, 10, 2};
  if (dice->Chance(0.5)) {
    c->params.dry_base =
        dice->Chance(0.5) ? dice->OneOf(kBases) : Real(1, 3, dice);
  }
  if (dice->Chance(0.6)) c->params.dry_allowed_length = 1 + dice->Below(6);
  c->params.dry_window = AnyWindow(dice);
  if (dice->Chance(0.4)) c->params.dry_breaker_ids = AnyIds(*c, 4, dice);
}

// What is made of the tokens of the history, so that it is met there.
void SetDryBreakers(Case* c, Dice* dice) {
  if (!c->params.dry_multiplier) return;
  while (dice->Chance(0.4)) {
    c->params.dry_breaker_sequences.push_back(
        AnySequence(*c, c->output, 3, dice));
  }
  if (dice->Chance(0.2) && !c->output.empty()) {
    c->params.dry_breaker_ids.push_back(dice->OneOf(c->output));
  }
}

void SetExcluded(Case* c, Dice* dice) {
  if (dice->Chance(0.3)) c->params.penalty_exclude_ids = AnyIds(*c, 3, dice);
}

void SetLengthPenalty(Case* c, Dice* dice) {
  static const std::vector<double> kFactors = {1.01, 10, 1.5, 1};
  c->params.length_penalty_factor =
      dice->Chance(0.5) ? dice->OneOf(kFactors) : Real(1, 2, dice);
  if (dice->Chance(0.7)) c->params.length_penalty_start = dice->Below(30);
  c->params.eos_ids = AnyIds(*c, 3, dice);
  if (dice->Chance(0.2)) c->params.ignore_eos = true;
}

void SetNgram(Case* c, Dice* dice) {
  c->params.no_repeat_ngram = dice->Below(dice->Chance(0.7) ? 4 : 40);
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
}

void SetBadWords(Case* c, Dice* dice) {
  for (uint32_t n = 1 + dice->Below(8); n > 0; --n) {
    // Others than the last token are met, one token is banned always.
    TokenIds word = AnySequence(*c, c->output, 3, dice);
    if (dice->Chance(0.6) && !c->output.empty()) {
      const size_t count = dice->Below(
          std::min<uint32_t>(4, static_cast<uint32_t>(c->output.size())) + 1);
      word.assign(c->output.end() - static_cast<std::ptrdiff_t>(count),
                  c->output.end());
      word.push_back(dice->Chance(0.5) ? Largest(*c) : AnyId(*c, dice));
    }
    c->params.bad_words.push_back(word);
  }
  if (dice->Chance(0.3)) c->params.on_empty = OnEmpty::kError;
}

void SetForcedTokens(Case* c, Dice* dice) {
  c->params.forced_tokens = AnyIds(*c, 40, dice);
  if (dice->Chance(0.3)) c->params.banned_ids = c->params.forced_tokens;
  if (dice->Chance(0.2)) c->params.allowed_ids = AnyIds(*c, 60, dice);
  SetConflict(c, dice);
}

void SetThinking(Case* c, Dice* dice) {
  ThinkingBudget budget;
  budget.start = AnySequence(*c, c->output, 2, dice);
  budget.end = AnySequence(*c, c->output, 3, dice);
  budget.max_tokens = dice->Below(20);
  if (dice->Chance(0.7)) budget.message = AnyIds(*c, 12, dice);
  Params alone;
  alone.thinking_budget = budget;
  if (!Validate(alone, c->vocab_size).ok()) return;  // the start in the end
  c->params.thinking_budget = budget;
  if (dice->Chance(0.2)) c->params.banned_ids = budget.message;
  SetConflict(c, dice);
}

void SetPast(Case* c, Dice* dice) {
  c->prompt = AnyTokens(*c, dice->Chance(0.1) ? 400 : 30, dice);
  c->output = AnyTokens(*c, dice->Chance(0.1) ? 400 : 30, dice);
  if (dice->Chance(0.5)) RepeatParts(c, dice);
  const Params& p = c->params;
  c->prompt_known = p.repetition_penalty || p.prompt_repetition_penalty ||
                    p.dry_multiplier || p.no_repeat_ngram ||
                    p.thinking_budget || dice->Chance(0.8);
  c->at.key.bits = dice->Next();
  c->at.position = static_cast<uint32_t>(c->prompt.size() + c->output.size());
  c->at.attempt = dice->Chance(0.8) ? 0 : dice->Below(1u << 24);
}

}  // namespace logitd::tests
