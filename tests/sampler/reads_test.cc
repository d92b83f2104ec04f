// How often one knob reads a row from end to end.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "sampler/plan.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/digest.h"
#include "tests/sampler/targets.h"
#include "tests/sampler/trigram_rows.h"
#include "tests/support/kernel_reads.h"
#include "tests/support/single_knobs.h"

namespace logitd::tests {
namespace {

// Beyond what the step reads without the knob.
constexpr int kReadsMax = 3;

struct NamedRow {
  std::string name;
  std::vector<float> logits;
};

std::vector<NamedRow> Rows() {
  constexpr uint32_t kSize = 151936;
  std::vector<NamedRow> rows;
  rows.push_back({"peaked", MakeRow(Shape::kPeaked, kSize, 1)});
  rows.push_back({"normal", MakeRow(Shape::kNormal, kSize, 1)});
  rows.push_back({"normal 32000", MakeRow(Shape::kNormal, 32000, 1)});
  rows.push_back({"normal 4096", MakeRow(Shape::kNormal, 4096, 1)});
  for (std::vector<float>& row : TrigramRows(0, 3)) {
    rows.push_back({"trigram", std::move(row)});
  }
  EXPECT_GT(rows.size(), 2u) << "install pocketsphinx-en-us";
  return rows;
}

// Many ids of each value; a third of the blocks unlike the others; a row in
// order. No list or sample does for these.
std::vector<NamedRow> RowsThatMislead() {
  std::vector<NamedRow> rows;
  std::vector<float> logits = MakeRow(Shape::kNormal, 151936, 2);
  for (float& logit : logits) logit = std::round(logit / 2) * 2;
  rows.push_back({"tied 151936", logits});
  logits = MakeRow(Shape::kNormal, 151936, 3);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (i / 128 % 37 == 5) logits[i] += 7;
  }
  rows.push_back({"striped 151936", logits});
  std::sort(logits.begin(), logits.end());
  rows.push_back({"rising 151936", logits});
  return rows;
}

Case CaseOf(const SingleKnob& knob, const std::vector<float>& logits) {
  Case c;
  c.params = knob.params;
  c.vocab_size = static_cast<uint32_t>(logits.size());
  c.logits = logits;
  if (knob.second_row) c.guidance.assign(logits.rbegin(), logits.rend());
  c.has_mask = knob.mask;
  if (knob.mask) c.mask.assign((logits.size() + 7) / 8, 0xB5);
  for (uint32_t i = 0; i < 256; ++i) c.output.push_back(i % 40);
  c.prompt = {1, 5, 9, 2};
  c.at.position = 260;
  return c;
}

class Reads : public testing::Test {
 protected:
  // Full reads of one step.
  int Of(const SingleKnob& knob, const std::vector<float>& logits) {
    reads_->Reset();
    const Ran& ran = runner_->Run(CaseOf(knob, logits));
    EXPECT_TRUE(ran.status.ok()) << knob.name << ": " << ran.status;
    return static_cast<int>(reads_->full()) + knob.other_reads;
  }

  // Other kernels, and a workspace of their own.
  void Use(const kernels::KernelTable& kernels) {
    reads_.emplace(kernels);
    runner_.emplace(reads_->table());
  }

