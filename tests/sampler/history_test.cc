// History and its counts against a recount from scratch, whatever is appended,
// taken back, forked or trimmed.
#include "sampler/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/targets.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using ::testing::HasSubstr;
using Counts = std::map<uint32_t, uint32_t>;

Counts CountsOf(const CountTable& table) {
  Counts counts;
  table.ForEach([&](uint32_t id, uint32_t count) {
    EXPECT_TRUE(counts.emplace(id, count).second) << "visited twice";
  });
  EXPECT_EQ(counts.size(), table.distinct());
  return counts;
}

// All tokens, and what a window of them counts.
struct Naive {
  TokenIds tokens;
  size_t prompt_length = 0;

  Counts Count(std::optional<uint32_t> window, bool output_only) const {
    Counts counts;
    const size_t n =
        window ? std::min<size_t>(*window, tokens.size()) : tokens.size();
    for (size_t i = tokens.size() - n; i < tokens.size(); ++i) {
      if (output_only && i < prompt_length) continue;
      ++counts[tokens[i]];
    }
    return counts;
  }
};

constexpr uint32_t kVocab = 50;

Plan Compile(const Params& params) {
  const absl::StatusOr<Plan> plan = Plan::Compile(params, kVocab);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

Params AnyPenalties(Dice* dice) {
  const auto window = [&]() -> std::optional<uint32_t> {
    if (dice->Chance(.3)) return std::nullopt;
    return 1 + dice->Below(dice->Chance(.5) ? 5 : 90);
  };
  Params params;
  if (dice->Chance(.7)) params.repetition_penalty = 1.1;
  if (dice->Chance(.7)) params.frequency_penalty = .5;
  if (dice->Chance(.7)) params.presence_penalty = .5;
  params.repetition_window = window();
  params.frequency_window = window();
  params.presence_window =
      dice->Chance(.5) ? params.frequency_window : window();
  return params;
}

void ExpectCounts(const Naive& naive, const Params& params,
                  const History& history) {
  ASSERT_EQ(history.position(), naive.tokens.size());
  if (params.repetition_penalty) {
    ASSERT_EQ(CountsOf(history.repetition()),
              naive.Count(params.repetition_window, false));
  }
  if (params.frequency_penalty) {
    ASSERT_EQ(CountsOf(history.frequency()),
              naive.Count(params.frequency_window, true));
  }
  if (params.presence_penalty) {
    ASSERT_EQ(CountsOf(history.presence()),
              naive.Count(params.presence_window, true));
  }
}

struct Session {
  Naive naive;
  Params params;
  History history;
};

Session OpenSession(Dice* dice, const Params& params) {
  Naive naive;
  naive.tokens.resize(dice->Below(60));
  for (uint32_t& token : naive.tokens) token = dice->Below(kVocab);
  naive.prompt_length = naive.tokens.size();
  Session session = {naive, params, History(naive.tokens)};
  EXPECT_TRUE(session.history.Follow(Compile(params)).ok());
  return session;
}

void Append(uint32_t token, Session* session) {
  session->history.Append(token);
  session->naive.tokens.push_back(token);
}

void Rewind(size_t count, Session* session) {
  TokenIds& tokens = session->naive.tokens;
  count = std::min(count, tokens.size() - session->naive.prompt_length);
  tokens.resize(tokens.size() - count);
  ASSERT_TRUE(
      session->history.Rewind(static_cast<uint32_t>(tokens.size())).ok());
}

TEST(History, CountsAsARecountDoesWhateverHappensToIt) {
  for (int seed = 0; seed < Effort(200, 20); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    Session session = OpenSession(&dice, AnyPenalties(&dice));
    std::vector<Session> forks;
    for (int i = 0; i < 150; ++i) {
      const uint32_t what = dice.Below(20);
      if (what == 0) {
        Rewind(dice.Below(30), &session);
      } else if (what == 1) {
        forks.push_back(session);
      } else if (what == 2 && !forks.empty()) {
        std::swap(session,
                  forks[dice.Below(static_cast<uint32_t>(forks.size()))]);
      } else if (what == 3) {
        session.params = AnyPenalties(&dice);
        ASSERT_TRUE(session.history.Follow(Compile(session.params)).ok());
      } else {
        Append(dice.Below(kVocab), &session);
      }
      ExpectCounts(session.naive, session.params, session.history);
      if (HasFatalFailure()) return;
    }
    for (const Session& fork : forks) {
      ExpectCounts(fork.naive, fork.params, fork.history);
    }
  }
}

TEST(History, CountsAsARecountDoesThroughThousandsOfTrimmedTokens) {
  for (const uint32_t window : {1u, 2u, 64u, 300u}) {
    Dice dice(window);
    Params params;
    params.repetition_penalty = 1.1;
    params.repetition_window = window;
    params.presence_penalty = 1;
    params.presence_window = window / 2 + 1;
    Session session = OpenSession(&dice, params);
    for (int i = 0; i < Effort(9000, 3000); ++i) {
      Append(dice.Below(kVocab), &session);
      // Drafts that are rejected: at most as far as is promised.
      if (dice.Chance(.01)) {
        const size_t generated =
            session.naive.tokens.size() - session.naive.prompt_length;
        const size_t far =
            std::min<size_t>(dice.Below(kRewindMin + 1), generated);
        TokenIds again(
            session.naive.tokens.end() - static_cast<std::ptrdiff_t>(far),
            session.naive.tokens.end());
        Rewind(far, &session);
        ExpectCounts(session.naive, params, session.history);
        for (uint32_t token : again) Append(token, &session);
      }
      if (i % 100 == 0) ExpectCounts(session.naive, params, session.history);
      if (HasFatalFailure()) return;
    }
  }
}

// Plans that take turns, as phases do.
TEST(History, CountsForThePlanInForceWhicheverWasBefore) {
  for (int seed = 0; seed < Effort(150, 20); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    std::vector<Params> params;
    std::vector<Plan> plans;
    for (uint32_t n = 2 + dice.Below(3); n > 0; --n) {
      params.push_back(AnyPenalties(&dice));
      plans.push_back(Compile(params.back()));
    }
    Session session = OpenSession(&dice, params[0]);
    const auto pick = [&] {
      return dice.Below(static_cast<uint32_t>(plans.size()));
    };
    for (int i = 0; i < 400; ++i) {
      const uint32_t what = dice.Below(20);
      const size_t chosen = pick();
      if (what == 0) {
        Rewind(dice.Below(30), &session);
      } else if (what == 1 || i == 0) {
        session.params = params[chosen];
        ASSERT_TRUE(
            session.history.Follow(plans, chosen, dice.Below(256)).ok());
      } else if (what < 6) {
        session.params = params[chosen];
        session.history.Switch(plans[chosen]);
      } else {
        Append(dice.Below(kVocab), &session);
      }
      ExpectCounts(session.naive, session.params, session.history);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(History, CountsAnewWhenAnotherDialectCountsOtherParts) {
  Params params;
  params.repetition_penalty = 1.5;
  Params of_output = params;
  of_output.dialect = Dialect::kSglang;
  const std::vector<Plan> plans = {Compile(params), Compile(of_output)};
  History history(TokenIds{1, 2});
  history.Append(3);
  ASSERT_TRUE(history.Follow(plans, 0, 0).ok());
  const Counts both = {{1, 1}, {2, 1}, {3, 1}}, output = {{3, 1}};
  EXPECT_EQ(CountsOf(history.repetition()), both);
  history.Switch(plans[1]);
  EXPECT_EQ(CountsOf(history.repetition()), output);
  history.Switch(plans[0]);
  EXPECT_EQ(CountsOf(history.repetition()), both);
}

TEST(History, KeepsWhatAnyOfThePlansLooksAtAndNoMore) {
  Params narrow, wide;
  narrow.repetition_penalty = wide.repetition_penalty = 1.1;
  narrow.repetition_window = 5;
  wide.repetition_window = 600;
  const std::vector<Plan> plans = {Compile(Params()), Compile(narrow),
                                   Compile(wide)};
  Dice dice(5);
  Session session = OpenSession(&dice, narrow);
  for (int i = 0; i < Effort(9000, 3000); ++i) {
    if (i % 700 == 0) {
      ASSERT_TRUE(session.history.Follow(plans, 1, 255).ok());
    }
    Append(dice.Below(kVocab), &session);
    if (i % 900 == 899) {
      Rewind(dice.Below(kRewindMin + 1), &session);
      session.history.Switch(plans[2]);
      ExpectCounts(session.naive, wide, session.history);
      session.history.Switch(plans[0]);
      Append(dice.Below(kVocab), &session);
      session.history.Switch(plans[1]);
      ExpectCounts(session.naive, narrow, session.history);
    }
    ASSERT_LT(session.history.kept(), 2 * (600 + kRewindMin));
    if (HasFatalFailure()) return;
  }
}

TEST(History, KeepsAsManyTokensAsTheCallerLooksBack) {
  const std::vector<Plan> plans = {Compile(Params())};
  History history;
  ASSERT_TRUE(history.Follow(plans, 0, 900).ok());
  for (uint32_t i = 0; i < 9000; ++i) {
    history.Append(i % kVocab);
    ASSERT_GE(history.tail().size(), std::min(i + 1, 900 + kRewindMin));
    ASSERT_LT(history.tail().size(), 2 * (900 + kRewindMin));
  }
  const uint32_t to = 9000 - kRewindMin;
  EXPECT_LE(history.floor(), to);
  ASSERT_TRUE(history.Rewind(to).ok());
  ASSERT_GE(history.tail().size(), 900u);
  for (uint32_t i = 0; i < 900; ++i) {
    EXPECT_EQ(history.tail()[history.tail().size() - 1 - i],
              (to - 1 - i) % kVocab);
  }
}

TEST(History, AnUnknownPromptServesNoPlanThatLooksAtIt) {
  Params params;
  params.repetition_penalty = 1.2;
  const std::vector<Plan> plans = {Compile(Params()), Compile(params)};
  History history = History::WithoutPrompt(5);
  EXPECT_EQ(history.Follow(plans, 0, 0).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(history.prompt_known());
}

TEST(History, CanAlwaysGoBackTheStatedDistance) {
  for (const bool penalised : {false, true}) {
    Params params;
    if (penalised) params.frequency_penalty = 1;
    params.frequency_window = 700;
    Dice dice(1);
    Session session = OpenSession(&dice, params);
    for (uint32_t i = 0; i < 5000; ++i) {
      Append(i % kVocab, &session);
      if (i < kRewindMin) continue;
      History copy = session.history;
      ASSERT_TRUE(copy.Rewind(copy.position() - kRewindMin).ok()) << i;
      ASSERT_EQ(copy.last(), (i - kRewindMin) % kVocab);
    }
  }
}

TEST(History, RefusesToGoBackFurtherThanItKeptAndStaysAsItWas) {
  Params params;
  params.frequency_penalty = 1;
  params.frequency_window = 8;
  Dice dice(2);
  Session session = OpenSession(&dice, params);
  for (uint32_t i = 0; i < 5000; ++i) Append(i % kVocab, &session);
  const absl::Status status = session.history.Rewind(
      static_cast<uint32_t>(session.naive.prompt_length + 10));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("open the session again"));
  ExpectCounts(session.naive, params, session.history);
}

TEST(History, RefusesToRewindIntoThePromptOrForward) {
  History history(TokenIds{1, 2, 3});
  history.Append(4);
  for (const uint32_t position : {0u, 2u, 5u, 0xFFFFFFFFu}) {
    const absl::Status status = history.Rewind(position);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("position: " + std::to_string(position) +
                          " is outside [3, 4]"));
    EXPECT_EQ(history.position(), 4u);
  }
  EXPECT_TRUE(history.Rewind(4).ok());
  EXPECT_TRUE(history.Rewind(3).ok());
  EXPECT_EQ(history.generated(), 0u);
}

TEST(History, KnowsItsLastTokenAsFarBackAsItCanBeRewound) {
  History history;
  ASSERT_TRUE(history.Follow(Compile(Params())).ok());
  for (uint32_t i = 0; i < 3000; ++i) history.Append(i % kVocab);
  while (history.generated() > 1) {
    History copy = history;
    if (!copy.Rewind(history.position() - 1).ok()) break;
    history = copy;
    ASSERT_EQ(history.last(), (history.position() - 1) % kVocab);
  }
  EXPECT_LE(history.position(), 3000u - kRewindMin);
}

// It counts on, also for one who goes back as far as is allowed.
TEST(History, KnowsWhatBeganBeforeTheTokensThatItKeeps) {
  Params params;
  params.thinking_budget = {{7}, {8}, 10, {}};
  params.top_p = 0.9;
  params.top_p_decay = 0.5;
  params.top_p_reset_ids = {9};
  const Plan plan = Compile(params);
  History history;
  ASSERT_TRUE(history.Follow(plan).ok());
  for (const uint32_t token : {1u, 9u, 9u, 7u, 8u, 7u}) history.Append(token);
  for (int i = 0; i < 3000; ++i) history.Append(1);
  EXPECT_EQ(history.thought(), 3000u);
  EXPECT_EQ(history.since_top_p_reset(), 3003u);
  ASSERT_LT(history.kept(), 3000u) << "it keeps them all, and shows nothing";
  ASSERT_TRUE(history.Rewind(history.position() - kRewindMin).ok());
  EXPECT_EQ(history.thought(), history.position() - 6);
  EXPECT_EQ(history.since_top_p_reset(), history.position() - 3);
}

TEST(History, WithAnUnknownPromptCountsTheOutputOnlyInTheRightWindow) {
  Params params;
  params.frequency_penalty = 1;
  params.frequency_window = 4;
  History history = History::WithoutPrompt(1000000);
  ASSERT_TRUE(history.Follow(Compile(params)).ok());
  EXPECT_EQ(history.position(), 1000000u);
  EXPECT_EQ(history.generated(), 0u);
  for (uint32_t token : {1u, 2u, 2u, 3u, 2u, 5u}) history.Append(token);
  EXPECT_EQ(CountsOf(history.frequency()), (Counts{{2, 2}, {3, 1}, {5, 1}}));
  EXPECT_EQ(history.generated(), 6u);
  EXPECT_TRUE(history.Rewind(1000003).ok());
  EXPECT_EQ(CountsOf(history.frequency()), (Counts{{1, 1}, {2, 2}}));
}

TEST(History, WithAnUnknownPromptCannotServeARepetitionPenalty) {
  Params params;
  params.repetition_penalty = 1.2;
  History history = History::WithoutPrompt(5);
  const absl::Status status = history.Follow(Compile(params));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("prompt"));
  History empty = History::WithoutPrompt(0);
  EXPECT_TRUE(empty.Follow(Compile(params)).ok()) << "nothing is unknown";
}

TEST(History, RefusesAPlanThatLooksFurtherBackThanWasKept) {
  History history;
  ASSERT_TRUE(history.Follow(Compile(Params())).ok());
  for (uint32_t i = 0; i < 5000; ++i) history.Append(i % kVocab);
  Params params;
  params.presence_penalty = 1;
  EXPECT_EQ(history.Follow(Compile(params)).code(),
            absl::StatusCode::kFailedPrecondition);
  params.presence_window = 100;
  ASSERT_TRUE(history.Follow(Compile(params)).ok());
  EXPECT_EQ(history.presence().distinct(), kVocab);
}

TEST(History, AWindowCountsThePromptsTokensAsPlaces) {
  Params params;
  params.presence_penalty = 1;
  params.presence_window = 3;
  History history(TokenIds{7, 7, 7});
  ASSERT_TRUE(history.Follow(Compile(params)).ok());
  EXPECT_EQ(CountsOf(history.presence()), Counts());
  history.Append(1);  // the window holds 7 7 1, of which the output is 1
  EXPECT_EQ(CountsOf(history.presence()), (Counts{{1, 1}}));
  for (uint32_t token : {2u, 3u, 4u}) history.Append(token);
  EXPECT_EQ(CountsOf(history.presence()), (Counts{{2, 1}, {3, 1}, {4, 1}}));
}

TEST(History, GivesBackAPromptThatNothingLooksAt) {
  History history(TokenIds(1 << 20, 7));
  ASSERT_TRUE(history.Follow(Compile(Params())).ok());
  EXPECT_LE(history.kept(), 4 * kRewindMin);
  EXPECT_EQ(history.position(), 1u << 20);
  EXPECT_EQ(history.last(), 7u);
}

TEST(History, WithoutAWindowCountsEveryTokenHoweverManyThereAre) {
  constexpr uint32_t kMany = 2200000;  // beyond twice the largest window
  Params params;
  params.repetition_penalty = 1.1;
  params.presence_penalty = 1;
  History history(TokenIds(kMany, 7));
  ASSERT_TRUE(history.Follow(Compile(params)).ok());
  for (int i = 0; i < 3; ++i) history.Append(1);
  params.temperature = 0.5;
  ASSERT_TRUE(history.Follow(Compile(params)).ok());
  EXPECT_EQ(CountsOf(history.repetition()), (Counts{{1, 3}, {7, kMany}}));
  EXPECT_EQ(CountsOf(history.presence()), (Counts{{1, 3}}));
}

TEST(CountTable, IsAMapOfCountsUnderAnyAdditionsAndRemovals) {
  for (int seed = 0; seed < Effort(60, 6); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    CountTable table;
    Counts model;
    // Few ids with neighbours in the table, or many, or huge ones.
    const uint32_t range = seed % 3 == 0 ? 20 : seed % 3 == 1 ? 5000 : 0;
    for (int i = 0; i < 4000; ++i) {
      uint32_t id =
          range != 0 ? dice.Below(range) : static_cast<uint32_t>(dice.Next());
      if (dice.Chance(.45) && !model.empty()) {
        auto entry = model.lower_bound(id);
        if (entry == model.end()) entry = model.begin();
        id = entry->first;
        table.Remove(id);
        if (--entry->second == 0) model.erase(entry);
      } else {
        table.Add(id);
        ++model[id];
      }
      const auto entry = model.find(id);
      ASSERT_EQ(table.Count(id), entry == model.end() ? 0 : entry->second);
      if (i % 200 == 0) {
        ASSERT_EQ(CountsOf(table), model);
      }
    }
    ASSERT_EQ(CountsOf(table), model);
    table.Clear();
    ASSERT_EQ(CountsOf(table), Counts());
  }
}

TEST(CountTable, ThatIsEmptyCountsNothing) {
  const CountTable table;
  EXPECT_EQ(table.Count(3), 0u);
  EXPECT_EQ(table.distinct(), 0u);
}

}  // namespace
}  // namespace logitd::tests
