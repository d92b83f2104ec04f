// The knobs' vectors of sampler/README.md as questions to the sampler, in the
// order in which the scripts of tests/golden print them.
//
// Values; thread-safe.
#ifndef LOGITD_TESTS_SAMPLER_KNOB_VECTORS_H_
#define LOGITD_TESTS_SAMPLER_KNOB_VECTORS_H_

#include <optional>
#include <string>
#include <vector>

#include "sampler/dialect.h"
#include "sampler/params.h"

namespace logitd::tests {

struct KnobVector {
  std::string name;
  void (*set)(Params* p);
  TokenIds prompt = {};
  TokenIds output = {};
  std::vector<float> logits = {4, 3, 2, 1, 0, -1};
  std::optional<Dialect> dialect = {};

  Params params() const {
    Params p;
    if (dialect) p.dialect = dialect;
    set(&p);
    return p;
  }
};

using KnobVectors = std::vector<KnobVector>;

// Of knob_vectors.py, but for its coins: those of a row alone, and the others.
KnobVectors RowVectors();
KnobVectors PastVectors();
// Of knob_vectors_dialects.py.
KnobVectors DialectVectors();

// A session that is given these tokens, on that row.
struct FeedbackVector {
  std::string name;
  void (*set)(Params* p);
  TokenIds given;

  Params params() const {
    Params p;
    set(&p);
    return p;
  }
};

// Of knob_vectors_feedback.py: mirostat 1 and 2, adaptive-p, fading top_p.
std::vector<FeedbackVector> FeedbackVectors();

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOB_VECTORS_H_
