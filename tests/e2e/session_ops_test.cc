// What may be done to a session between tokens, on rows of a real language
// model through a running server: fork, rewind, append, update, given tokens,
// peeks, and what a finished session answers.
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"

namespace logitd {
namespace {

using testing::EntryOf;
using testing::Exchange;
using ::testing::HasSubstr;
using testing::Ids;
using testing::Logitd;
using testing::SameBits;
using testing::TempFolder;
using testing::Texts;

// The same entry with another status: replays and peeks.
v1::StepResult WithStatus(v1::StepResult entry, v1::EntryStatus status) {
  entry.set_status(0, status);
  return entry;
}

Ids Joined(Ids tokens, const Ids& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
  return tokens;
}

class SessionOps : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    server_ = new Logitd(*folder_, "2");
    ASSERT_TRUE(server_->Serves()) << server_->process().Errors();
  }
  static void TearDownTestSuite() {
    delete server_;
    delete folder_;
  }

  // A session whose knobs look at the history.
  v1::OpenSession Opening(uint64_t id) const {
    v1::SamplingParams params;
    params.set_temperature(1);
    params.set_top_p(.95);
    params.set_repetition_penalty(1.1);
    v1::OpenSession open =
        client::MakeOpen(id, testing::RealVocabSize(), params, 31);
    open.set_salt("salt");
    open.set_prompt(client::PackIds(prompt_));
    *open.mutable_report() = testing::FullReport();
    return open;
  }

  // Opens session `id` and adds it to the texts.
  v1::SessionOpened Open(uint64_t id, Texts* texts) {
    v1::SampleRequest request;
    *request.add_open() = Opening(id);
    texts->Add(id, prompt_);
    return Exchange(stream_.get(), request).opened(0);
  }

  void Rewind(uint64_t id, size_t text, size_t position, Texts* texts) {
    v1::SampleRequest request;
    request.add_rewind()->set_session_id(id);
    request.mutable_rewind(0)->set_position(static_cast<uint32_t>(position));
    const v1::SampleResponse reply = Exchange(stream_.get(), request);
    EXPECT_EQ(reply.rewound(0).position(), position);
    texts->Resize(text, position);
  }

  // One entry for session `id` after `tokens`, in this mode.
  v1::StepResult StepIn(v1::EntryMode mode, uint64_t id, const Ids& tokens,
                        uint32_t given_token = client::kNone) {
    v1::SampleRequest request;
    v1::Step* step = request.mutable_step();
    client::AddEntry(id, static_cast<uint32_t>(tokens.size()),
                     testing::AddRealRow(tokens, step), step);
    step->add_mode(mode);
    if (mode == v1::ENTRY_MODE_GIVEN) step->add_given_token(given_token);
    return EntryOf(Exchange(stream_.get(), request).step(), 0);
  }

  static TempFolder* folder_;
  static Logitd* server_;
  const Ids prompt_ = testing::Words("the president of the company said");
  std::unique_ptr<client::Stream> stream_ = server_->Connect().Sample();
};

TempFolder* SessionOps::folder_ = nullptr;
Logitd* SessionOps::server_ = nullptr;

TEST_F(SessionOps, ForksDrawTextsOfTheirOwnAndTheForkOfIndexZeroTheParents) {
  Texts texts(stream_.get());
  Open(1, &texts);
  texts.Generate(5);
  v1::SampleRequest request;
  for (uint32_t index = 0; index < 4; ++index) {
    v1::ForkSession* fork = request.add_fork();
    fork->set_parent_session_id(1);
    fork->set_child_session_id(10 + index);
    fork->set_index(index);
    texts.Add(10 + index, texts.tokens(0));
  }
  const v1::SampleResponse reply = Exchange(stream_.get(), request);
  std::set<uint64_t> seeds;
  for (const v1::SessionForked& forked : reply.forked()) {
    EXPECT_EQ(forked.position(), prompt_.size() + 5);
    seeds.insert(forked.seed());
  }
  EXPECT_EQ(seeds.size(), 4u);
  const std::vector<Ids> drawn = texts.Generate(20);
  EXPECT_EQ(drawn[1], drawn[0]);
  EXPECT_EQ(std::set<Ids>(drawn.begin(), drawn.end()).size(), 4u);
}

TEST_F(SessionOps, AForkIsReopenedElsewhereByItsSeedAndContinuesIdentically) {
  Texts texts(stream_.get());
  Open(1, &texts);
  texts.Generate(7);
  v1::SampleRequest request;
  request.add_fork()->set_parent_session_id(1);
  request.mutable_fork(0)->set_child_session_id(2);
  request.mutable_fork(0)->set_index(3);
  const uint64_t seed = Exchange(stream_.get(), request).forked(0).seed();
  texts.Add(2, texts.tokens(0));
  texts.Generate(6);

  const TempFolder folder;
  Logitd other(folder, "1");
  ASSERT_TRUE(other.Serves()) << other.process().Errors();
  const auto stream = other.Connect().Sample();
  v1::OpenSession open = Opening(9);
  open.clear_salt();
  open.set_seed(seed);
  open.set_generated(client::PackIds(
      absl::MakeConstSpan(texts.tokens(1)).subspan(prompt_.size())));
  v1::SampleRequest reopening;
  *reopening.add_open() = open;
  Exchange(stream.get(), reopening);
  Texts elsewhere(stream.get());
  elsewhere.Add(9, texts.tokens(1));
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(SameBits(elsewhere.Step()[0], texts.Step()[1])) << i;
  }
}

