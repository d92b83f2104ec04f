// What a caller asked for and did not get, as logitctl tells it.

#include "service/client/logitctl/resolved_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/parse_profile.h"

namespace logitd::logitctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::SamplingParams Params(const std::string& yaml) {
  return Parse("default_params: {" + yaml + "}").default_params();
}

template <class Resolved>
void AddClamped(const char* knob, double asked, double used, const char* rule,
                Resolved* resolved) {
  v1::Clamped* clamped = resolved->add_clamped();
  clamped->set_knob(knob);
  clamped->set_asked(asked);
  clamped->set_used(used);
  clamped->set_rule(rule);
}

template <class Resolved>
v1::Provenance* AddForced(const char* knob, v1::ParamLevel level,
                          Resolved* resolved) {
  v1::Provenance* from = resolved->add_provenance();
  from->set_knob(knob);
  from->set_level(level);
  return from;
}

TEST(Overruled, SaysWhatAClampChanged) {
  v1::SessionOpened opened;
  AddClamped("temperature", 1.9, 1, "profile clamps[0]", &opened);
  AddClamped("top_k", 50, 40, "profile clamps[1]", &opened);
  EXPECT_THAT(
      OverruledTexts(Params("temperature: 1.9, top_p: 0.5"), opened),
      ElementsAre("temperature: asked 1.9, used 1, by profile clamps[0]"))
      << "what the caller did not ask for is no news";
}

TEST(Overruled, SaysWhatAForceReplaced) {
  v1::SessionOpened opened;
  *opened.mutable_resolved() = Params("temperature: 0, top_p: 0.5");
  AddForced("temperature", v1::PARAM_LEVEL_PROFILE_FORCE, &opened);
  AddForced("top_p", v1::PARAM_LEVEL_PROFILE_FORCE, &opened);
  AddForced("top_k", v1::PARAM_LEVEL_REQUEST, &opened);
  AddForced("repetition_penalty", v1::PARAM_LEVEL_PROFILE_FORCE, &opened)
      ->set_off_value(1);
  AddForced("ban_eos", v1::PARAM_LEVEL_PROFILE_FORCE, &opened)
      ->set_off_value(0);
  AddForced("on_empty", v1::PARAM_LEVEL_PROFILE_FORCE, &opened);
  EXPECT_THAT(
      OverruledTexts(Params("temperature: 1.7, top_p: 0.5, top_k: 3, "
                            "repetition_penalty: 1.5, ban_eos: true, "
                            "on_empty: ON_EMPTY_ERROR"),
                     opened),
      ElementsAre("ban_eos: asked true, used false, by profile force",
                  "on_empty: asked \"ON_EMPTY_ERROR\", used "
                  "\"ON_EMPTY_RELAX\", by profile force",
                  "repetition_penalty: asked 1.5, used 1, by profile force",
                  "temperature: asked 1.7, used 0, by profile force"));
  EXPECT_THAT(OverruledTexts(Params("top_p: 0.5, repetition_penalty: 1, "
                                    "ban_eos: false, "
                                    "on_empty: ON_EMPTY_RELAX"),
                             opened),
              IsEmpty())
      << "who got what was asked for was not overruled";
}

TEST(Forced, IsOneKnobOfTheCallersAndNoClamp) {
  v1::SessionOpened opened;
  AddClamped("top_k", 50, 40, "profile clamps[0]", &opened);
  *opened.mutable_resolved() = Params("temperature: 0.7, top_k: 40, min_p: 1");
  AddForced("temperature", v1::PARAM_LEVEL_PROFILE_FORCE, &opened);
  AddForced("min_p", v1::PARAM_LEVEL_PROFILE_FORCE, &opened);
  v1::ResolvedPhase* phase = opened.add_phases();
  *phase->mutable_resolved() = Params("temperature: 0, top_k: 40");
  AddForced("temperature", v1::PARAM_LEVEL_PHASE_FORCE, phase);
  const v1::SamplingParams asked = Params("temperature: 1.9, top_k: 50");
  EXPECT_THAT(
      ForcedIn(asked, opened),
      ElementsAre(Overruled{"temperature", "1.9", "0.7", "profile force"}));
  EXPECT_THAT(ForcedIn(asked, *phase),
              ElementsAre(Overruled{"temperature", "1.9", "0", "phase force"}));
}

TEST(Overruled, NamesAPhaseThatDiffersFromTheBase) {
  v1::SessionOpened opened;
  AddClamped("top_k", 400, 50, "profile clamps[0]", &opened);
  v1::ResolvedPhase* think = opened.add_phases();
  think->set_name("think");
  AddClamped("top_k", 400, 50, "profile clamps[0]", think);
  v1::ResolvedPhase* tool = opened.add_phases();
  tool->set_name("tool");
  AddClamped("top_k", 400, 9, "phase tool clamps[0]", tool);
  *tool->mutable_resolved() = Params("temperature: 0");
  AddForced("temperature", v1::PARAM_LEVEL_PHASE_FORCE, tool);
  EXPECT_THAT(
      OverruledTexts(Params("temperature: 1, top_k: 400"), opened),
      ElementsAre(
          "top_k: asked 400, used 50, by profile clamps[0]",
          "temperature: asked 1, used 0, by phase force, in phase tool",
          "top_k: asked 400, used 9, by phase tool clamps[0], in phase tool"));
}

}  // namespace
}  // namespace logitd::logitctl
