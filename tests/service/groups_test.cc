// Row groups: what verifies drafts is what steps without them.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_rows.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::FloatBytes;
using testing::IdBytes;
using testing::kVocab;
using testing::MakeRow;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;
using google::protobuf::util::MessageDifferencer;
using tests::Dice;

constexpr uint32_t kPlain = 1, kDrafted = 2;
constexpr uint32_t kMaskWords = (kVocab + 31) / 32;

// What a model gives behind a token, and what a grammar allows there.
std::vector<float> RowBehind(uint32_t position, uint32_t token) {
  return MakeRow(position * 1000 + token, kVocab);
}
std::string MaskBehind(uint32_t position, uint32_t token) {
  std::vector<uint32_t> words(kMaskWords);
  for (uint32_t id = 0; id < kVocab; ++id) {
    if ((id * 7 + position + token) % 5 != 0) {
      words[id / 32] |= 1u << (id % 32);
    }
  }
  return IdBytes(words);
}

// A node of a group: the draft that leads to it from its parent.
struct Node {
  uint32_t parent;
  uint32_t token;
};

// Builds steps of one session whose rows follow its tokens.
class StepBuilder {
 public:
  StepBuilder(uint64_t session, bool masks)
      : session_(session), masks_(masks) {}

  // The row behind a token, at the position of the next.
  void AddRow(uint32_t position, uint32_t behind) {
    testing::AddEntry(session_, position, RowBehind(position, behind),
                      &request_);
    if (!masks_) return;
    v1::Step& step = *request_.mutable_step();
    step.mutable_mask_table()->mutable_inline_()->append(
        MaskBehind(position, behind));
    step.set_mask_words(kMaskWords);
    step.add_mask_index(static_cast<uint32_t>(step.mask_index_size()));
  }

  // A group: node 0 stands at `position` behind the last token.
  void AddGroup(uint32_t position, uint32_t last,
                const std::vector<Node>& nodes, bool is_tree) {
    std::vector<uint32_t> depths(nodes.size());
    v1::Step& step = *request_.mutable_step();
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (i > 0) depths[i] = depths[nodes[i].parent] + 1;
      AddRow(position + depths[i], i == 0 ? last : nodes[i].token);
      step.add_draft_token(nodes[i].token);
      if (is_tree) step.add_parents(nodes[i].parent);
    }
    step.add_group_size(static_cast<uint32_t>(nodes.size()));
  }

  v1::SampleRequest& request() { return request_; }

 private:
  const uint64_t session_;
  const bool masks_;
  v1::SampleRequest request_;
};

struct Token {
  uint32_t id;
  double logprob;
  uint32_t kept;
  friend bool operator==(const Token&, const Token&) = default;
};

// The drafts behind what is there; `truth` is how it goes on without any.
using Drafter =
    std::function<std::vector<Node>(absl::Span<const Token> truth, Dice* dice)>;

uint32_t TrueAt(absl::Span<const Token> truth, size_t i) {
  return i < truth.size() ? truth[i].id : 0;
}

std::vector<Node> Chain(absl::Span<const Token> truth, double right, int length,
                        Dice* dice) {
  std::vector<Node> nodes = {{0, 0}};
  for (int i = 0; i < length; ++i) {
    const bool is_right = dice->Chance(right);
    const uint32_t token = TrueAt(truth, static_cast<size_t>(i));
    nodes.push_back(
        {static_cast<uint32_t>(i),
         is_right ? token : (token + 1 + dice->Below(50)) % kVocab});
  }
  return nodes;
}

// Each node has two drafts, the right one among them or not.
std::vector<Node> Tree(absl::Span<const Token> truth, double right,
                       Dice* dice) {
  std::vector<Node> nodes = {{0, 0}};
  std::vector<size_t> depths = {0};
  for (uint32_t parent = 0; parent < 7; ++parent) {
    const uint32_t token = TrueAt(truth, depths[parent]);
    const uint32_t first =
        dice->Chance(right) ? token : (token + 2 + dice->Below(50)) % kVocab;
    nodes.push_back({parent, (first + 1) % kVocab});
    nodes.push_back({parent, first});
    depths.insert(depths.end(), 2, depths[parent] + 1);
  }
  return nodes;
}

struct GroupCase {
  std::string name;
  bool is_tree = false;
  bool masks = false;
  Drafter drafter;
  std::function<void(v1::SamplingParams*)> set;
  uint32_t accepted_least = 0;  // of the drafts of 60 tokens
  uint32_t accepted_most = 1000;
};