TEST_F(SessionOps,
       ARewoundSessionDrawsTheSameWithItsAttemptAndAnewWithAnother) {
  Texts texts(stream_.get());
  Open(1, &texts);
  texts.Generate(4);
  const size_t begin = texts.tokens(0).size();
  const auto draw = [&](uint32_t attempt) {
    std::vector<std::string> entries;
    for (int i = 0; i < 8; ++i) {
      entries.push_back(texts.Step({}, attempt)[0].SerializeAsString());
    }
    Rewind(1, 0, begin, &texts);
    return entries;
  };
  const auto first = draw(0);
  EXPECT_EQ(draw(0), first);
  const auto anew = draw(1);
  EXPECT_NE(anew, first);
  EXPECT_EQ(draw(1), anew);
  EXPECT_EQ(draw(0), first);
}

TEST_F(SessionOps, AppendedTokensCountAsIfTheyHadBeenDrawn) {
  Texts texts(stream_.get());
  Open(1, &texts);
  const Ids drawn = texts.Generate(10)[0];
  Open(2, &texts);
  v1::SampleRequest request;
  v1::AppendTokens* append = request.add_append();
  append->set_session_id(2);
  append->set_position(static_cast<uint32_t>(prompt_.size()));
  append->set_tokens(client::PackIds(drawn));
  const v1::SampleResponse reply = Exchange(stream_.get(), request);
  EXPECT_EQ(reply.appended(0).position(), prompt_.size() + drawn.size());
  texts.Append(1, drawn);
  for (int i = 0; i < 10; ++i) {
    const auto entries = texts.Step();
    EXPECT_TRUE(SameBits(entries[0], entries[1])) << i;
  }
}

TEST_F(SessionOps, AnUpdateActsFromThePositionThatItStates) {
  Texts texts(stream_.get());
  const std::string before = Open(1, &texts).fingerprint();
  texts.Generate(3);
  v1::SampleRequest request;
  v1::UpdateSession* update = request.add_update();
  update->set_session_id(1);
  update->set_position(static_cast<uint32_t>(texts.tokens(0).size()));
  update->mutable_set()->set_temperature(0);
  const v1::SampleResponse reply = Exchange(stream_.get(), request);
  EXPECT_EQ(reply.updated(0).position(), texts.tokens(0).size());
  EXPECT_NE(reply.updated(0).fingerprint(), before);
  const v1::StepResult entry = texts.Step()[0];
  EXPECT_TRUE((entry.flags(0) & v1::ENTRY_FLAG_GREEDY) != 0);
  EXPECT_EQ(entry.kept(0), 1u);
  EXPECT_EQ(entry.final_logprob(0), 0);
}

TEST_F(SessionOps, AnUpdateAtAnotherPositionIsRefusedAndChangesNothing) {
  Texts texts(stream_.get());
  Open(1, &texts);
  Open(2, &texts);
  texts.Generate(3);
  v1::SampleRequest request;
  v1::UpdateSession* update = request.add_update();
  update->set_session_id(1);
  update->set_position(static_cast<uint32_t>(texts.tokens(0).size()) - 1);
  update->mutable_set()->set_temperature(0);
  v1::SampleResponse reply;
  ASSERT_TRUE(stream_->Step(request, &reply).ok());
  const absl::Status refusal = client::ToStatus(reply.updated(0).error());
  EXPECT_EQ(refusal.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refusal.message()),
              HasSubstr(std::to_string(texts.tokens(0).size())));
  const auto entries = texts.Step();
  EXPECT_TRUE(SameBits(entries[0], entries[1]));
}

TEST_F(SessionOps, AnUpdatedSessionIsReopenedWithItsNewParameters) {
  Texts texts(stream_.get());
  Open(1, &texts);
  texts.Generate(5);
  v1::SampleRequest request;
  request.add_update()->set_session_id(1);
  v1::SamplingParams* set = request.mutable_update(0)->mutable_set();
  set->set_temperature(1.4);
  set->set_presence_penalty(.5);
  *request.add_open() = Opening(2);
  v1::OpenSession* open = request.mutable_open(0);
  open->mutable_params()->MergeFrom(*set);
  open->set_generated(client::PackIds(
      absl::MakeConstSpan(texts.tokens(0)).subspan(prompt_.size())));
  const v1::SampleResponse reply = Exchange(stream_.get(), request);
  EXPECT_EQ(reply.updated(0).fingerprint(), reply.opened(0).fingerprint());
  texts.Add(2, texts.tokens(0));
  for (int i = 0; i < 6; ++i) {
    const auto entries = texts.Step();
    EXPECT_TRUE(SameBits(entries[0], entries[1])) << i;
  }
}

