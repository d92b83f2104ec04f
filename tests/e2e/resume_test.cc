// A generation goes on elsewhere: another process, other threads, another
// instruction set, after kill -9. Token for token and bit for bit as if it had
// never moved, on rows of a real language model. It moves at each of 200
// positions and is followed for three tokens, from every 20th to the end; with
// LOGITD_LONG=1 from each to the end.
#include <signal.h>

#include <memory>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/processes.h"
#include "tests/support/effort.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using client::PackIds;
using testing::EntryOf;
using testing::Exchange;
using testing::Ids;
using testing::Logitd;
using testing::TempFolder;
using testing::Words;

constexpr uint32_t kTokens = 200;
constexpr uint32_t kKills = 20;
// How far a continuation is followed, and which ones to the end.
constexpr uint32_t kAhead = 3;
constexpr uint32_t kWholeEvery = 20;
// Where a stop sequence is half matched and then fails.
constexpr uint32_t kHalfMatch = 98;

struct Recipe {
  const char* name;
  void (*set)(v1::OpenSession* open);
  v1::FinishReason end = v1::FINISH_REASON_UNSPECIFIED;
  bool masked = false;
};
void PrintTo(const Recipe& recipe, std::ostream* out) { *out << recipe.name; }

void SetNucleus(v1::OpenSession* open) {
  open->mutable_params()->set_temperature(.9);
  open->mutable_params()->set_top_p(.95);
}

void SetPenalties(v1::OpenSession* open) {
  v1::SamplingParams* params = open->mutable_params();
  params->set_temperature(.7);
  params->set_repetition_penalty(1.2);
  params->set_repetition_window(17);
  params->set_frequency_penalty(.9);
  params->set_frequency_window(60);
  params->set_presence_penalty(.5);
  params->set_presence_window(33);
  Ids exempt = Words("of in");
  exempt.push_back(testing::EndOfSentence());
  params->set_penalty_exclude_ids(PackIds(exempt));
}

void SetStops(v1::OpenSession* open) {
  open->mutable_params()->set_temperature(.8);
  open->mutable_params()->set_top_k(400);
}

void SetMasked(v1::OpenSession* open) {
  open->mutable_params()->set_temperature(1.1);
  open->mutable_params()->set_top_p(.9);
}

void SetMirostat(v1::OpenSession* open) {
  open->mutable_params()->set_mirostat(2);
  open->mutable_params()->set_mirostat_tau(6);
}

void SetSteered(v1::OpenSession* open) {
  v1::SamplingParams* params = open->mutable_params();
  params->set_dynamic_temperature_range(.4);
  params->set_top_n_sigma(4);
  params->set_min_p(.002);
  params->set_adaptive_p_target(.2);
  params->set_dry_multiplier(.8);
  params->set_dry_window(120);
  params->set_no_repeat_ngram(4);
}

void SetLists(v1::OpenSession* open) {
  open->set_salt("a prompt of its own");
  v1::SamplingParams* params = open->mutable_params();
  params->set_temperature(1.3);
  params->set_top_k(80);
  params->set_min_p(.01);
  params->set_logit_bias_ids(PackIds(Words("the of we")));
  for (const double addend : {-2.0, .75, 1.5}) {
    params->add_logit_bias_values(addend);
  }
  params->set_banned_ids(PackIds(Words("and a is")));
  params->set_eos_ids(PackIds({testing::EndOfSentence()}));
  params->set_stop_ids(PackIds(Words("to that")));
  params->set_min_tokens(kTokens);
  params->set_max_tokens(kTokens);
}

// A mask for each position: three of four tokens, others at each.
std::string MaskAt(uint32_t position) {
  tests::Dice dice(position);
  Ids words((testing::RealVocabSize() + 31) / 32);
  for (uint32_t& word : words) {
    word = static_cast<uint32_t>(dice.Next() | dice.Next());
  }
  return PackIds(words);
}

class Resume : public ::testing::TestWithParam<Recipe> {
 protected:
  // Generates the reference on a server with one thread.
  void SetUp() override {
    Logitd server(folder_, "1");
    ASSERT_TRUE(server.Serves()) << server.process().Errors();
    const client::Client client = server.Connect();
    const auto info = client.GetServerInfo();
    ASSERT_TRUE(info.ok()) << info.status().ToString();
    for (const std::string& kernels : info->instruction_sets()) {
      if (kernels == "AVX2") kernels_ = kernels;
    }
    if (GetParam().end == v1::FINISH_REASON_STOP_SEQUENCE) {
      Generate(client);
      AddStops();
    }
    Generate(client);
    ASSERT_EQ(tokens_.size(), kTokens);
    CheckReference();
  }

  // What makes the comparison worth something: a text, no loop, and the end
  // that the parameters ask for, with the last token.
  void CheckReference() const {
    EXPECT_GT(std::set<uint32_t>(tokens_.begin(), tokens_.end()).size(), 60u);
    EXPECT_GT(entries_.front().kept(0), 1u);
    EXPECT_LT(entries_.front().final_logprob(0), 0);
    EXPECT_EQ(entries_.back().finish_reason(0), GetParam().end);
  }