void SetMany(v1::SamplingParams* params) {
  params->set_temperature(0.9);
  params->set_min_p(0.02);
  params->set_repetition_penalty(1.2);
  params->set_presence_penalty(0.3);
  params->set_frequency_penalty(0.1);
  params->set_dry_multiplier(0.8);
  params->set_logit_bias_ids(IdBytes({3, 9}));
  params->add_logit_bias_values(2);
  params->add_logit_bias_values(-3);
}

std::vector<GroupCase> GroupCases() {
  const auto chain = [](double right) {
    return [right](absl::Span<const Token> truth, Dice* dice) {
      return Chain(truth, right, 5, dice);
    };
  };
  const auto tree = [](double right) {
    return [right](absl::Span<const Token> truth, Dice* dice) {
      return Tree(truth, right, dice);
    };
  };
  const auto nothing = [](v1::SamplingParams*) {};
  const auto mirostat = [](v1::SamplingParams* params) {
    params->set_mirostat(2);
  };
  return {
      {"GoodChain", false, false, chain(0.85), nothing, 30, 1000},
      {"GoodChainManyKnobs", false, true, chain(0.85), SetMany, 30, 1000},
      {"PerfectChainManyKnobs", false, true, chain(1), SetMany, 50, 50},
      {"BadChainManyKnobs", false, true, chain(0.1), SetMany, 0, 15},
      {"AdversarialChain", false, false, chain(0), SetMany, 0, 0},
      {"ChainWithMirostat", false, false, chain(0.7), mirostat, 25, 1000},
      {"GoodTreeManyKnobs", true, true, tree(0.85), SetMany, 30, 1000},
      {"BadTreeManyKnobs", true, true, tree(0.1), SetMany, 0, 20},
      {"TreeWithMirostat", true, false, tree(0.7), mirostat, 25, 1000},
  };
}

class Groups : public StreamTest {
 protected:
  void Open(uint64_t id, const GroupCase& c) {
    v1::SampleRequest request;
    v1::OpenSession* open = AddOpen(id, kVocab, &request);
    c.set(open->mutable_params());
    const v1::SampleResponse reply = stream_.Call(request);
    ASSERT_EQ(reply.opened_size(), 1);
    ASSERT_FALSE(reply.opened(0).has_error())
        << reply.opened(0).error().message();
  }

  static Token TokenAt(const v1::StepResult& result, int i) {
    return {result.token(i), result.final_logprob(i), result.kept(i)};
  }

  std::vector<Token> Generate(uint32_t count, bool masks) {
    std::vector<Token> tokens;
    while (tokens.size() < count) {
      StepBuilder builder(kPlain, masks);
      builder.AddRow(static_cast<uint32_t>(tokens.size()),
                     tokens.empty() ? 0 : tokens.back().id);
      const v1::StepResult result = stream_.Call(builder.request()).step();
      EXPECT_EQ(result.status_size(), 1);
      if (result.status_size() != 1) break;
      tokens.push_back(TokenAt(result, 0));
    }
    return tokens;
  }

  // What a peek says of both sessions; the ids aside it must be the same.
  v1::StepResult Peeked(uint64_t id, const std::vector<Token>& tokens) {
    StepBuilder builder(id, false);
    builder.AddRow(static_cast<uint32_t>(tokens.size()), tokens.back().id);
    builder.request().mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
    v1::StepResult result = stream_.Call(builder.request()).step();
    result.clear_compute_us();
    return result;
  }

  v1::SampleRequest request_;
};

class GroupsMatch : public Groups,
                    public ::testing::WithParamInterface<GroupCase> {};