TEST_F(SessionOps, RowsOfFinishedAndClosedSessionsAreSkippedAndOthersGoOn) {
  Texts texts(stream_.get());
  v1::SampleRequest request;
  for (const uint64_t id : {1U, 2U, 3U}) {
    *request.add_open() = Opening(id);
    texts.Add(id, prompt_);
  }
  request.mutable_open(0)->mutable_params()->set_max_tokens(2);
  texts.Step(request);
  const auto last = texts.Step();
  EXPECT_EQ(last[0].finish_reason(0), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(last[1].finish_reason(0), v1::FINISH_REASON_UNSPECIFIED);
  v1::SampleRequest close;
  close.add_close()->set_session_id(3);
  const auto after = texts.Step(close);
  EXPECT_EQ(after[0].status(0), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(after[0].token(0), client::kNone);
  EXPECT_EQ(after[1].status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(after[2].status(0), v1::ENTRY_STATUS_SKIPPED);
}

TEST_F(SessionOps, AGivenTokenIsAppendedAndJudgedByTheSameNumbers) {
  Texts texts(stream_.get());
  Open(1, &texts);
  const v1::StepResult drawn = texts.Step()[0];
  Open(2, &texts);
  const uint32_t token = drawn.token(0);
  const v1::StepResult same = StepIn(v1::ENTRY_MODE_GIVEN, 2, prompt_, token);
  EXPECT_EQ(same.token(0), token);
  EXPECT_EQ(same.drawn_token(0), token);
  EXPECT_EQ(same.final_logprob(0), drawn.final_logprob(0));
  EXPECT_EQ(same.raw_logprob(0), drawn.raw_logprob(0));
  EXPECT_EQ(same.kept_mass(0), drawn.kept_mass(0));
  texts.Append(1, {token});
  const auto entries = texts.Step();
  EXPECT_TRUE(SameBits(entries[0], entries[1]));
}

TEST_F(SessionOps, AGivenTokenThatWasNotDrawnIsRankedAndContinuedFrom) {
  Texts texts(stream_.get());
  Open(1, &texts);
  const auto best = client::UnpackIds(
      StepIn(v1::ENTRY_MODE_PEEK, 1, prompt_).top(0).final_ids());
  ASSERT_TRUE(best.ok());
  for (uint32_t rank = 1; rank <= best->size(); ++rank) {
    const uint32_t token = (*best)[rank - 1];
    const v1::StepResult entry =
        StepIn(v1::ENTRY_MODE_GIVEN, 1, prompt_, token);
    EXPECT_EQ(entry.status(0), v1::ENTRY_STATUS_OK);
    EXPECT_EQ(entry.token(0), token);
    EXPECT_EQ(entry.rank(0), rank);
    EXPECT_EQ(entry.final_logprob(0),
              entry.top(0).final_logprobs(static_cast<int>(rank) - 1));
    const Ids after = Joined(prompt_, {token});
    EXPECT_EQ(StepIn(v1::ENTRY_MODE_SAMPLE, 1, after).status(0),
              v1::ENTRY_STATUS_OK);
    Rewind(1, 0, prompt_.size(), &texts);
  }
}

TEST_F(SessionOps, APeekTellsTheNextTokenAndLeavesTheSessionWhereItWas) {
  Texts texts(stream_.get());
  Open(1, &texts);
  texts.Generate(2);
  const Ids tokens = texts.tokens(0);
  const v1::StepResult first = StepIn(v1::ENTRY_MODE_PEEK, 1, tokens);
  EXPECT_EQ(first.status(0), v1::ENTRY_STATUS_PEEKED);
  EXPECT_TRUE(SameBits(StepIn(v1::ENTRY_MODE_PEEK, 1, tokens), first));
  const v1::StepResult drawn = texts.Step()[0];
  EXPECT_TRUE(SameBits(WithStatus(drawn, v1::ENTRY_STATUS_PEEKED), first))
      << drawn.ShortDebugString() << "\n"
      << first.ShortDebugString();
}

TEST_F(SessionOps, AStepSentAgainIsAnsweredWithItsLastResult) {
  Texts texts(stream_.get());
  Open(1, &texts);
  const v1::StepResult drawn = texts.Step()[0];
  const v1::StepResult again = StepIn(v1::ENTRY_MODE_SAMPLE, 1, prompt_);
  EXPECT_TRUE(SameBits(WithStatus(drawn, v1::ENTRY_STATUS_REPLAYED), again))
      << drawn.ShortDebugString() << "\n"
      << again.ShortDebugString();
  EXPECT_EQ(texts.Step()[0].status(0), v1::ENTRY_STATUS_OK);
}

}  // namespace
}  // namespace logitd
