// Rows, parameters and histories to try dialects with, all decided by a seed,
// and single ones that carry the name of what they show.
//
// Knows the textbooks of tests/oracle/dialects and nothing of the sampler: no
// libm, no std distribution, no GoogleTest, the same bits on every machine.
// Values; making one costs O(V).
#ifndef LOGITD_TESTS_SAMPLER_DIALECT_CASES_H_
#define LOGITD_TESTS_SAMPLER_DIALECT_CASES_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "tests/oracle/dialects/dialects.h"

namespace logitd::tests {

enum class DialectName { kVllm, kHuggingFace, kLlamaCpp, kSglang, kOpenvino };
inline constexpr int kDialectCount = 5;
const char* Name(DialectName dialect);

struct DialectCase {
  std::string name;  // to find it again
  DialectName dialect = DialectName::kVllm;
  bool has_ties = false;  // made of equal logits, so that cuts fall among them
  dialects::Params params;
  dialects::Row row;
  dialects::Past past;
  std::vector<std::string> lacking;  // knobs set that the engine lacks
};

// What the textbook of the case's dialect says.
dialects::Answer AskTextbook(const DialectCase& c);

// One in sixteen has a real vocabulary, the others at most 300 tokens; one in
// four has ties where cuts fall. Only the knobs that the engine has; with
// `lacking` one to four others, too.
DialectCase MakeDialectCase(DialectName dialect, uint64_t seed,
                            bool lacking = false);

// A case whose answer is known beforehand.
struct NamedDialectCase {
  DialectCase c;  // name: <what>/<dialect>
  dialects::Ids kept;
  std::vector<double> p;  // of each, within 2e-4; empty: not said
};
inline std::ostream& operator<<(std::ostream& out, const NamedDialectCase& x) {
  return out << x.c.name;
}
std::vector<NamedDialectCase> NamedDialectCases();

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_DIALECT_CASES_H_
