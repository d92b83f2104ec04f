// The index of repeats against looking at everything, on text and on histories
// made to be as repetitive as can be, through appends, rewinds, forks and
// trimming.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sampler/history.h"
#include "sampler/repeat_index.h"
#include "tests/sampler/targets.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using Lengths = std::map<uint32_t, uint32_t>;

constexpr uint32_t kVocab = 64;

Lengths LengthsOf(const Repeats& repeats) {
  Lengths lengths;
  for (const uint32_t id : repeats.ids) {
    EXPECT_TRUE(lengths.emplace(id, repeats.length[id]).second) << "twice";
  }
  for (uint32_t id = 0; id < repeats.length.size(); ++id) {
    EXPECT_EQ(repeats.length[id] != 0, lengths.count(id) == 1);
  }
  return lengths;
}

// By the definition, for tokens that are all kept.
Lengths Naive(const TokenIds& tokens, const RepeatQuery& query) {
  Lengths lengths;
  const size_t end = tokens.size();
  for (size_t j = query.from + 1; j < end; ++j) {
    uint32_t n = 0;
    while (n < std::min<size_t>(j - query.from, query.most) &&
           tokens[j - 1 - n] == tokens[end - 1 - n]) {
      ++n;
    }
    if (n >= query.least) {
      lengths[tokens[j]] = std::max(lengths[tokens[j]], n);
    }
  }
  return lengths;
}

TokenIds Fibonacci(size_t count) {
  TokenIds before = {0}, tokens = {0, 1};
  while (tokens.size() < count) {
    TokenIds next = tokens;
    next.insert(next.end(), before.begin(), before.end());
    before = std::move(tokens);
    tokens = std::move(next);
  }
  tokens.resize(count);
  return tokens;
}

// Random tokens that repeat parts of themselves.
TokenIds Stammer(size_t count, uint64_t seed) {
  Dice dice(seed);
  const uint32_t ids = 1 + dice.Below(kVocab - 1);
  TokenIds tokens;
  while (tokens.size() < count) {
    tokens.push_back(dice.Below(ids));
    if (!dice.Chance(.1)) continue;
    uint32_t from = dice.Below(static_cast<uint32_t>(tokens.size()));
    for (uint32_t n = dice.Below(60); n > 0; --n) {
      tokens.push_back(tokens[from++]);
    }
  }
  tokens.resize(count);
  return tokens;
}

struct Named {
  std::string name;
  TokenIds tokens;
};

std::vector<Named> Histories(size_t count) {
  std::vector<Named> all;
  all.push_back({"same", TokenIds(count, 5)});
  for (const uint32_t period : {2u, 3u, 7u}) {
    TokenIds tokens;
    for (uint32_t i = 0; i < count; ++i) tokens.push_back(i % period);
    all.push_back({"period " + std::to_string(period), tokens});
  }
  all.push_back({"fibonacci", Fibonacci(count)});
  Dice dice(3);
  TokenIds coins;
  for (size_t i = 0; i < count; ++i) coins.push_back(dice.Below(2));
  all.push_back({"coins", coins});
  // A block again and again, and something else behind it each time.
  TokenIds blocks;
  while (blocks.size() < count) {
    for (uint32_t i = 0; i < 90; ++i) blocks.push_back(i * i % 5);
    blocks.push_back(8 + dice.Below(9));
  }
  blocks.resize(count);
  all.push_back({"blocks", blocks});
  for (uint64_t seed = 0; seed < 6; ++seed) {
    all.push_back({"stammer " + std::to_string(seed), Stammer(count, seed)});
  }
  return all;
}

RepeatQuery AnyQuery(uint32_t gram, uint32_t end, Dice* dice) {
  RepeatQuery query;
  query.from = dice->Chance(.5) ? 0 : dice->Below(end + 1);
  query.least = gram + dice->Below(dice->Chance(.7) ? 3 : 30);
  query.most = dice->Chance(.5) ? 0xFFFFFFFF : dice->Below(60);
  return query;
}

TEST(RepeatIndex, FindsTheLongestRepeatBeforeEachToken) {
  for (const Named& history : Histories(700)) {
    for (uint32_t gram = 1; gram <= RepeatIndex::kGramMax; ++gram) {
      Dice dice(gram);
      RepeatIndex index;
      index.Start(gram, {}, 0);
      Repeats repeats;
      for (uint32_t n = 1; n <= history.tokens.size(); ++n) {
        const TokenIds tokens(history.tokens.begin(),
                              history.tokens.begin() + n);
        index.Append(tokens, 0);
        if (!dice.Chance(.2)) continue;
        const RepeatQuery query = AnyQuery(gram, n, &dice);
        repeats.Clear(kVocab);
        index.Find(tokens, 0, query, &repeats);
        ASSERT_EQ(LengthsOf(repeats), Naive(tokens, query))
            << history.name << ", " << n << " tokens";
        repeats.Clear(kVocab);
        if (query.from < n) {
          FindRepeatsInLinearTime(tokens, 0, query, &repeats);
          ASSERT_EQ(LengthsOf(repeats), Naive(tokens, query)) << history.name;
        }
      }
    }
  }
}