TEST_P(GroupsMatch, StepsWithoutDrafts) {
  const GroupCase& c = GetParam();
  Open(kPlain, c);
  Open(kDrafted, c);
  const std::vector<Token> plain = Generate(60, c.masks);
  std::vector<Token> drafted;
  Dice dice(7);
  uint32_t accepted = 0, groups = 0;
  while (drafted.size() < plain.size()) {
    const auto truth = absl::MakeConstSpan(plain).subspan(drafted.size());
    const std::vector<Node> nodes = c.drafter(truth, &dice);
    StepBuilder builder(kDrafted, c.masks);
    builder.AddGroup(static_cast<uint32_t>(drafted.size()),
                     drafted.empty() ? 0 : drafted.back().id, nodes, c.is_tree);
    const v1::SampleResponse reply = stream_.Call(builder.request());
    ASSERT_FALSE(reply.has_error()) << reply.error().message();
    const v1::StepResult& result = reply.step();
    ASSERT_EQ(result.group_size(), 1);
    uint32_t ran = 0;
    for (int i = 0; i < result.status_size(); ++i) {
      if (result.status(i) == v1::ENTRY_STATUS_SKIPPED) continue;
      ASSERT_EQ(result.status(i), v1::ENTRY_STATUS_OK);
      drafted.push_back(TokenAt(result, i));
      ++ran;
    }
    ASSERT_GE(ran, 1u);
    EXPECT_EQ(result.group(0).accepted(), ran - 1);
    EXPECT_EQ(result.group(0).token_count(), ran);
    EXPECT_EQ(result.group(0).mode(), v1::VERIFY_MODE_MATCH);
    accepted += ran - 1;
    ++groups;
  }
  std::cout << "  " << accepted << " drafts accepted in " << groups
            << " groups\n";
  EXPECT_GE(accepted, c.accepted_least);
  EXPECT_LE(accepted, c.accepted_most);
  const auto all = absl::MakeConstSpan(drafted);
  EXPECT_EQ(std::vector<Token>(all.begin(), all.begin() + 60), plain);

  // The session is as one that stepped: also past what was compared.
  StepBuilder rewind(kDrafted, false);
  v1::RewindSession* back = rewind.request().add_rewind();
  back->set_session_id(kDrafted);
  back->set_position(static_cast<uint32_t>(plain.size()));
  EXPECT_FALSE(stream_.Call(rewind.request()).rewound(0).has_error());
  EXPECT_TRUE(MessageDifferencer::Equals(Peeked(kPlain, plain),
                                         Peeked(kDrafted, plain)));
}

INSTANTIATE_TEST_SUITE_P(, GroupsMatch, ::testing::ValuesIn(GroupCases()),
                         [](const auto& named) { return named.param.name; });

// ---- ends and errors inside a group

TEST_F(Groups, StopWhereTheSessionEnds) {
  GroupCase c;
  c.set = [](v1::SamplingParams* params) { params->set_max_tokens(2); };
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(2, false);
  Open(kDrafted, c);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}}, false);
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_THAT(result.status(),
              ::testing::ElementsAre(v1::ENTRY_STATUS_OK, v1::ENTRY_STATUS_OK,
                                     v1::ENTRY_STATUS_SKIPPED));
  EXPECT_EQ(result.finish_reason(1), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_EQ(result.group(0).token_count(), 2u);
}

// The group again: the head is the last result, and the rest goes on from it.
TEST_F(Groups, OfOneTokenAreAnsweredAgain) {
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(1, false);
  Open(kDrafted, c);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id + 1}}, false);
  stream_.Call(builder.request());
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(result.status(1), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(result.token(0), truth[0].id);
  EXPECT_EQ(result.group(0).token_count(), 1u);
}

// Phases switch inside a group as they do between steps.
TEST_F(Groups, SwitchPhases) {
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  const auto open = [&](uint64_t id, uint32_t trigger) {
    v1::SampleRequest request;
    v1::OpenSession* wire = AddOpen(id, kVocab, &request);
    v1::Phase* phase = wire->add_phases();
    phase->set_name("greedy");
    phase->add_enter()->set_tokens(IdBytes({trigger}));
    phase->mutable_default_params()->set_temperature(0);
    EXPECT_FALSE(stream_.Call(request).opened(0).has_error());
  };
  Open(9, c);
  const uint32_t first = [&] {
    StepBuilder builder(9, false);
    builder.AddRow(0, 0);
    return stream_.Call(builder.request()).step().token(0);
  }();
  open(kPlain, first);
  const std::vector<Token> truth = Generate(3, false);
  EXPECT_EQ(truth[1].kept, 1u);
  open(kDrafted, first);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}}, false);
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_THAT(result.phase(), ::testing::ElementsAre(0, 1, 1));
}

// What is wrong with an entry tells when it is reached.
TEST_F(Groups, DoNotLookAtWhatIsNotReached) {
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(1, false);
  for (const bool is_reached : {false, true}) {
    Open(is_reached ? 8 : 7, c);
    StepBuilder builder(is_reached ? 8 : 7, false);
    builder.AddGroup(0, 0, {{0, 0}, {0, truth[0].id + (is_reached ? 0 : 1)}},
                     false);
    v1::Step* step = builder.request().mutable_step();
    step->add_row(0);
    step->add_row(99);
    const v1::StepResult result = stream_.Call(builder.request()).step();
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
    EXPECT_EQ(result.status(1),
              is_reached ? v1::ENTRY_STATUS_ERROR : v1::ENTRY_STATUS_SKIPPED);
  }
}

