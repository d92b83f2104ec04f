// Row groups of mode MATCH: what verifies drafts is what steps without them.
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/service/groups_fixture.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::IdBytes;
using testing::kVocab;
using tests::Dice;

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

class GroupsMatch : public Groups,
                    public ::testing::WithParamInterface<GroupCase> {};

TEST_P(GroupsMatch, StepsWithoutDrafts) {
  const GroupCase& c = GetParam();
  Open(kPlain, c.set);
  Open(kDrafted, c.set);
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

}  // namespace
}  // namespace logitd
