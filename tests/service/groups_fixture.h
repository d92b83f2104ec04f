// Row groups on a stream: steps whose rows follow their drafts, and what a
// session generates without any.
#ifndef LOGITD_TESTS_SERVICE_GROUPS_FIXTURE_H_
#define LOGITD_TESTS_SERVICE_GROUPS_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_rows.h"
#include "tests/support/service_session.h"

namespace logitd {

inline constexpr uint32_t kPlain = 1, kDrafted = 2;
inline constexpr uint32_t kMaskWords = (testing::kVocab + 31) / 32;

// What a model gives behind a token, and what a grammar allows there.
inline std::vector<float> RowBehind(uint32_t position, uint32_t token) {
  return testing::MakeRow(position * 1000 + token, testing::kVocab);
}
inline std::string MaskBehind(uint32_t position, uint32_t token) {
  std::vector<uint32_t> words(kMaskWords);
  for (uint32_t id = 0; id < testing::kVocab; ++id) {
    if ((id * 7 + position + token) % 5 != 0) {
      words[id / 32] |= 1u << (id % 32);
    }
  }
  return testing::IdBytes(words);
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

class Groups : public StreamTest {
 protected:
  using Setter = std::function<void(v1::SamplingParams*)>;

  void Open(
      uint64_t id, const Setter& set = [](v1::SamplingParams*) {}) {
    v1::SampleRequest request;
    v1::OpenSession* open = testing::AddOpen(id, testing::kVocab, &request);
    set(open->mutable_params());
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

  // What a session generates without drafts; another one is open to verify it.
  std::vector<Token> Truth(
      uint32_t count, const Setter& set = [](v1::SamplingParams*) {}) {
    Open(kPlain, set);
    Open(kDrafted, set);
    return Generate(count, false);
  }

  v1::SampleRequest request_;
};

}  // namespace logitd

#endif  // LOGITD_TESTS_SERVICE_GROUPS_FIXTURE_H_