TEST_F(Groups, AreSkippedBehindARowThatFails) {
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(3, false);
  Open(kDrafted, c);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(
      0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id}, {2, truth[2].id}},
      false);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::string& rows =
      *builder.request().mutable_step()->mutable_logits()->mutable_inline_();
  rows.replace(size_t{4} * kVocab, 4, FloatBytes({nan}));
  const v1::StepResult result = stream_.Call(builder.request()).step();
  EXPECT_THAT(result.status(),
              ::testing::ElementsAre(
                  v1::ENTRY_STATUS_OK, v1::ENTRY_STATUS_ERROR,
                  v1::ENTRY_STATUS_SKIPPED, v1::ENTRY_STATUS_SKIPPED));
  // What is left goes on where it stopped.
  StepBuilder rest(kDrafted, false);
  rest.AddGroup(1, truth[0].id, {{0, 0}, {0, truth[1].id}, {1, truth[2].id}},
                false);
  EXPECT_EQ(stream_.Call(rest.request()).step().group(0).accepted(), 2u);
}

// Groups of several sessions, and single entries among them.
TEST_F(Groups, OfManySessionsDoNotDisturbEachOther) {
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(3, false);
  v1::SampleRequest request;
  for (uint64_t id = 10; id < 14; ++id) {
    Open(id, c);
    StepBuilder builder(id, false);
    const uint32_t first = id == 12 ? truth[0].id + 1 : truth[0].id;
    if (id == 11) {
      builder.AddGroup(0, 0, {{0, 0}}, false);
    } else {
      builder.AddGroup(0, 0, {{0, 0}, {0, first}, {1, truth[1].id}}, false);
    }
    const v1::Step& part = builder.request().step();
    if (id == 10) {
      request = builder.request();
      continue;
    }
    v1::Step& step = *request.mutable_step();
    step.mutable_logits()->mutable_inline_()->append(part.logits().inline_());
    step.set_row_count(step.row_count() + part.row_count());
    step.MergeFrom([&] {
      v1::Step arrays = part;
      arrays.clear_logits();
      arrays.clear_row_count();
      return arrays;
    }());
  }
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.group_size(), 4);
  EXPECT_EQ(result.group(0).accepted(), 2u);
  EXPECT_EQ(result.group(1).accepted(), 0u);
  EXPECT_EQ(result.group(2).accepted(), 0u);
  EXPECT_EQ(result.group(3).accepted(), 2u);
  EXPECT_EQ(result.group(3).first_entry(), 7u);
  EXPECT_EQ(result.token(7), truth[0].id);
}

// ---- REJECTION

class GroupsReject : public Groups {
 protected:
  GroupsReject() {
    AddOpen(kDrafted, kVocab, &request_);
    for (uint32_t i = 0; i < 3; ++i) {
      testing::AddEntry(kDrafted, i, RowBehind(i, 5), &request_);
      step()->add_draft_token(5 + i);
    }
    step()->add_group_size(3);
    step()->add_verify_mode(v1::VERIFY_MODE_REJECTION);
  }
  v1::Step* step() { return request_.mutable_step(); }
  absl::Status Error() { return StatusOf(stream_.Call(request_).error()); }

  // The same by the session itself.
  static std::vector<uint32_t> Verified(std::vector<Draft> drafts) {
    Session session = testing::OpenOrDie(testing::StartOf({}));
    testing::Stepper stepper;
    std::vector<uint32_t> tokens;
    for (size_t i = 0; i <= drafts.size(); ++i) {
      Entry entry;
      entry.position = static_cast<uint32_t>(i);
      if (i < drafts.size()) entry.draft = drafts[i];
      tokens.push_back(
          stepper.Step(entry, RowBehind(entry.position, 5), &session)
              .outcome.token);
      if (i < drafts.size() && tokens.back() != drafts[i].token) break;
    }
    return tokens;
  }

