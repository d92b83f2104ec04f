// The fingerprint of sessions with phases.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sampler/fingerprint.h"
#include "service/session/session.h"
#include "tests/session/phase_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using Code = absl::StatusCode;

SessionStart FingerprintExample() {
  Params base, top_k;
  base.temperature = 0.5;
  top_k.top_k = 3;
  SessionStart start = StartOf(base);
  start.phases = {Phase("think", {{7}, {5, 6}, {7}}, {{8}}, Greedy()),
                  Phase("tool", {{9}}, {}, top_k, "think")};
  return start;
}

TEST(PhaseFingerprint, IsThatOfTheSpecification) {
  const Session session = OpenOrDie(FingerprintExample());
  const std::vector<std::string> expected = {
      "logitd/1",
      "core=0",
      "check=1",
      "hard_bans=1",
      "temperature=1",
      "draw=1",
      "1=3fe0000000000000",
      "phase1.enter=5,6;7",
      "phase1.leave=8",
      "phase1.check=1",
      "phase1.hard_bans=1",
      "phase1.greedy=1",
      "phase1.1=0000000000000000",
      "phase2.within=1",
      "phase2.enter=9",
      "phase2.check=1",
      "phase2.hard_bans=1",
      "phase2.top_k=1",
      "phase2.draw=1",
      "phase2.10=3",
  };
  EXPECT_EQ(session.fingerprint_lines(), expected);
  EXPECT_EQ(session.fingerprint(), "6ccf259295bc0dd3");
  std::ifstream file(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::stringstream page;
  page << file.rdbuf();
  std::string printed;
  for (const std::string& line : expected) {
    absl::StrAppend(&printed, "    ", line, "\n");
  }
  absl::StrAppend(&printed, "    -> ", session.fingerprint(), "\n");
  EXPECT_NE(page.str().find(printed), std::string::npos) << printed;
}

TEST(PhaseFingerprint, WithoutPhasesIsAsItAlwaysWas) {
  SessionStart start = FingerprintExample();
  start.phases.clear();
  const Session session = OpenOrDie(start);
  EXPECT_EQ(session.fingerprint_lines(), FingerprintLines(session.plan()));
}

TEST(PhaseFingerprint, KnowsNoNamesAndNoOrderOfSequences) {
  SessionStart start = FingerprintExample();
  const std::string fingerprint = OpenOrDie(start).fingerprint();
  start.phases[0].name = "other";
  start.phases[1].within = "other";
  start.phases[0].enter = {{5, 6}, {7}};
  EXPECT_EQ(OpenOrDie(start).fingerprint(), fingerprint);
}

TEST(PhaseFingerprint, ChangesWithEachThingThatCanChangeAToken) {
  const std::string original = OpenOrDie(FingerprintExample()).fingerprint();
  const auto changed = [&](const auto& change) {
    SessionStart start = FingerprintExample();
    change(&start.phases);
    return OpenOrDie(start).fingerprint() != original;
  };
  EXPECT_TRUE(changed([](Phases* p) { p->pop_back(); }));
  EXPECT_TRUE(changed([](Phases* p) { std::swap((*p)[0], (*p)[1]); }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].within.clear(); }));
  EXPECT_TRUE(changed(
      [](Phases* p) { (*p)[0].enter.pop_back(), (*p)[0].enter.pop_back(); }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[0].enter = {{5}, {6, 7}}; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].leave = {{1}}; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].params.top_k = 4; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].params.top_p = 0.5; }));
}

TEST(PhaseFingerprint, TheFirstLineThatDiffersIsNamed) {
  SessionStart start = FingerprintExample();
  const Session session = OpenOrDie(start);
  start.expected_fingerprint = session.fingerprint();
  start.expected_fingerprint_lines = session.fingerprint_lines();
  EXPECT_THAT(Session::Open(start, Limits()), IsOk());
  start.phases[1].params.top_k = 4;
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kFailedPrecondition,
                       "line 20: \"phase2.10=3\" was expected, here is "
                       "\"phase2.10=4\""));
}

}  // namespace
}  // namespace logitd
