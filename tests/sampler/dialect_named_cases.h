// Collects cases whose answers are known: worked by hand or, where they have
// decimals, in double with a calculator's exp, never copied from a run. A
// name is what the case shows; dialect_rows.tsv says which rule it is of.
//
// Values; confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_DIALECT_NAMED_CASES_H_
#define LOGITD_TESTS_SAMPLER_DIALECT_NAMED_CASES_H_

#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/dialect_cases.h"

namespace logitd::tests::named_dialects {

using dialects::Ids;
using Decimals = std::vector<double>;
using Dialects = std::vector<DialectName>;

inline constexpr DialectName kV = DialectName::kVllm;
inline constexpr DialectName kH = DialectName::kHuggingFace;
inline constexpr DialectName kL = DialectName::kLlamaCpp;
inline constexpr DialectName kG = DialectName::kSglang;
inline constexpr DialectName kO = DialectName::kOpenvino;
inline const Dialects kAll = {kV, kH, kL, kG, kO};

// The vectors' row: softmax .6337 .2331 .0858 .0315 .0116 .0043.
inline const std::vector<float> kSteps = {4, 3, 2, 1, 0, -1};

class Collector {
 public:
  // A case on `row` for each of the dialects; `make` sets what it is about.
  template <class Make>
  void Add(const std::string& what, const Dialects& dialects,
           const std::vector<float>& row, Make make, const Ids& kept,
           const Decimals& p = {}) {
    for (DialectName dialect : dialects) {
      NamedDialectCase named;
      named.c.name = what + "_" + Name(dialect);
      named.c.dialect = dialect;
      named.c.row.logits = row;
      make(&named.c);
      named.kept = kept;
      named.p = p;
      cases_.push_back(std::move(named));
    }
  }
  std::vector<NamedDialectCase> Take() { return std::move(cases_); }

 private:
  std::vector<NamedDialectCase> cases_;
};

// DRY at .8 over what was said: a maker for Collector::Add.
inline auto DryOver(const Ids& tokens, const std::vector<Ids>& breakers) {
  return [=](DialectCase* c) {
    c->params.dry_multiplier = 0.8;
    c->params.dry_breakers = breakers;
    c->past.output = tokens;
  };
}

void AddOrders(Collector* all);
void AddPenalties(Collector* all);
void AddCuts(Collector* all);
void AddBans(Collector* all);
void AddTemperatures(Collector* all);
// What an engine lacks, or does by mistake: the names begin with "Lacking".
void AddLacking(Collector* all);  // mistakes, edits and shapes
void AddLackingCuts(Collector* all);

}  // namespace logitd::tests::named_dialects

#endif  // LOGITD_TESTS_SAMPLER_DIALECT_NAMED_CASES_H_