  std::vector<uint32_t> Tokens() {
    const v1::SampleResponse reply = stream_.Call(request_);
    EXPECT_FALSE(reply.has_error()) << reply.error().message();
    std::vector<uint32_t> tokens;
    for (int i = 0; i < reply.step().token_size(); ++i) {
      if (reply.step().status(i) == v1::ENTRY_STATUS_OK) {
        tokens.push_back(reply.step().token(i));
      }
    }
    EXPECT_EQ(reply.step().group(0).accepted(), tokens.size() - 1);
    EXPECT_EQ(reply.step().group(0).mode(), v1::VERIFY_MODE_REJECTION);
    return tokens;
  }
};

TEST_F(GroupsReject, TakesOneHotDrafts) {
  EXPECT_EQ(Tokens(), Verified({{6}, {7}}));
}

TEST_F(GroupsReject, TakesRowsOfProbabilities) {
  // The first is taken whatever chance says, the second hardly ever.
  std::vector<float> q(2 * kVocab, 1e-5f);
  q[6] = 1e-20f;
  q[kVocab + 7] = 1;
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes(q));
  const std::vector<uint32_t> tokens = Tokens();
  EXPECT_EQ(tokens, Verified({{6, q.data(), nullptr, kVocab},
                              {7, q.data() + kVocab, nullptr, kVocab}}));
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_NE(tokens[1], 7u);
}

TEST_F(GroupsReject, StandsBesideATreeOfAnotherSession) {
  AddOpen(3, kVocab, &request_);
  for (const uint32_t position : {0u, 1u, 1u}) {
    testing::AddEntry(3, position, RowBehind(position, 5), &request_);
    step()->add_draft_token(position +
                            static_cast<uint32_t>(step()->draft_token_size()));
  }
  step()->add_group_size(3);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  for (const uint32_t parent : {0u, 0u, 1u, 0u, 0u, 0u}) {
    step()->add_parents(parent);
  }
  const v1::SampleResponse reply = stream_.Call(request_);
  EXPECT_FALSE(reply.has_error()) << reply.error().message();
  EXPECT_EQ(reply.step().group_size(), 2);
}

// An engine sends its empty arrays too.
TEST_F(GroupsReject, TakesNothingForNoDrafts) {
  step()->Clear();
  testing::AddEntry(kDrafted, 0, RowBehind(0, 5), &request_);
  step()->add_draft_token(0);
  step()->add_group_size(1);
  step()->add_verify_mode(v1::VERIFY_MODE_REJECTION);
  step()->mutable_draft_probabilities()->set_inline_("");
  step()->mutable_draft_ids()->set_inline_("");
  step()->add_draft_offset(0);
  EXPECT_EQ(Tokens().size(), 1u);
}

TEST_F(GroupsReject, TakesLists) {
  const std::vector<float> q = {.25f, 1e-4f, 1e-4f};
  const std::vector<uint32_t> ids = {2, 6, 7};
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes(q));
  step()->mutable_draft_ids()->set_inline_(IdBytes(ids));
  for (const uint64_t offset : {0u, 2u, 3u}) step()->add_draft_offset(offset);
  EXPECT_EQ(Tokens(), Verified({{6, q.data(), ids.data(), 2},
                                {7, q.data() + 2, ids.data() + 2, 1}}));
}

TEST_F(GroupsReject, RefusesMirostatForTheEntryAlone) {
  request_.mutable_open(0)->mutable_params()->set_mirostat(2);
  const v1::StepResult result = stream_.Call(request_).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_ERROR);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kInvalidArgument,
                       "step.verify_mode: REJECTION cannot be used with "
                       "mirostat; MATCH can"));
}

TEST_F(GroupsReject, NamesWhatIsWrongWithProbabilities) {
  step()->mutable_draft_probabilities()->set_inline_(FloatBytes({1, 2}));
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_probabilities: 8 bytes for 2 "
                                "drafts, which take 2400"));
  step()->mutable_draft_ids()->set_inline_(IdBytes({6, 7}));
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_offset: 0 elements for 2 drafts of "
                                "mode REJECTION, which take 3"));
  for (const uint64_t offset : {0u, 3u, 2u}) step()->add_draft_offset(offset);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_offset: must rise from 0 to the 2 "
                                "ids of draft_ids"));
  step()->set_verify_mode(0, v1::VERIFY_MODE_MATCH);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.draft_probabilities: set, but no group "
                                "has drafts of mode REJECTION"));
}

TEST_F(GroupsReject, IsForChains) {
  for (const uint32_t parent : {0u, 0u, 0u}) step()->add_parents(parent);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "step.parents: entry 2 has 0; groups of mode "
                                "REJECTION are chains"));
}

