#include "tests/e2e/model_worker.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "service/client/demo/model_file.h"
#include "service/client/demo/trigram_model.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/support/service_fixture.h"

namespace logitd::testing {
namespace {

template <class T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    ADD_FAILURE() << value.status().ToString();
    std::abort();
  }
  return *std::move(value);
}

demo::TrigramModel& Model() {
  static demo::TrigramModel* const model =
      OrDie(demo::TrigramModel::Load(demo::kModelFile)).release();
  return *model;
}

template <class List>
void ExpectNoErrors(const List& list) {
  for (const auto& element : list) {
    EXPECT_TRUE(client::ToStatus(element.error()).ok())
        << element.ShortDebugString();
  }
}

template <class Array>
void CopyElement(const Array& from, int i, Array* to) {
  if (i < from.size()) to->Add(from[i]);
}

}  // namespace

uint32_t RealVocabSize() {
  return static_cast<uint32_t>(Model().words().size());
}

uint32_t EndOfSentence() { return Model().end_id(); }

Ids Words(const std::string& text) { return OrDie(Model().Tokenize(text)); }

const std::string& RealRow(const Ids& tokens) {
  static auto* const rows =
      new std::map<std::pair<int32_t, int32_t>, std::string>;
  const demo::History history = OrDie(Model().HistoryOf(tokens));
  const auto [row, added] = rows->try_emplace({history.first, history.second});
  if (added) row->second = FloatBytes(Model().Row(history));
  return row->second;
}

v1::Report FullReport() {
  v1::Report report;
  report.set_final_logprob(true);
  report.set_raw_logprob(true);
  report.set_tempered_logprob(true);
  report.set_kept_mass(true);
  report.set_entropy(true);
  report.set_top_n_final(5);
  report.set_top_n_raw(5);
  return report;
}

uint32_t AddRealRow(const Ids& tokens, v1::Step* step) {
  const uint32_t index = step->row_count();
  step->set_dtype(v1::DTYPE_FLOAT32);
  step->set_row_width(RealVocabSize());
  step->set_row_count(index + 1);
  step->mutable_logits()->mutable_inline_()->append(RealRow(tokens));
  return index;
}

v1::StepResult EntryOf(const v1::StepResult& all, int i) {
  v1::StepResult one;
  CopyElement(all.token(), i, one.mutable_token());
  one.add_status(all.status(i));
  one.add_finish_reason(all.finish_reason(i));
  CopyElement(all.kept(), i, one.mutable_kept());
  CopyElement(all.final_logprob(), i, one.mutable_final_logprob());
  CopyElement(all.raw_logprob(), i, one.mutable_raw_logprob());
  CopyElement(all.tempered_logprob(), i, one.mutable_tempered_logprob());
  CopyElement(all.kept_mass(), i, one.mutable_kept_mass());
  CopyElement(all.raw_entropy(), i, one.mutable_raw_entropy());
  CopyElement(all.final_entropy(), i, one.mutable_final_entropy());
  CopyElement(all.rank(), i, one.mutable_rank());
  CopyElement(all.drawn_token(), i, one.mutable_drawn_token());
  one.add_flags(i < all.flags_size() ? all.flags(i) : 0);
  const bool has_state = i < all.state_size() && !all.state(i).empty();
  if (has_state) one.add_state(all.state(i));
  for (const v1::TopTokens& top : all.top()) {
    if (top.entry() != static_cast<uint32_t>(i)) continue;
    *one.add_top() = top;
    one.mutable_top(0)->set_entry(0);
  }
  return one;
}

bool SameBits(const v1::StepResult& a, const v1::StepResult& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

v1::SampleResponse Exchange(client::Stream* stream, v1::SampleRequest request) {
  static uint64_t last_id = 0;
  request.set_request_id(++last_id);
  v1::SampleResponse reply;
  const absl::Status status = stream->Step(request, &reply);
  EXPECT_TRUE(status.ok()) << status.ToString();
  ExpectNoErrors(reply.closed());
  ExpectNoErrors(reply.opened());
  ExpectNoErrors(reply.updated());
  ExpectNoErrors(reply.rewound());
  ExpectNoErrors(reply.forked());
  ExpectNoErrors(reply.appended());
  return reply;
}

std::vector<v1::StepResult> Texts::Step(v1::SampleRequest request,
                                        uint32_t attempt) {
  v1::Step* const step = request.mutable_step();
  for (size_t i = 0; i < ids_.size(); ++i) {
    const uint32_t row = AddRealRow(tokens_[i], step);
    client::AddEntry(ids_[i], static_cast<uint32_t>(tokens_[i].size()), row,
                     step);
    if (attempt != 0) step->add_attempt(attempt);
  }
  const v1::SampleResponse reply = Exchange(stream_, std::move(request));
  std::vector<v1::StepResult> entries;
  for (int i = 0; i < reply.step().status_size(); ++i) {
    entries.push_back(EntryOf(reply.step(), i));
    if (reply.step().status(i) == v1::ENTRY_STATUS_OK) {
      tokens_[static_cast<size_t>(i)].push_back(reply.step().token(i));
    }
  }
  EXPECT_EQ(entries.size(), ids_.size());
  return entries;
}

std::vector<Ids> Texts::Generate(int count) {
  std::vector<Ids> drawn(ids_.size());
  for (int i = 0; i < count; ++i) {
    const std::vector<v1::StepResult> entries = Step();
    for (size_t text = 0; text < entries.size(); ++text) {
      drawn[text].push_back(entries[text].token(0));
    }
  }
  return drawn;
}

}  // namespace logitd::testing