  std::optional<KernelReads> reads_{*Targets()[0]};
  std::optional<CaseRunner> runner_{reads_->table()};
};

TEST_F(Reads, OfOneKnobAreThreeAtMost) {
  for (const NamedRow& row : Rows()) {
    const auto size = static_cast<uint32_t>(row.logits.size());
    const std::vector<SingleKnob> knobs = SingleKnobs(size);
    const int without = Of(knobs[0], row.logits);
    for (const SingleKnob& knob : knobs) {
      if (knob.may_read_more) continue;
      const int beyond = Of(knob, row.logits) - without;
      EXPECT_LE(beyond, kReadsMax)
          << knob.name << ", " << row.name << ": " << reads_->Text();
    }
  }
}

// Wherever on the row its crossing lies.
TEST_F(Reads, OfTopPAreThreeAtMostWhateverItIs) {
  for (const NamedRow& row : Rows()) {
    for (const double temperature : {0.5, 1.0, 2.0}) {
      SingleKnob knob = {"none", {}};
      knob.params.temperature = temperature;
      const int without = Of(knob, row.logits);
      for (const double p : {0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999, 0.9999,
                             0.99999, 0.999999}) {
        knob.params.top_p = p;
        EXPECT_LE(Of(knob, row.logits) - without, kReadsMax)
            << row.name << ", temperature " << temperature << ", top_p " << p
            << ": " << reads_->Text();
      }
    }
  }
}

// A knob of the sort that looks at the row, and values of it.
struct Sweep {
  const char* name;
  void (*set)(Params*, double);
  std::vector<double> values;
};

const Sweep kSweeps[] = {
    {"top_k",
     [](Params* p, double x) { p->top_k = static_cast<uint32_t>(x); },
     {1, 2, 40, 1000, 4000, 20000, 50000, 72000}},
    {"epsilon_cutoff",
     [](Params* p, double x) { p->epsilon_cutoff = x; },
     {1e-12, 1e-9, 1e-6, 1e-4, .01, .5}},
    {"eta_cutoff",
     [](Params* p, double x) { p->eta_cutoff = x; },
     {1e-12, 1e-9, 1e-6, 1e-4, .01, .5}},
    {"top_a", [](Params* p, double x) { p->top_a = x; }, {1e-6, .001, .1, 1}},
    {"min_p", [](Params* p, double x) { p->min_p = x; }, {1e-9, .001, .1, 1}},
    {"top_n_sigma",
     [](Params* p, double x) { p->top_n_sigma = x; },
     {.01, .5, 1, 3, 100}},
    {"xtc_threshold",
     [](Params* p, double x) {
       p->xtc_probability = 1;
       p->xtc_threshold = x;
     },
     {0, 1e-9, 1e-5, .01, .1, .5}},
    {"mirostat_tau",
     [](Params* p, double x) {
       p->mirostat = 2;
       p->mirostat_tau = x;
     },
     {.1, 1, 3, 5, 12, 20}},
    {"top_p_decay",
     [](Params* p, double x) {
       p->top_p = .95;
       p->top_p_decay = x;
     },
     {.5, .99, .9999}},
    {"smoothing_factor",
     [](Params* p, double x) { p->smoothing_factor = x; },
     {.01, .5, 5}},
    {"top_h",
     [](Params* p, double x) { p->top_h = x; },
     {.05, .4, .9, .999, .99999}},
};

TEST_F(Reads, OfACutAreThreeAtMostWhateverItsValue) {
  for (const NamedRow& row : Rows()) {
    for (const double temperature : {0.5, 1.0, 2.0}) {
      SingleKnob knob = {"none", {}};
      knob.params.temperature = temperature;
      const Params without = knob.params;
      const int base = Of(knob, row.logits);
      for (const Sweep& sweep : kSweeps) {
        for (const double value : sweep.values) {
          knob.params = without;
          sweep.set(&knob.params, value);
          EXPECT_LE(Of(knob, row.logits) - base, kReadsMax)
              << row.name << ", temperature " << temperature << ", "
              << sweep.name << " " << value << ": " << reads_->Text();
        }
      }
    }
  }
}

// What is on record of one table of kernels.
class Recorder {
 public:
  Recorder(KernelReads* reads, CaseRunner* runner)
      : reads_(*reads), runner_(*runner) {}

  std::string All() {
    for (const uint32_t size : {20000u, 151936u}) {
      RecordRow(absl::StrFormat("peaked %d", size),
                MakeRow(Shape::kPeaked, size, 1));
      RecordRow(absl::StrFormat("normal %d", size),
                MakeRow(Shape::kNormal, size, 1));
    }
    for (const NamedRow& row : RowsThatMislead()) {
      RecordTopP(row.name, row.logits);
      for (const uint32_t k : {500u, 5000u, 50000u}) {
        SingleKnob knob = {absl::StrFormat("top_k %d", k), {}};
        knob.params.top_k = k;
        RecordKnob(row.name, knob, row.logits);
      }
    }
    RecordCases();
    return text_;
  }

 private:
  void Run(const Case& c, const std::string& name) {
    const Ran& ran = runner_.Run(c);
    EXPECT_TRUE(ran.status.ok()) << name << ": " << ran.status;
  }

  void RecordRow(const std::string& row, const std::vector<float>& logits) {
    const auto size = static_cast<uint32_t>(logits.size());
    for (const SingleKnob& knob : SingleKnobs(size)) {
      RecordKnob(row, knob, logits);
    }
    RecordTopP(row, logits);
    for (const Sweep& sweep : kSweeps) RecordSweep(row, sweep, logits);
  }

