// Schedules as a client sees them: evaluated by the tokens generated, told with
// the parameters, set and cleared by updates, the same after a resume.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

v1::Schedule* AddSchedule(const std::string& knob, double first, double last,
                          v1::SamplingParams* params) {
  v1::Schedule* schedule = params->add_schedules();
  schedule->set_knob(knob);
  schedule->set_shape(v1::SCHEDULE_SHAPE_LINEAR);
  schedule->add_points()->set_value(first);
  v1::SchedulePoint* point = schedule->add_points();
  point->set_at(10);
  point->set_value(last);
  return schedule;
}

class ScheduleStream : public StreamTest {
 protected:
  // Token and log-probability of the session's next row.
  std::pair<uint32_t, double> Next(uint64_t id, uint32_t position) {
    const v1::StepResult step = testing::Step(id, position, &stream_);
    if (step.token_size() != 1) return {};
    return {step.token(0), step.final_logprob(0)};
  }
  v1::SessionUpdated Update(const v1::UpdateSession& update) {
    v1::SampleRequest request;
    *request.add_update() = update;
    return stream_.Call(request).updated(0);
  }
};

TEST_F(ScheduleStream, DrawsEachTokenAsWithTheConstantOfItsPosition) {
  v1::SampleRequest request;
  AddSchedule("temperature", 0.2, 2.2,
              AddOpen(1, kVocab, &request)->mutable_params());
  AddOpen(2, kVocab, &request);
  const v1::SampleResponse reply = stream_.Call(request);
  ASSERT_FALSE(reply.opened(0).has_error())
      << reply.opened(0).error().message();
  for (uint32_t n = 0; n < 12; ++n) {
    v1::UpdateSession update;
    update.set_session_id(2);
    update.mutable_set()->set_temperature(
        n < 10 ? 0.2 + (2.2 - 0.2) * (n / 10.0) : 2.2);
    ASSERT_FALSE(Update(update).has_error());
    EXPECT_EQ(Next(1, n), Next(2, n)) << n;
  }
}

TEST_F(ScheduleStream, GoesOnWhereItWasAfterAResumeAndARewind) {
  v1::SampleRequest request;
  AddSchedule("temperature", 0.2, 2.2,
              AddOpen(1, kVocab, &request)->mutable_params());
  ASSERT_FALSE(stream_.Call(request).opened(0).has_error());
  std::vector<std::pair<uint32_t, double>> whole;
  std::vector<uint32_t> tokens;
  for (uint32_t n = 0; n < 9; ++n) {
    whole.push_back(Next(1, n));
    if (n < 5) tokens.push_back(whole.back().first);
  }
  v1::SampleRequest again;
  v1::OpenSession* open = AddOpen(2, kVocab, &again);
  AddSchedule("temperature", 0.2, 2.2, open->mutable_params());
  open->set_generated(IdBytes(tokens));
  again.add_rewind()->set_session_id(1);
  again.mutable_rewind(0)->set_position(5);
  ASSERT_FALSE(stream_.Call(again).opened(0).has_error());
  for (uint32_t n = 5; n < 9; ++n) {
    EXPECT_EQ(Next(1, n), whole[n]) << n;
    EXPECT_EQ(Next(2, n), whole[n]) << n;
  }
}

TEST_F(ScheduleStream, TellsItWithTheResolvedParameters) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocab, &request);
  AddSchedule("top_k", 40, 10, open->mutable_params())->set_max(30);
  AddSchedule("top_p", 1, 1, open->mutable_params());  // off
  const v1::SessionOpened opened = stream_.Call(request).opened(0);
  ASSERT_FALSE(opened.has_error()) << opened.error().message();
  ASSERT_EQ(opened.resolved().schedules_size(), 1);
  EXPECT_EQ(opened.resolved().schedules(0).ShortDebugString(),
            open->params().schedules(0).ShortDebugString());
  EXPECT_FALSE(opened.resolved().has_top_k());
}

TEST_F(ScheduleStream, IsReplacedByAConstantAndClearedByItsKnob) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  AddSchedule("temperature", 0.5, 1.5, params);
  AddSchedule("top_p", 0.5, 0.9, params);
  ASSERT_FALSE(stream_.Call(request).opened(0).has_error());
  v1::UpdateSession update;
  update.set_session_id(1);
  update.mutable_set()->set_temperature(0.7);
  v1::SessionUpdated updated = Update(update);
  ASSERT_FALSE(updated.has_error()) << updated.error().message();
  EXPECT_EQ(updated.resolved().temperature(), 0.7);
  ASSERT_EQ(updated.resolved().schedules_size(), 1);
  EXPECT_EQ(updated.resolved().schedules(0).knob(), "top_p");

  update.Clear();
  update.set_session_id(1);
  update.add_clear("top_p");
  AddSchedule("temperature", 0.1, 0.2, update.mutable_set());
  updated = Update(update);
  ASSERT_FALSE(updated.has_error()) << updated.error().message();
  ASSERT_EQ(updated.resolved().schedules_size(), 1);
  EXPECT_EQ(updated.resolved().schedules(0).knob(), "temperature");
  EXPECT_FALSE(updated.resolved().has_temperature());

  update.Clear();
  update.set_session_id(1);
  update.add_clear("schedules");
  updated = Update(update);
  ASSERT_FALSE(updated.has_error()) << updated.error().message();
  EXPECT_EQ(updated.resolved().schedules_size(), 0);
}

TEST_F(ScheduleStream, IsRefusedByNameWhereItIsWrong) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  AddSchedule("temperature", 0.5, 1.5, params);
  AddSchedule("min_tokens", 1, 2, params);
  params = AddOpen(2, kVocab, &request)->mutable_params();
  AddSchedule("top_p", 0.5, 1.5, params);
  params = AddOpen(3, kVocab, &request)->mutable_params();
  AddSchedule("top_p", 0.5, 1, params)
      ->set_shape(static_cast<v1::ScheduleShape>(9));
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[0].params.schedules[1].knob: min_tokens cannot be "
                       "a function of the position"));
  EXPECT_THAT(StatusOf(reply.opened(1).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[1].params.schedules[0].points[1].value: 1.5 is "
                       "outside (0, 1]"));
  EXPECT_THAT(StatusOf(reply.opened(2).error()),
              StatusIs(Code::kInvalidArgument,
                       "open[2].params.schedules[0].shape: 9 is not a value of "
                       "ScheduleShape"));
}

}  // namespace
}  // namespace logitd
