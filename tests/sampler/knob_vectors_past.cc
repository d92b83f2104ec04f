// Vectors of knobs that look at what was said, and of parts of others.
#include "tests/sampler/knob_vectors.h"

namespace logitd::tests {
namespace {

using P = Params;

void DelayEnds(P* p) {
  p->min_tokens = 2;
  p->eos_ids = {0};
  p->stop_ids = {1};
}

void BadWords(P* p) { p->bad_words = {{5, 0}, {1}}; }

void BeginSuppressed(P* p) { p->begin_suppressed_ids = {0}; }

template <uint32_t kSize>
void Ngram(P* p) {
  p->no_repeat_ngram = kSize;
}

KnobVectors Bans() {
  return {
      {"allowed_ids 1 3",
       [](P* p) {
         p->allowed_ids = {1, 3};
       }},
      {"banned_ids 0 2",
       [](P* p) {
         p->banned_ids = {0, 2};
       }},
      {"ban_eos, eos_ids 0",
       [](P* p) {
         p->ban_eos = true;
         p->eos_ids = {0};
       }},
      {"min_tokens 2, eos_ids 0, stop_ids 1, after | 5", DelayEnds, {}, {5}},
      {"the same, after | 5 5", DelayEnds, {}, {5, 5}},
      {"the same, ignore_eos, after | 5",
       [](P* p) {
         DelayEnds(p);
         p->ignore_eos = true;
       },
       {},
       {5}},
      {"bad_words 5 0; 1, after | 5", BadWords, {}, {5}},
      {"bad_words 5 0; 1, after 5 |", BadWords, {5}, {}},
      {"suppressed_ids 0", [](P* p) { p->suppressed_ids = {0}; }},
      {"begin_suppressed_ids 0, after 5 |", BeginSuppressed, {5}, {}},
      {"the same, after 5 | 5", BeginSuppressed, {5}, {5}},
      {"no_repeat_ngram 1, after 0 1 2 | 0 3 0",
       Ngram<1>,
       {0, 1, 2},
       {0, 3, 0}},
      {"no_repeat_ngram 2, after 0 1 2 | 0 3 0",
       Ngram<2>,
       {0, 1, 2},
       {0, 3, 0}},
      {"no_repeat_ngram 3, after 0 1 2 | 0 3 0",
       Ngram<3>,
       {0, 1, 2},
       {0, 3, 0}},
  };
}

void Frequency(P* p) {
  p->frequency_penalty = 0.5;
  p->frequency_window = 2;
  p->penalty_exclude_ids = {5};
}

KnobVectors Penalties() {
  return {
      {"logit_bias 0: -3, 4: 2.5",
       [](P* p) {
         p->logit_bias_ids = {0, 4};
         p->logit_bias_values = {-3, 2.5};
       }},
      {"prompt_repetition 1.2, after 0 5 | 1",
       [](P* p) { p->prompt_repetition_penalty = 1.2; },
       {0, 5},
       {1}},
      {"repetition 1.2, window 2, after 0 | 1 5",
       [](P* p) {
         p->repetition_penalty = 1.2;
         p->repetition_window = 2;
       },
       {0},
       {1, 5}},
      {"repetition 1.2, exclude 5, after 0 | 5",
       [](P* p) {
         p->repetition_penalty = 1.2;
         p->penalty_exclude_ids = {5};
       },
       {0},
       {5}},
      {"frequency 0.5, window 2, exclude 5, after | 0 0 5",
       Frequency,
       {},
       {0, 0, 5}},
      {"frequency 0.5, window 2, exclude 5, after 0 0 | 5",
       Frequency,
       {0, 0},
       {5}},
      {"presence 0.5, window 2, after 0 | 1 5",
       [](P* p) {
         p->presence_penalty = 0.5;
         p->presence_window = 2;
       },
       {0},
       {1, 5}},
  };
}

KnobVectors Dry() {
  const TokenIds said = {1, 2, 3, 3, 2, 3, 5, 1, 2, 3};
  const std::vector<float> zeros(6);
  const auto vector = [&](const char* how, void (*set)(P*)) {
    return KnobVector{
        std::string("dry 0.8, ") + how + ", after | 1 2 3 3 2 3 5 1 2 3",
        set,
        {},
        said,
        zeros};
  };
  return {
      vector("base 2, allowed 1",
             [](P* p) {
               p->dry_multiplier = 0.8;
               p->dry_base = 2;
               p->dry_allowed_length = 1;
             }),
      vector("window 7",
             [](P* p) {
               p->dry_multiplier = 0.8;
               p->dry_window = 7;
             }),
      vector("breaker 5",
             [](P* p) {
               p->dry_multiplier = 0.8;
               p->dry_breaker_ids = {5};
             }),
      vector("breaker 5 1",
             [](P* p) {
               p->dry_multiplier = 0.8;
               p->dry_breaker_sequences = {{5, 1}};
             }),
      vector("exclude 3",
             [](P* p) {
               p->dry_multiplier = 0.8;
               p->penalty_exclude_ids = {3};
             }),
  };
}

void Favour(P* p) {
  p->length_penalty_factor = 1.5;
  p->length_penalty_start = 1;
  p->eos_ids = {2, 5};
}

void Exclude(P* p) {
  p->xtc_probability = 1;
  p->xtc_threshold = 0.05;
}

KnobVectors Others() {
  return {
      {"length_penalty 1.5 from 1, eos_ids 2 5, after | 0", Favour, {}, {0}},
      {"length_penalty 1.5 from 1, eos_ids 2 5, after | 0 0 0",
       Favour,
       {},
       {0, 0, 0}},
      {"dynamic temperature 0.8, 0.5, 2",
       [](P* p) {
         p->temperature = 0.8;
         p->dynamic_temperature_range = 0.5;
         p->dynamic_temperature_exponent = 2;
       }},
      {"top_p 0.9, decay 0.9, least 0.5, reset 4, after | 5 5 5 4 5 5",
       [](P* p) {
         p->top_p = p->top_p_decay = 0.9;
         p->top_p_min = 0.5;
         p->top_p_reset_ids = {4};
       },
       {},
       {5, 5, 5, 4, 5, 5}},
      {"xtc 1, 0.05", Exclude},
      {"xtc 1, 0.05, protected 0",
       [](P* p) {
         Exclude(p);
         p->xtc_protected_ids = {0};
       }},
  };
}

}  // namespace

KnobVectors PastVectors() {
  KnobVectors all;
  for (const KnobVectors& some : {Bans(), Penalties(), Dry(), Others()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<FeedbackVector> FeedbackVectors() {
  return {
      {"mirostat 1, tau 1, eta 0.3, given 1 0 0 5",
       [](P* p) {
         p->mirostat = 1;
         p->mirostat_tau = 1;
         p->mirostat_eta = 0.3;
       },
       {1, 0, 0, 5}},
      {"mirostat 2, tau 2, eta 0.3, given 2 0 1 5",
       [](P* p) {
         p->mirostat = 2;
         p->mirostat_tau = 2;
         p->mirostat_eta = 0.3;
       },
       {2, 0, 1, 5}},
      {"adaptive_p 0.6, decay 0.6, given 0 1 5",
       [](P* p) {
         p->adaptive_p_target = 0.6;
         p->adaptive_p_decay = 0.6;
       },
       {0, 1, 5}},
      {"top_p 0.9, decay 0.8, least 0.5, reset 4, given 5 5 5 5 4 5 5",
       [](P* p) {
         p->top_p = 0.9;
         p->top_p_decay = 0.8;
         p->top_p_min = 0.5;
         p->top_p_reset_ids = {4};
       },
       {5, 5, 5, 5, 4, 5, 5}},
  };
}

}  // namespace logitd::tests
