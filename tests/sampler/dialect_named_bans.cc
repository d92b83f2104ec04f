#include <limits>
#include <string>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// What is banned, and that it is banned before anything else.
void Bans(Collector* all) {
  all->Add("Bans_MaskComesFirst", kAll, kSteps,
           [](DialectCase* c) {
             c->row.has_mask = true;
             c->row.mask = {0b111110};
             c->params.top_k = 1;
           },
           {1}, {1});
  const auto ends = [](DialectCase* c) {
    c->params.eos_ids = {0};
    c->params.stop_ids = {1};
    c->params.min_tokens = 2;
    c->past.prompt = {5, 5, 5};  // does not count
    c->past.output = {5};
  };
  all->Add("Bans_MinTokens", kAll, kSteps, ends, {2, 3, 4, 5});
  const auto ignored = [&](DialectCase* c) {
    ends(c);
    c->params.ignore_eos = true;
  };
  all->Add("Bans_MinTokensIgnoredEos", {kV, kG, kO}, kSteps, ignored,
           {2, 3, 4, 5});
  all->Add("Bans_MinTokensIgnoredEos", {kH, kL}, kSteps, ignored,
           {0, 2, 3, 4, 5});
  // The word begins in the prompt.
  const auto word = [](DialectCase* c) {
    c->params.bad_words = {{4, 5, 0}};
    c->past.prompt = {4};
    c->past.output = {5};
  };
  all->Add("Bans_BadWordFromThePrompt", {kH}, kSteps, word, {1, 2, 3, 4, 5});
  all->Add("Bans_BadWordFromThePrompt", {kV, kL, kG, kO}, kSteps, word,
           {0, 1, 2, 3, 4, 5});
  all->Add("Bans_BadWordsOfOneToken", kAll, kSteps,
           [](DialectCase* c) {
             c->params.bad_words = {{0}};  // id 0 too, and though it is EOS
             c->params.eos_ids = {0};
           },
           {1, 2, 3, 4, 5});
  all->Add("Bans_NoRepeatNgram2", kAll, kSteps,
           [](DialectCase* c) {
             c->params.no_repeat_ngram = 2;
             c->past.prompt = {3, 0, 3};
           },
           {1, 2, 3, 4, 5});
  // SGLang adds the bias after the penalties: 4 / 2 + 2; others (4 + 2) / 2.
  const auto bias = [](DialectCase* c) {
    c->params.bias = {{0, 2}};
    c->params.repetition = 2;
    c->past.output = {0};
  };
  all->Add("Bias_BeforePenalties", {kV, kH, kL, kO}, {4, 3}, bias, {0, 1},
           {.5, .5});
  all->Add("Bias_AfterPenalties", {kG}, {4, 3}, bias, {0, 1}, {.73106, .26894});
}

// Of what was said nothing may come again; a history shorter than the rest of
// an n-gram bans nothing.
void Ngrams(Collector* all) {
  all->Add("Bans_NoRepeatNgram1", kAll, kSteps,
           [](DialectCase* c) {
             c->params.no_repeat_ngram = 1;
             c->past.prompt = {3, 0};
             c->past.output = {3};
           },
           {1, 2, 4, 5});
  all->Add("Bans_NoRepeatNgramOfAShortHistory", kAll, kSteps,
           [](DialectCase* c) {
             c->params.no_repeat_ngram = 4;
             c->past.output = {0, 0};
           },
           {0, 1, 2, 3, 4, 5});
}

void Lists(Collector* all) {
  const auto list = [&](const std::string& what, Ids dialects::Params::*field,
                        const Ids& ids, const Ids& kept) {
    all->Add(
        what, kAll, kSteps, [=](DialectCase* c) { c->params.*field = ids; },
        kept);
  };
  using P = dialects::Params;
  list("Bans_AllowedIds", &P::allowed_ids, {1, 3}, {1, 3});
  list("Bans_BannedIds", &P::banned_ids, {0, 2}, {1, 3, 4, 5});
  list("Bans_Suppressed", &P::suppressed_ids, {0, 2}, {1, 3, 4, 5});
  list("Bans_BeginSuppressed", &P::begin_suppressed_ids, {0, 2}, {1, 3, 4, 5});
  list("Bans_LiftedIfNothingIsLeft", &P::suppressed_ids, {0, 1, 2, 3, 4, 5},
       {0, 1, 2, 3, 4, 5});
  all->Add("Bans_BeginSuppressedNotLater", kAll, kSteps,
           [](DialectCase* c) {
             c->params.begin_suppressed_ids = {0, 2};
             c->past.output = {5};
           },
           {0, 1, 2, 3, 4, 5});
  all->Add("Bans_BanEos", kAll, kSteps,
           [](DialectCase* c) {
             c->params.eos_ids = {0};
             c->params.ban_eos = true;
           },
           {1, 2, 3, 4, 5});
  constexpr float kBanned = -std::numeric_limits<float>::infinity();
  all->Add("Bias_RevivesNothing", kAll, {kBanned, 1, 0},
           [](DialectCase* c) {
             c->params.bias = {{0, 100}};
           },
           {1, 2}, {.73106, .26894});
}

// Moved twice as far as the condition moves the row: 4, 1, -2.
void Guidance(Collector* all) {
  const auto guided = [](DialectCase* c) {
    c->params.guidance_scale = 2;
    c->row.unconditional = {0, 1, 2};
  };
  const Decimals p = {.95033, .04731, .00236};
  all->Add("Guidance_MovesTheRow", {kH}, {2, 1, 0}, guided, {0, 1, 2}, p);
  all->Add("Lacking_Guidance", {kV, kL, kG, kO}, {2, 1, 0}, guided, {0, 1, 2},
           p);
  // Of two equal rows it leaves -.3133 and -1.3133, which are negative: the
  // first becomes -.6265, where 2 would have become 1.
  const auto then_repetition = [](DialectCase* c) {
    c->params.guidance_scale = 1.5;
    c->row.unconditional = {2, 1};
    c->params.repetition = 2;
    c->past.output = {0};
  };
  all->Add("Guidance_BeforeRepetition", {kH}, {2, 1}, then_repetition, {0, 1},
           {.66524, .33476});
  all->Add("Lacking_GuidanceBeforeRepetition", {kV, kL, kG, kO}, {2, 1},
           then_repetition, {0, 1}, {.66524, .33476});
}

}  // namespace

void AddBans(Collector* all) {
  Bans(all);
  Ngrams(all);
  Lists(all);
  Guidance(all);
}

}  // namespace logitd::tests::named_dialects