// ---- a step that is wrong in itself

class WrongGroups : public Groups {
 protected:
  WrongGroups() {
    AddOpen(1, kVocab, &request_);
    AddOpen(2, kVocab, &request_);
    for (uint32_t i = 0; i < 3; ++i) {
      testing::AddEntry(1, i, RowBehind(i, 5), &request_);
      step()->add_draft_token(5 + i);
    }
    step()->add_group_size(3);
  }
  v1::Step* step() { return request_.mutable_step(); }
  // The error of the step, whose sessions are then where they were.
  void ExpectError(const std::string& message) {
    const v1::SampleResponse reply = stream_.Call(request_);
    EXPECT_THAT(StatusOf(reply.error()),
                StatusIs(Code::kInvalidArgument, message));
    EXPECT_FALSE(reply.has_step());
  }
};

TEST_F(WrongGroups, NameSizes) {
  step()->set_group_size(0, 4);
  ExpectError(
      "step.group_size: 4 at index 0 is outside [1, 3], what is left of 3 "
      "entries");
  step()->set_group_size(0, 0);
  ExpectError(
      "step.group_size: 0 at index 0 is outside [1, 3], what is left of 3 "
      "entries");
  step()->set_group_size(0, 2);
  ExpectError("step.group_size: the groups have 2 of 3 entries");
  step()->set_group_size(0, 3);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  ExpectError("step.verify_mode: 2 elements for 1 groups");
  step()->mutable_verify_mode()->Truncate(1);
  step()->set_verify_mode(0, static_cast<v1::VerifyMode>(7));
  ExpectError("step.verify_mode: 7 is not a value of VerifyMode");
}

TEST_F(WrongGroups, NameMembers) {
  step()->set_session_id(2, 2);
  ExpectError("step.session_id: entry 2 has 2; its group is of 1");
  step()->set_session_id(2, 1);
  step()->set_position(2, 3);
  ExpectError("step.position: entry 2 has 3; behind its parent is 2");
  step()->set_position(2, 2);
  for (int i = 0; i < 3; ++i) step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  step()->set_mode(1, v1::ENTRY_MODE_PEEK);
  ExpectError("step.mode: entry 1 has 3; in a group it must be SAMPLE");
  step()->clear_mode();
  step()->mutable_draft_token()->Truncate(2);
  ExpectError("step.draft_token: 2 elements for 3 entries");
}

TEST_F(WrongGroups, NameParents) {
  for (const uint32_t parent : {0u, 0u, 2u}) step()->add_parents(parent);
  ExpectError(
      "step.parents: entry 2 has 2, outside [0, 2): a parent stands before it "
      "in its group");
  step()->set_parents(2, 0);
  step()->set_position(2, 1);
  step()->set_draft_token(2, 6);
  ExpectError("step.draft_token: entry 0 leads to two others by 6");
}

TEST_F(WrongGroups, AreNoGroupsWithoutSizes) {
  step()->clear_group_size();
  ExpectError("step.draft_token: set without group_size");
  step()->clear_draft_token();
  step()->add_verify_mode(v1::VERIFY_MODE_MATCH);
  ExpectError("step.verify_mode: set without group_size");
  step()->clear_verify_mode();
  for (const uint32_t parent : {0u, 0u, 1u}) step()->add_parents(parent);
  ExpectError("step.parents: set without group_size");
  step()->clear_parents();
  step()->mutable_draft_probabilities()->set_inline_("1234");
  ExpectError("step.draft_probabilities: set without group_size");
}

TEST_F(Groups, AreCountedByTheMetrics) {
  const auto count = [](const char* verdict) {
    return server_->Metric(
        absl::StrCat("logitd_drafts_total{verdict=\"", verdict, "\"}"));
  };
  const double accepted = count("accepted"), rejected = count("rejected");
  GroupCase c;
  c.set = [](v1::SamplingParams*) {};
  Open(kPlain, c);
  const std::vector<Token> truth = Generate(3, false);
  Open(kDrafted, c);
  StepBuilder builder(kDrafted, false);
  builder.AddGroup(
      0, 0, {{0, 0}, {0, truth[0].id}, {1, truth[1].id + 1}, {2, 7}}, false);
  stream_.Call(builder.request());
  EXPECT_EQ(count("accepted"), accepted + 1);
  EXPECT_EQ(count("rejected"), rejected + 1);
}

}  // namespace
}  // namespace logitd