// Both ways through histories as long as any: that this ends is the test.
TEST(RepeatIndex, EndsOnEndlessRepetition) {
  constexpr size_t kLong = 131072;
  for (const Named& history : Histories(Effort(kLong, kLong / 8))) {
    RepeatIndex index;
    index.Start(2, history.tokens, 0);
    Repeats chained, linear;
    const RepeatQuery query = {0, 2, 0xFFFFFFFF};
    for (int i = 0; i < 8; ++i) {
      const size_t size = history.tokens.size() - static_cast<size_t>(i);
      const TokenIds tokens(
          history.tokens.begin(),
          history.tokens.begin() + static_cast<std::ptrdiff_t>(size));
      chained.Clear(kVocab);
      index.Find(tokens, 0, query, &chained);
      linear.Clear(kVocab);
      FindRepeatsInLinearTime(tokens, 0, query, &linear);
      ASSERT_EQ(LengthsOf(chained), LengthsOf(linear)) << history.name;
      index.RemoveLast(tokens, 0);
    }
  }
}

// A million million comparisons would not end.
TEST(RepeatIndex, IsLinearWhereNearlyEveryTokenIsTheSame) {
  TokenIds tokens(1 << 20, 7);
  Repeats repeats;
  repeats.Clear(kVocab);
  FindRepeatsInLinearTime(tokens, 0, {0, 2, 0xFFFFFFFF}, &repeats);
  EXPECT_EQ(repeats.length[7], tokens.size() - 1);
  tokens.push_back(8);
  tokens.insert(tokens.end(), 1 << 20, 7);
  repeats.Clear(kVocab);
  FindRepeatsInLinearTime(tokens, 0, {0, 2, 0xFFFFFFFF}, &repeats);
  EXPECT_EQ(repeats.length[7], (1 << 20) - 1);
  EXPECT_EQ(repeats.length[8], 1 << 20);
}

// ---- in a history

struct Session {
  TokenIds tokens;
  size_t prompt = 0;
  History history;
};

void Append(uint32_t token, Session* session) {
  session->tokens.push_back(token);
  session->history.Append(token);
}

void Rewind(size_t count, Session* session) {
  TokenIds& tokens = session->tokens;
  tokens.resize(std::max(session->prompt,
                         tokens.size() - std::min(count, tokens.size())));
  ASSERT_TRUE(
      session->history.Rewind(static_cast<uint32_t>(tokens.size())).ok());
}

Params AnyParams(Dice* dice) {
  Params params;
  if (dice->Chance(.8)) {
    params.dry_multiplier = 1;
    if (dice->Chance(.7)) params.dry_window = 1 + dice->Below(300);
    if (dice->Chance(.5)) params.dry_allowed_length = 1 + dice->Below(6);
    if (dice->Chance(.5)) params.dry_breaker_ids = {dice->Below(8)};
    while (dice->Chance(.3)) {
      params.dry_breaker_sequences.push_back(
          {dice->Below(8), dice->Below(8), dice->Below(8)});
    }
  }
  if (dice->Chance(.5)) params.no_repeat_ngram = 1 + dice->Below(5);
  return params;
}

bool EndsIn(const TokenIds& tokens, size_t count, const TokenIds& sequence) {
  return count >= sequence.size() &&
         std::equal(sequence.rbegin(), sequence.rend(),
                    tokens.rend() - static_cast<std::ptrdiff_t>(count));
}

// How many of the last tokens no breaker of the window is among.
uint32_t Reach(const TokenIds& tokens, const Params& params, uint32_t from) {
  std::vector<TokenIds> breakers = params.dry_breaker_sequences;
  for (const uint32_t id : params.dry_breaker_ids) breakers.push_back({id});
  size_t count = tokens.size();
  for (; count > from; --count) {
    if (std::any_of(breakers.begin(), breakers.end(),
                    [&](const auto& b) { return EndsIn(tokens, count, b); })) {
      break;
    }
  }
  return static_cast<uint32_t>(tokens.size() - count);
}