  void RecordTopP(const std::string& row, const std::vector<float>& logits) {
    for (const double temperature : {0.5, 1.0, 2.0}) {
      for (const double p : {0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999}) {
        SingleKnob knob = {
            absl::StrFormat("temperature %g, top_p %g", temperature, p), {}};
        knob.params.temperature = temperature;
        knob.params.top_p = p;
        RecordKnob(row, knob, logits);
      }
    }
  }

  void RecordKnob(const std::string& row, const SingleKnob& knob,
                  const std::vector<float>& logits) {
    reads_.Reset();
    Run(CaseOf(knob, logits), knob.name);
    absl::StrAppendFormat(&text_, "%s, %s: %s; %.3f; %016x\n", row, knob.name,
                          reads_.Text(), reads_.rows(), reads_.trace());
  }

  // All values of a knob in a line.
  void RecordSweep(const std::string& row, const Sweep& sweep,
                   const std::vector<float>& logits) {
    reads_.Reset();
    for (const double temperature : {0.5, 1.0, 2.0}) {
      for (const double value : sweep.values) {
        SingleKnob knob = {sweep.name, {}};
        knob.params.temperature = temperature;
        sweep.set(&knob.params, value);
        Run(CaseOf(knob, logits), knob.name);
      }
    }
    absl::StrAppendFormat(&text_, "%s, all values of %s: %.3f; %016x\n", row,
                          sweep.name, reads_.rows(), reads_.trace());
  }

  // Of the digest, a hundred in a line.
  void RecordCases() {
    for (int i = 0; i < kDigestCases; ++i) {
      if (i % 100 == 0) reads_.Reset();
      runner_.Run(DigestCase(i));  // some are errors
      if (i % 100 != 99) continue;
      absl::StrAppendFormat(&text_, "digest cases %d to %d: %016x\n", i - 99, i,
                            reads_.trace());
    }
  }

  KernelReads& reads_;
  CaseRunner& runner_;
  std::string text_ =
      "# Of steps with one knob: kernels' full reads, and of how many calls if "
      "more;\n# what all calls visit, in rows; a digest of what they were "
      "called with.\n# tests/sampler/reads_test.cc\n";
};

// What each step does, not only how often at most: a change that makes steps
// dearer or cheaper shows in its diff, and all targets do the same. To write
// the file anew, run this test with LOGITD_WRITE_READS=1.
TEST_F(Reads, AreThoseOnRecord) {
  const std::string path = LOGITD_SOURCE_DIR "/tests/golden/reads.txt";
  for (const kernels::KernelTable* target : Targets()) {
    Use(*target);
    const std::string found = Recorder(&*reads_, &*runner_).All();
    if (std::getenv("LOGITD_WRITE_READS") != nullptr) {
      std::ofstream(path) << found;
    }
    std::stringstream on_record;
    on_record << std::ifstream(path).rdbuf();
    EXPECT_EQ(found, on_record.str()) << target->name;
  }
}

// A stage that comes and has no knob in the list is told.
TEST_F(Reads, AreCountedForEveryStageOfTheOrder) {
  std::set<Stage> seen;
  for (const SingleKnob& knob : SingleKnobs(1000)) {
    const absl::StatusOr<Plan> plan = Plan::Compile(knob.params, 1000);
    ASSERT_TRUE(plan.ok()) << knob.name << ": " << plan.status();
    seen.insert(plan->stages.begin(), plan->stages.end());
  }
  for (size_t i = 0; i < kOrderedStageCount; ++i) {
    EXPECT_EQ(seen.count(static_cast<Stage>(i)), 1u) << kStageNames[i];
  }
}

TEST_F(Reads, AreCountedAsBlocksAreVisited) {
  Workspace workspace;
  workspace.Reserve(1000);
  std::vector<float> row(1000);
  std::iota(row.begin(), row.end(), 0.0f);
  uint32_t bad = 0;
  const kernels::KernelTable& kernels = reads_->table();
  kernels.load_f32(row.data(), 1000, false, workspace.row(), &bad);
  EXPECT_EQ(reads_->full(), 1u);
  // Of eight blocks the last four, then the last five.
  EXPECT_EQ(kernels.count_cut(workspace.row(), {512.0f, kernels::kNone}), 488u);
  EXPECT_EQ(reads_->full(), 1u);
  EXPECT_EQ(reads_->rows(), 1.5);
  kernels.count_cut(workspace.row(), {511.0f, kernels::kNone});
  EXPECT_EQ(reads_->full(), 2u);
  EXPECT_EQ(reads_->Text(), "load_f32 1, count_cut 1 of 2");
}

}  // namespace
}  // namespace logitd::tests