  void Generate(const client::Client& client) {
    fingerprint_.clear();
    tokens_.clear();
    entries_.clear();
    const auto stream = client.Sample();
    for (uint32_t at = 0; at < kTokens; ++at) {
      v1::SampleRequest request;
      if (at == 0) *request.add_open() = Open(1, 0);
      AddStep(at, {1}, request.mutable_step());
      const v1::SampleResponse reply = Exchange(stream.get(), request);
      if (at == 0) fingerprint_ = reply.opened(0).fingerprint();
      ASSERT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
      entries_.push_back(EntryOf(reply.step(), 0));
      tokens_.push_back(reply.step().token(0));
    }
  }

  // One stop sequence that begins and does not go on, and one that is complete
  // with the last token: at the cuts 99, 100 and 195 to 199 one is half
  // matched, and the last three are followed to the end.
  void AddStops() {
    const uint32_t never = testing::EndOfSentence() + 1;
    stops_.push_back({tokens_[kHalfMatch], tokens_[kHalfMatch + 1], never});
    stops_.emplace_back(tokens_.end() - 6, tokens_.end());
    ASSERT_NE(tokens_[kHalfMatch + 2], never);
  }

  // The session with its first `cut` tokens.
  v1::OpenSession Open(uint64_t id, uint32_t cut) const {
    v1::OpenSession open;
    open.set_session_id(id);
    open.set_vocab_size(testing::RealVocabSize());
    open.set_seed(20240607);
    open.set_prompt(PackIds(prompt_));
    *open.mutable_report() = testing::FullReport();
    GetParam().set(&open);
    for (const Ids& stop : stops_) {
      open.mutable_params()->add_stop_sequences()->set_tokens(PackIds(stop));
    }
    open.set_generated(PackIds(absl::MakeConstSpan(tokens_).subspan(0, cut)));
    if (cut > 0 && entries_[cut - 1].state_size() > 0) {
      open.set_state(entries_[cut - 1].state(0));
    }
    open.set_expected_fingerprint(fingerprint_);
    return open;
  }

  // A step of these sessions at generated token `at`: one row for all, since
  // all have the same history if the test holds.
  void AddStep(uint32_t at, const std::vector<uint64_t>& sessions,
               v1::Step* step) const {
    Ids context = prompt_;
    context.insert(context.end(), tokens_.begin(), tokens_.begin() + at);
    const auto position = static_cast<uint32_t>(context.size());
    testing::AddRealRow(context, step);
    for (const uint64_t session : sessions) {
      client::AddEntry(session, position, 0, step);
    }
    if (!GetParam().masked) return;
    const std::string mask = MaskAt(at);
    step->set_mask_words(static_cast<uint32_t>(mask.size() / 4));
    step->mutable_mask_table()->set_inline_(mask);
    for (size_t i = 0; i < sessions.size(); ++i) step->add_mask_index(0);
  }

  // Steps these sessions at `at` and compares what they are told.
  void StepAndCompare(uint32_t at, const std::vector<uint64_t>& sessions,
                      v1::SampleRequest request, client::Stream* stream) {
    AddStep(at, sessions, request.mutable_step());
    const v1::SampleResponse reply = Exchange(stream, std::move(request));
    ASSERT_EQ(reply.step().status_size(), static_cast<int>(sessions.size()));
    for (int i = 0; i < reply.step().status_size(); ++i) {
      const v1::StepResult entry = EntryOf(reply.step(), i);
      ASSERT_TRUE(testing::SameBits(entry, entries_[at]))
          << "resumed at token " << sessions[static_cast<size_t>(i)]
          << ", token " << at << ":\n"
          << entry.ShortDebugString() << "\nbefore:\n"
          << entries_[at].ShortDebugString();
    }
  }

  // From token `from` to `to` on this stream, in a session opened for it.
  void Continue(uint32_t from, uint32_t to, client::Stream* stream) {
    for (uint32_t at = from; at < to && !HasFatalFailure(); ++at) {
      v1::SampleRequest request;
      if (at == from) *request.add_open() = Open(from, from);
      StepAndCompare(at, {from}, std::move(request), stream);
    }
  }

  // Serves tokens from `from` to `to`, and is killed while it makes token `to`.
  void ServeUntilKilled(uint32_t from, uint32_t to, Logitd* server) {
    const auto stream = server->Connect().Sample();
    ASSERT_NO_FATAL_FAILURE(Continue(from, to, stream.get()));
    v1::SampleRequest request;
    request.set_request_id(to);
    AddStep(to, {from}, request.mutable_step());
    ASSERT_TRUE(stream->Send(request).ok());
    const bool reply_is_made = to % 2 == 0;
    if (reply_is_made) {
      EXPECT_TRUE(testing::WaitUntil([&] {
        return server->Metric("logitd_steps_total") == to - from + 1;
      }));
    }
    server->process().KillAtOnce();
    EXPECT_EQ(server->process().Wait(), -SIGKILL);
  }

