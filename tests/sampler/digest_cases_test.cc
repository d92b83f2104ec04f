// Every knob is on in enough of the digest's cases, and matters in some.
#include "tests/sampler/digest_cases.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "sampler/fingerprint.h"
#include "sampler/knobs.h"
#include "sampler/knobs_at.h"
#include "tests/sampler/digest.h"
#include "tests/sampler/knob_list.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {
namespace {

constexpr int kCasesMin = 50;
constexpr int kMattersMin = kSlow ? 3 : 10;

// The fields that are not at their off values, as the fingerprint has them, and
// those that are scheduled.
std::set<int> FieldsThatAreOn(const Plan& plan) {
  std::set<int> fields;
  for (const std::string& line : FingerprintLines(plan)) {
    const std::vector<std::string> parts = absl::StrSplit(line, '=');
    int field = 0;
    if (absl::SimpleAtoi(parts[0], &field)) fields.insert(field);
  }
  for (const Schedule& schedule : plan.params.schedules) {
    if (!IsAlwaysOff(schedule, plan.vocab_size)) fields.insert(schedule.field);
  }
  return fields;
}

// Calls visit(case, its fields) for each case that has a token.
template <class Visit>
void ForEachAnswered(const Visit& visit) {
  CaseRunner runner(*Targets()[0]);
  for (int i = 0; i < kDigestCases; ++i) {
    const Case c = DigestCase(i);
    const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
    ASSERT_TRUE(plan.ok()) << c.name << ": " << plan.status();
    if (runner.Run(c).status.ok()) visit(c, FieldsThatAreOn(*plan));
  }
}

TEST(DigestCases, HaveEveryKnobOnFiftyTimes) {
  std::map<int, int> counts;
  ForEachAnswered([&](const Case&, const std::set<int>& fields) {
    for (const int field : fields) ++counts[field];
  });
  for (const Knob& knob : AllKnobs()) {
    EXPECT_GE(counts[knob.field], kCasesMin) << knob.name;
  }
  for (const Knob& knob : AllKnobs()) counts.erase(knob.field);
  for (const auto& [field, count] : counts) {
    ADD_FAILURE() << "field " << field << " is on, and no knob of this test";
  }
}

TEST(DigestCases, HaveNearlyAllKnobsOnAtOnce) {
  int together = 0;
  const size_t many = AllKnobs().size() * 9 / 10;
  ForEachAnswered([&](const Case&, const std::set<int>& fields) {
    together += fields.size() >= many ? 1 : 0;
  });
  EXPECT_GE(together, kCasesMin);
}

// That a knob is on says little where nothing would change without it.
TEST(DigestCases, WouldOftenChangeWithoutAKnob) {
  CaseRunner runner(*Targets()[0]);
  std::map<std::string, int> counts;
  for (int i = 0; i < kDigestCases; ++i) {
    const Case c = DigestCase(i);
    if (c.vocab_size > 2000 || (kSlow && i / 4 % 2 == 1)) continue;
    const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
    ASSERT_TRUE(plan.ok()) << c.name << ": " << plan.status();
    const std::set<int> fields = FieldsThatAreOn(*plan);
    const uint64_t digest = DigestOf(runner.Run(c));
    for (const Knob& knob : AllKnobs()) {
      if (fields.count(knob.field) == 0) continue;
      Case without = c;
      knob.take_away(&without.params);
      counts[knob.name] += DigestOf(runner.Run(without)) != digest ? 1 : 0;
    }
  }
  for (const Knob& knob : AllKnobs()) {
    EXPECT_GE(counts[knob.name], kMattersMin) << knob.name;
  }
}

struct Trait {
  const char* name;
  bool (*holds)(const Case& c);
};

constexpr Trait kTraits[] = {
    {"fp16", [](const Case& c) { return c.dtype == Dtype::kFloat16; }},
    {"bf16", [](const Case& c) { return c.dtype == Dtype::kBfloat16; }},
    {"misaligned", [](const Case& c) { return c.misalignment != 0; }},
    {"wider row", [](const Case& c) { return c.logits.size() > c.vocab_size; }},
    {"mask", [](const Case& c) { return c.has_mask; }},
    {"second row", [](const Case& c) { return !c.guidance.empty(); }},
    {"given token", [](const Case& c) { return c.given.has_value(); }},
    {"attempt", [](const Case& c) { return c.at.attempt != 0; }},
    {"prompt unknown", [](const Case& c) { return !c.prompt_known; }},
    {"long history", [](const Case& c) { return c.output.size() > 200; }},
    {"feedback", [](const Case& c) { return c.feedback != Feedback(); }},
    {"thousands of ids", [](const Case& c) { return c.vocab_size > 4096; }},
    {"VLLM", [](const Case& c) { return c.params.dialect == Dialect::kVllm; }},
    {"HUGGING_FACE",
     [](const Case& c) { return c.params.dialect == Dialect::kHuggingFace; }},
    {"LLAMA_CPP",
     [](const Case& c) { return c.params.dialect == Dialect::kLlamaCpp; }},
    {"SGLANG",
     [](const Case& c) { return c.params.dialect == Dialect::kSglang; }},
    {"OPENVINO",
     [](const Case& c) { return c.params.dialect == Dialect::kOpenvino; }},
};

TEST(DigestCases, HaveEveryKindOfRowHistoryAndDialectFiftyTimes) {
  std::map<std::string, int> counts;
  ForEachAnswered([&](const Case& c, const std::set<int>&) {
    for (const Trait& trait : kTraits) {
      counts[trait.name] += trait.holds(c) ? 1 : 0;
    }
  });
  for (const Trait& trait : kTraits) {
    EXPECT_GE(counts[trait.name], kCasesMin) << trait.name;
  }
}

}  // namespace
}  // namespace logitd::tests