void ExpectFound(const Session& session, const Plan& plan) {
  const TokenIds& tokens = session.tokens;
  const uint32_t end = static_cast<uint32_t>(tokens.size());
  Repeats repeats;
  if (plan.dry) {
    const uint32_t window = plan.dry->window.value_or(end);
    const uint32_t from = end - std::min(window, end);
    const RepeatQuery query = {from, plan.dry->allowed_length,
                               Reach(tokens, plan.params, from)};
    repeats.Clear(kVocab);
    session.history.FindDry(*plan.dry, &repeats);
    ASSERT_EQ(LengthsOf(repeats), Naive(tokens, query)) << end;
  }
  if (plan.no_repeat_ngram > 1) {
    const uint32_t least = plan.no_repeat_ngram - 1;
    repeats.Clear(kVocab);
    session.history.FindNgrams(plan.no_repeat_ngram, &repeats);
    ASSERT_EQ(LengthsOf(repeats), Naive(tokens, {0, least, least})) << end;
  }
  if (plan.no_repeat_ngram == 1) {
    const std::set<uint32_t> seen(tokens.begin(), tokens.end());
    ASSERT_EQ(session.history.all_tokens().distinct(), seen.size());
  }
}

// Plans that take turns, as phases do; drafts taken back, forks, updates.
TEST(RepeatsInAHistory, AreThoseOfItsTokensWhateverHappenedToIt) {
  for (int seed = 0; seed < Effort(120, 12); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    std::vector<Plan> plans;
    for (uint32_t n = 1 + dice.Below(3); n > 0; --n) {
      plans.push_back(*Plan::Compile(AnyParams(&dice), kVocab));
    }
    const TokenIds source = Stammer(600, dice.Next());
    Session session;
    session.prompt = dice.Below(200);
    session.tokens.assign(
        source.begin(),
        source.begin() + static_cast<std::ptrdiff_t>(session.prompt));
    session.history = History(session.tokens);
    size_t in_force = 0;
    ASSERT_TRUE(session.history.Follow(plans, in_force, 0).ok());
    std::vector<Session> forks;
    for (size_t i = session.prompt; i < source.size(); ++i) {
      const uint32_t what = dice.Below(24);
      if (what == 0) Rewind(dice.Below(40), &session);
      if (what == 1) forks.push_back(session);
      if (what < 5) {
        in_force = dice.Below(static_cast<uint32_t>(plans.size()));
        session.history.Switch(plans[in_force]);
      }
      Append(source[i] % 8, &session);
      ExpectFound(session, plans[in_force]);
      if (HasFatalFailure()) return;
    }
    for (Session& fork : forks) {
      fork.history.Switch(plans[0]);
      ExpectFound(fork, plans[0]);
      Append(1, &fork);
      ExpectFound(fork, plans[0]);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RepeatsInAHistory, AreRightInAWindowThroughThousandsOfTrimmedTokens) {
  for (const uint32_t window : {1u, 3u, 64u, 300u}) {
    Params params;
    params.dry_multiplier = 1;
    params.dry_window = window;
    params.dry_allowed_length = 1;
    params.dry_breaker_sequences = {{1, 2, 3, 1}, {4, 4}};
    const Plan plan = *Plan::Compile(params, kVocab);
    Dice dice(window);
    Session session;
    ASSERT_TRUE(session.history.Follow(plan).ok());
    const TokenIds source = Stammer(Effort(6000, 4000), window);
    for (size_t i = 0; i < source.size(); ++i) {
      Append(source[i] % 6, &session);
      if (dice.Chance(.003)) Rewind(dice.Below(kRewindMin + 1), &session);
      if (i % 7 == 0) ExpectFound(session, plan);
      ASSERT_LT(session.history.kept(), 2 * (window + 2 * kRewindMin + 8));
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(session.history.floor(), 0u) << "nothing was trimmed";
  }
}

TEST(RepeatsInAHistory, OfNgramsReachBackToTheFirstToken) {
  Params params;
  params.no_repeat_ngram = 3;
  const Plan plan = *Plan::Compile(params, kVocab);
  Session session;
  ASSERT_TRUE(session.history.Follow(plan).ok());
  const TokenIds source = Stammer(3000, 1);
  for (size_t i = 0; i < source.size(); ++i) {
    Append(source[i], &session);
    if (i % 50 == 0) ExpectFound(session, plan);
    if (HasFatalFailure()) return;
  }
}

TEST(RepeatsInAHistory, AreThoseOfOneThatIsOpenedWithAllTokensAtOnce) {
  for (const Named& history : Histories(500)) {
    Params params;
    params.dry_multiplier = 1;
    params.dry_breaker_ids = {7};
    params.no_repeat_ngram = 3;
    const Plan plan = *Plan::Compile(params, kVocab);
    History one_by_one;
    ASSERT_TRUE(one_by_one.Follow(plan).ok());
    for (const uint32_t token : history.tokens) one_by_one.Append(token);
    History at_once(history.tokens);
    ASSERT_TRUE(at_once.Follow(plan).ok());
    Repeats a, b;
    a.Clear(kVocab);
    b.Clear(kVocab);
    one_by_one.FindDry(*plan.dry, &a);
    at_once.FindDry(*plan.dry, &b);
    EXPECT_EQ(LengthsOf(a), LengthsOf(b)) << history.name;
  }
}

// ---- marks

TEST(History, KnowsHowLongItThinks) {
  Params params;
  params.thinking_budget = {{1, 2}, {3}, 100, {}};
  const Plan plan = *Plan::Compile(params, kVocab);
  History history(TokenIds{5, 1, 2, 6});
  ASSERT_TRUE(history.Follow(plan).ok());
  EXPECT_EQ(history.thought(), 1u) << "the prompt counts";
  history.Append(6);
  EXPECT_EQ(history.thought(), 2u);
  history.Append(1);
  history.Append(2);
  EXPECT_EQ(history.thought(), 0u) << "behind the last start";
  history.Append(3);
  EXPECT_EQ(history.thought(), std::nullopt);
  history.Append(2);
  EXPECT_EQ(history.thought(), std::nullopt);
  ASSERT_TRUE(history.Rewind(6).ok());
  EXPECT_EQ(history.thought(), 3u);
}

TEST(History, CountsTheTokensBehindTheLastReset) {
  Params params;
  params.top_p_decay = 0.99999;  // it takes a million tokens to its least
  params.top_p_reset_ids = {7, 9};
  const Plan plan = *Plan::Compile(params, kVocab);
  History history(TokenIds{7, 1});
  ASSERT_TRUE(history.Follow(plan).ok());
  EXPECT_EQ(history.since_top_p_reset(), 0u) << "the prompt resets nothing";
  Dice dice(5);
  uint32_t since = 0;
  std::vector<uint32_t> after = {0};
  for (int i = 0; i < 3000; ++i) {
    const uint32_t token = dice.Chance(.01) ? 9 : dice.Below(6);
    history.Append(token);
    since = token == 9 ? 0 : since + 1;
    after.push_back(since);
    ASSERT_EQ(history.since_top_p_reset(), since);
    if (dice.Chance(.02)) {
      const uint32_t back = std::min(history.generated(), dice.Below(200));
      ASSERT_TRUE(history.Rewind(history.position() - back).ok());
      after.resize(after.size() - back);
      since = after.back();
      ASSERT_EQ(history.since_top_p_reset(), since);
    }
  }
  const Plan without = *Plan::Compile(Params(), kVocab);
  History trimmed(TokenIds(3000, 9));
  ASSERT_TRUE(trimmed.Follow(without).ok());
  EXPECT_EQ(trimmed.Follow(plan).code(), absl::StatusCode::kFailedPrecondition)
      << "the last reset may be among what is gone";
  const std::vector<Plan> plans = {plan, without};
  ASSERT_TRUE(history.Follow(plans, 1, 0).ok());
  history.Append(9);
  history.Append(1);
  history.Switch(plan);
  EXPECT_EQ(history.since_top_p_reset(), 1u);
}

TEST(Marks, KnowTheLastBeforeWhateverIsRewoundTo) {
  Marks marks;
  EXPECT_EQ(marks.last(), 0u);
  marks.Watch(std::make_shared<const SequenceSet>(std::vector<TokenIds>{{1}}));
  const TokenIds tokens = {0, 1, 1, 0, 0, 1, 0};
  for (uint32_t n = 1; n <= tokens.size(); ++n) {
    marks.Append(absl::Span<const uint32_t>(tokens).first(n), n);
  }
  EXPECT_EQ(marks.last(), 6u);
  marks.Trim(5);
  marks.Rewind(6);
  EXPECT_EQ(marks.last(), 6u);
  marks.Rewind(5);
  EXPECT_EQ(marks.last(), 3u);
  EXPECT_TRUE(marks.Watches(
      std::make_shared<const SequenceSet>(std::vector<TokenIds>{{1}, {1}})));
  EXPECT_FALSE(marks.Watches(nullptr));
}

TEST(SequenceSet, EndsOneOfWhatEndsSo) {
  Dice dice(11);
  for (int i = 0; i < 300; ++i) {
    std::vector<TokenIds> sequences(1 + dice.Below(12));
    for (TokenIds& sequence : sequences) {
      sequence.resize(1 + dice.Below(5));
      for (uint32_t& token : sequence) token = dice.Below(3);
    }
    const SequenceSet set(sequences);
    for (int j = 0; j < 30; ++j) {
      TokenIds tokens(dice.Below(8));
      for (uint32_t& token : tokens) token = dice.Below(3);
      const bool expected = std::any_of(
          sequences.begin(), sequences.end(),
          [&](const auto& s) { return EndsIn(tokens, tokens.size(), s); });
      ASSERT_EQ(set.EndsOneOf(tokens), expected);
    }
  }
}

}  // namespace
}  // namespace logitd::tests