  const TempFolder folder_;
  const Ids prompt_ = Words("the members of the committee said that");
  std::string kernels_ = "auto";  // An instruction set that may differ.
  std::vector<Ids> stops_;
  std::string fingerprint_;
  Ids tokens_;
  std::vector<v1::StepResult> entries_;
};

TEST_P(Resume, AnotherProcessContinuesIdenticallyFromEachPosition) {
  Logitd server(folder_, "7", kernels_);
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  const auto stream = server.Connect().Sample();
  const bool all_to_the_end = tests::IsLong();
  v1::SampleRequest request;
  for (uint32_t cut = 1; cut < kTokens; ++cut) {
    *request.add_open() = Open(cut, cut);
  }
  for (uint32_t at = 1; at < kTokens; ++at) {
    std::vector<uint64_t> sessions;
    for (uint32_t cut = 1; cut <= at; ++cut) {
      if (all_to_the_end || at < cut + kAhead || cut % kWholeEvery == 0) {
        sessions.push_back(cut);
      }
    }
    ASSERT_NO_FATAL_FAILURE(
        StepAndCompare(at, sessions, std::move(request), stream.get()));
    request.Clear();
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_P(Resume, FreshProcessesContinueIdenticallyAfterTwentyKills) {
  const char* const threads[] = {"1", "7", "2"};
  uint32_t from = 0;
  for (uint32_t kill = 0; kill < kKills; ++kill) {
    const uint32_t to = 4 + kill * (kTokens / kKills) + kill % 3;
    Logitd server(folder_, threads[kill % 3], kill % 2 ? kernels_ : "auto");
    ASSERT_TRUE(server.Serves()) << server.process().Errors();
    ASSERT_NO_FATAL_FAILURE(ServeUntilKilled(from, to, &server));
    from = to;
  }
  Logitd server(folder_, "1");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  const auto stream = server.Connect().Sample();
  Continue(from, kTokens, stream.get());
}

TEST_P(Resume, AnEndThatWasReachedIsStillReachedElsewhere) {
  Logitd server(folder_, "7", kernels_);
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  const auto stream = server.Connect().Sample();
  v1::SampleRequest request;
  *request.add_open() = Open(1, kTokens);
  const v1::SampleResponse reply = Exchange(stream.get(), request);
  EXPECT_EQ(reply.opened(0).finish_reason(), entries_.back().finish_reason(0));
  EXPECT_EQ(reply.opened(0).position(), prompt_.size() + kTokens);
}

// The noise looks at positions only. What tells prompt and output apart here
// are the penalties that count the output.
TEST_P(Resume, OutputSentAgainAsPromptChangesOnlyWhatLooksAtTheBoundary) {
  Logitd server(folder_, "7", kernels_);
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  const auto stream = server.Connect().Sample();
  constexpr uint32_t kCut = kTokens / 2;
  v1::SampleRequest request;
  v1::OpenSession* open = request.add_open();
  *open = Open(1, kCut);
  open->mutable_prompt()->append(open->generated());
  open->clear_generated();
  bool same = true;
  for (uint32_t at = kCut; at < kCut + 30; ++at) {
    AddStep(at, {1}, request.mutable_step());
    const v1::SampleResponse reply = Exchange(stream.get(), std::move(request));
    ASSERT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
    same = same && testing::SameBits(EntryOf(reply.step(), 0), entries_[at]);
    request.Clear();
  }
  EXPECT_EQ(same, !Open(1, 0).params().has_frequency_penalty());
}

TEST_P(Resume, AnotherFingerprintIsRefused) {
  Logitd server(folder_, "1");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  const auto stream = server.Connect().Sample();
  v1::SampleRequest request;
  *request.add_open() = Open(1, kTokens / 2);
  request.mutable_open(0)->mutable_params()->set_temperature(.65);
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_EQ(reply.opened(0).error().code(),
            static_cast<int>(absl::StatusCode::kFailedPrecondition))
      << reply.ShortDebugString();
}

std::string NameOf(const ::testing::TestParamInfo<Recipe>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Generations, Resume,
    ::testing::Values(
        Recipe{"Nucleus", SetNucleus}, Recipe{"Penalties", SetPenalties},
        Recipe{"Stops", SetStops, v1::FINISH_REASON_STOP_SEQUENCE},
        Recipe{"Masked", SetMasked, v1::FINISH_REASON_UNSPECIFIED, true},
        Recipe{"Mirostat", SetMirostat}, Recipe{"Steered", SetSteered},
        Recipe{"Lists", SetLists, v1::FINISH_REASON_MAX_TOKENS}),
    NameOf);

}  // namespace
}  // namespace logitd
