// Every field of SamplingParams is taken; every other one that opens a session
// is, or answers UNIMPLEMENTED with its path.
#include "sampler/knobs.h"

#include "absl/strings/match.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "gtest/gtest.h"
#include "service/built.h"
#include "service/convert.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"
#include "tests/support/service_something.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using testing::AddOpen;
using testing::IsOk;
using testing::kVocab;
using testing::SetSomething;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

class Knobs : public ::testing::Test {
 protected:
  TestServer server_;
  TestStream stream_{server_};
};

// A field that no table of sampler/knobs.h has would be INTERNAL.
TEST_F(Knobs, EveryFieldOfTheContractIsInATable) {
  const auto* type = v1::SamplingParams::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    v1::SamplingParams wire;
    SetSomething(type->field(i), &wire);
    Params params;
    EXPECT_NE(ReadParams(wire, Limits(), &params).code(), Code::kInternal)
        << type->field(i)->name();
  }
}

TEST_F(Knobs, EveryTableEntryIsAFieldOfTheContract) {
  const auto* type = v1::SamplingParams::descriptor();
  const auto check = [type](const char* name, int number) {
    const FieldDescriptor* field = type->FindFieldByNumber(number);
    ASSERT_NE(field, nullptr) << name;
    EXPECT_EQ(field->name(), name);
  };
  for (const RealKnob& knob : kRealKnobs) check(knob.name, knob.field);
  for (const CountKnob& knob : kCountKnobs) check(knob.name, knob.field);
  for (const IdsKnob& knob : kIdsKnobs) check(knob.name, knob.field);
  for (const SwitchKnob& knob : kSwitchKnobs) check(knob.name, knob.field);
  check("logit_bias_ids", kBiasIdsField);
  check("logit_bias_values", kBiasValuesField);
  for (const SequencesKnob& knob : kSequencesKnobs) {
    check(knob.name, knob.field);
  }
  check("forced_tokens", kForcedTokensField);
  check("thinking_budget", kThinkingBudgetField);
  check("on_conflict", kOnConflictField);
  check("on_empty", kOnEmptyField);
  check("on_non_finite", kOnNonFiniteField);
}

TEST_F(Knobs, EveryBuiltKnobIsTakenAndNamesItsRange) {
  for (const RealKnob& knob : kRealKnobs) {
    v1::SampleRequest request;
    v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
    const auto* field =
        v1::SamplingParams::descriptor()->FindFieldByNumber(knob.field);
    const double inside = knob.max_open ? (knob.min + knob.max) / 2 : knob.max;
    params->GetReflection()->SetDouble(params, field, inside);
    params = AddOpen(2, kVocab, &request)->mutable_params();
    params->GetReflection()->SetDouble(params, field, knob.max * 1.01);
    request.add_close()->set_session_id(1);
    const v1::SampleResponse reply = stream_.Call(request);
    EXPECT_FALSE(reply.opened(0).has_error()) << knob.name;
    EXPECT_THAT(StatusOf(reply.opened(1).error()),
                StatusIs(Code::kInvalidArgument,
                         std::string("open[1].params.") + knob.name + ": "));
  }
}

// The error that a request gets in which only `field` of `type` is wrong.
absl::Status ErrorOf(const std::string& type, const FieldDescriptor* field,
                     TestStream* stream) {
  v1::SampleRequest request;
  if (type == "SampleRequest") {
    SetSomething(field, &request);
    return StatusOf(stream->Call(request).error());
  }
  if (type == "Step" || type == "Place") {
    testing::AddEntry(1, 0, testing::RowAt(0), &request);
    v1::Step* step = request.mutable_step();
    SetSomething(field, type == "Step" ? static_cast<Message*>(step)
                                       : step->mutable_logits());
    return StatusOf(stream->Call(request).error());
  }
  if (type == "UpdateSession") {
    request.add_update()->set_session_id(1);
    SetSomething(field, request.mutable_update(0));
    return StatusOf(stream->Call(request).updated(0).error());
  }
  v1::OpenSession* open = AddOpen(2, kVocab, &request);
  SetSomething(field, type == "Report"
                          ? static_cast<Message*>(open->mutable_report())
                          : open);
  return StatusOf(stream->Call(request).opened(0).error());
}

// Where the field of a message of that type stands in a request.
std::string PathOf(const std::string& type) {
  if (type == "SampleRequest") return "";
  if (type == "Step") return "step.";
  if (type == "Place") return "step.logits.";
  if (type == "UpdateSession") return "update[0].";
  return type == "Report" ? "open[0].report." : "open[0].";
}

TEST_F(Knobs, EveryFieldThatIsListedAsNotBuiltSaysSoWithItsPath) {
  testing::OpenSession(1, &stream_);
  const auto* pool = v1::Step::descriptor()->file()->pool();
  int refused = 0;
  for (const std::string& name : NotBuilt()) {
    const std::string full = "logitd.v1." + name;
    const FieldDescriptor* field = pool->FindFieldByName(full);
    if (field == nullptr) {  // what is not a field must exist all the same
      EXPECT_TRUE(pool->FindServiceByName(full) != nullptr ||
                  pool->FindMethodByName(full) != nullptr)
          << name;
      continue;
    }
    const std::string type = field->containing_type()->name();
    EXPECT_THAT(ErrorOf(type, field, &stream_),
                StatusIs(Code::kUnimplemented,
                         PathOf(type) + field->name() + ": not built yet"));
    ++refused;
  }
  EXPECT_GE(refused, 3);
}

TEST_F(Knobs, ServerInfoListsExactlyWhatIsBuilt) {
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(server_.NewStub()->GetServerInfo(&context, {}, &info).ok());
  const auto has = [](const auto& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const auto* knobs = v1::SamplingParams::descriptor();
  for (int i = 0; i < knobs->field_count(); ++i) {
    const std::string path = "SamplingParams." + knobs->field(i)->name();
    EXPECT_TRUE(has(info.capabilities(), path)) << path;
  }
  EXPECT_TRUE(has(info.not_built(), "ProfileService.ImportProfile"));
  for (const char* name :
       {"SamplingService.Sample", "OpenSession.expected_fingerprint",
        "Report.kept_mass", "RewindSession.position", "Step.mode",
        "EntryMode.ENTRY_MODE_PEEK", "Place.inline", "Dtype.DTYPE_BFLOAT16",
        "Dtype.DTYPE_FLOAT16", "Step.guidance_row", "Report.kept_ids",
        "Report.row_digest", "SampleOnceRequest.guidance_row"}) {
    EXPECT_TRUE(has(info.capabilities(), name)) << name;
  }
  for (const std::string& name : info.not_built()) {
    EXPECT_FALSE(has(info.capabilities(), name)) << name;
  }
  EXPECT_TRUE(has(info.semantics(), "logitd/1"));
  EXPECT_EQ(info.worker_threads(), 2u);
  EXPECT_EQ(info.limits().at("max_sessions"), 4096u);
  EXPECT_TRUE(has(info.instruction_sets(), info.instruction_set()));
  EXPECT_FALSE(info.draining());
}

TEST(Convert, ReadsIdsAsLittleEndian) {
  const auto ids = ReadIds("ids", std::string("\x01\x02\x00\x00", 4));
  ASSERT_THAT(ids, IsOk());
  EXPECT_EQ(*ids, (TokenIds{0x201}));
  EXPECT_EQ(WriteIds(*ids), std::string("\x01\x02\x00\x00", 4));
}

}  // namespace
}  // namespace logitd
