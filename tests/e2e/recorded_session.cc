#include "tests/e2e/recorded_session.h"

#include <utility>

#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_rows.h"

namespace logitd::testing {

RecordedSession::RecordedSession(const client::Client& client,
                                 v1::OpenSession open)
    : stream_(client.Sample(absl::Minutes(5))), vocab_size_(open.vocab_size()) {
  open.set_session_id(id_);
  open.set_receipt(true);
  rows_.resize(open.generated().size() / 4);
  positions_.resize(rows_.size());
  v1::SampleRequest request;
  *request.add_open() = std::move(open);
  const v1::SampleResponse reply = Call(&request);
  EXPECT_TRUE(client::ToStatus(reply.opened(0).error()).ok())
      << reply.opened(0).error().message();
  position_ = reply.opened(0).position();
}

v1::SampleResponse RecordedSession::Call(v1::SampleRequest* request) {
  request->set_request_id(++requests_);
  v1::SampleResponse reply;
  const absl::Status status = stream_->Step(*request, &reply);
  EXPECT_TRUE(status.ok()) << status;
  return reply;
}

std::string RecordedSession::Mask() const {
  std::string mask((vocab_size_ + 31) / 32 * 4, '\0');
  for (uint32_t id = 0; id < vocab_size_; id += 3) {
    mask[id / 8] = static_cast<char>(mask[id / 8] | 1 << id % 8);
  }
  return mask;
}

void RecordedSession::Enter(v1::EntryMode mode, uint32_t given, Inputs inputs) {
  const std::string row = FloatBytes(MakeRow(position_, vocab_size_));
  v1::SampleRequest request;
  v1::Step* step = request.mutable_step();
  if (inputs.guidance) {
    client::AddGuidedEntry(id_, position_, 0, 1, step);
  } else {
    client::AddEntry(id_, position_, 0, step);
  }
  step->add_mode(mode);
  step->add_attempt(attempt_);
  if (mode == v1::ENTRY_MODE_GIVEN) step->add_given_token(given);
  if (inputs.mask) {
    step->mutable_mask_table()->set_inline_(Mask());
    step->set_mask_words((vocab_size_ + 31) / 32);
    step->add_mask_index(0);
  }
  std::string rows = row;
  if (inputs.guidance) rows += FloatBytes(MakeRow(position_ + 1, vocab_size_));
  if (inputs.draft) {
    client::AddEntry(id_, position_ + 1, 0, step);
    step->add_mode(v1::ENTRY_MODE_SAMPLE);
    step->add_attempt(attempt_);
    step->add_group_size(2);
    step->add_verify_mode(v1::VERIFY_MODE_REJECTION);
    step->mutable_draft_token()->Add(0);
    step->mutable_draft_token()->Add(5);
  }
  EXPECT_TRUE(
      client::SetPackedRows(rows, v1::DTYPE_FLOAT32, vocab_size_, step).ok());
  const v1::SampleResponse reply = Call(&request);
  for (int i = 0; i < step->session_id_size(); ++i) {
    const auto entry = client::ReadEntry(reply.step(), i);
    ASSERT_TRUE(entry.ok() && entry->error.ok()) << entry->error;
    if (entry->status != v1::ENTRY_STATUS_OK) return;
    rows_.push_back(row);
    positions_.push_back(position_++);
    finished_ = entry->finish_reason != v1::FINISH_REASON_UNSPECIFIED;
  }
}

void RecordedSession::Step(Inputs inputs) {
  Enter(v1::ENTRY_MODE_SAMPLE, 0, inputs);
}

void RecordedSession::Peek() { Enter(v1::ENTRY_MODE_PEEK, 0, {}); }

void RecordedSession::Give(uint32_t token) {
  Enter(v1::ENTRY_MODE_GIVEN, token, {});
}

void RecordedSession::Append(const std::vector<uint32_t>& tokens) {
  v1::SampleRequest request;
  request.add_append()->set_session_id(id_);
  request.mutable_append(0)->set_tokens(client::PackIds(tokens));
  const v1::SampleResponse reply = Call(&request);
  if (reply.appended(0).has_error()) return;  // some token would end it
  finished_ =
      reply.appended(0).finish_reason() != v1::FINISH_REASON_UNSPECIFIED;
  rows_.resize(rows_.size() + tokens.size());
  positions_.resize(rows_.size());
  position_ += static_cast<uint32_t>(tokens.size());
}

void RecordedSession::Rewind(uint32_t tokens) {
  v1::SampleRequest request;
  request.add_rewind()->set_session_id(id_);
  request.mutable_rewind(0)->set_position(position_ - tokens);
  ASSERT_FALSE(Call(&request).rewound(0).has_error());
  rows_.resize(rows_.size() - tokens);
  positions_.resize(rows_.size());
  position_ -= tokens;
  ++attempt_;
  if (tokens > 0) finished_ = false;
}

void RecordedSession::Update(const v1::UpdateSession& update) {
  v1::SampleRequest request;
  *request.add_update() = update;
  request.mutable_update(0)->set_session_id(id_);
  const v1::SampleResponse reply = Call(&request);
  if (reply.updated(0).has_error()) {
    EXPECT_EQ(client::ToStatus(reply.updated(0).error()).code(),
              absl::StatusCode::kResourceExhausted);
    return;
  }
  finished_ = reply.updated(0).finish_reason() != v1::FINISH_REASON_UNSPECIFIED;
}

void RecordedSession::Fork(uint32_t index) {
  v1::SampleRequest request;
  request.add_fork()->set_parent_session_id(id_);
  request.mutable_fork(0)->set_child_session_id(id_ + 1);
  request.mutable_fork(0)->set_index(index);
  const v1::SampleResponse reply = Call(&request);
  if (reply.forked(0).has_error()) {
    EXPECT_EQ(client::ToStatus(reply.forked(0).error()).code(),
              absl::StatusCode::kResourceExhausted);
    return;
  }
  v1::SampleRequest close;
  close.add_close()->set_session_id(id_++);
  Call(&close);
}

void RecordedSession::DoSomething(tests::Dice* dice) {
  if (finished_) return Rewind(1 + dice->Below(token_count()));
  const double what = dice->Unit();
  if (what < .6) return Step();
  if (what < .65) return Peek();
  if (what < .72) return Give(dice->Below(vocab_size_));
  if (what < .79) {
    std::vector<uint32_t> tokens;
    for (uint32_t i = 0; i <= dice->Below(3); ++i) {
      tokens.push_back(dice->Below(vocab_size_));
    }
    return Append(tokens);
  }
  if (what < .88) return Rewind(dice->Below(token_count() + 1));
  if (what < .92) return Fork(dice->Below(3));
  v1::UpdateSession update;
  update.mutable_set()->set_presence_penalty(dice->Unit());
  update.mutable_set()->set_temperature(.5 + dice->Unit());
  Update(update);
}

v1::SessionClosed RecordedSession::Close() {
  v1::SampleRequest request;
  request.add_close()->set_session_id(id_);
  v1::SessionClosed closed = Call(&request).closed(0);
  EXPECT_FALSE(closed.has_error()) << closed.error().message();
  EXPECT_TRUE(stream_->Finish().ok());
  return closed;
}

client::ReplayRows RecordedSession::rows(bool with_masks, bool with_guidance) {
  joined_.clear();
  joined_guidance_.clear();
  joined_masks_.clear();
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].empty()) continue;
    joined_ += rows_[i];
    joined_guidance_ += FloatBytes(MakeRow(positions_[i] + 1, vocab_size_));
    joined_masks_ += Mask();
  }
  client::ReplayRows rows = {v1::DTYPE_FLOAT32, vocab_size_, joined_, {}, {}};
  if (with_guidance) rows.guidance = joined_guidance_;
  if (with_masks) {
    rows.masks = joined_masks_;
    rows.mask_words = (vocab_size_ + 31) / 32;
  }
  return rows;
}

}  // namespace logitd::testing
