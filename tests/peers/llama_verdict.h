// What llama.cpp's chain makes of a case, and why something else may differ
// from it: ties, cuts within a rounding error, float32 sums that stop
// elsewhere, and the bugs that the dialect leaves out. Nothing else is an
// excuse.
//
// Pure but for the chains that it runs; confined to one thread.
#ifndef LOGITD_TESTS_PEERS_LLAMA_VERDICT_H_
#define LOGITD_TESTS_PEERS_LLAMA_VERDICT_H_

#include <cstddef>
#include <map>
#include <string>

#include "tests/oracle/dialects/dialects.h"
#include "tests/peers/llama_chain.h"
#include "tests/sampler/dialect_cases.h"

namespace logitd::dialects {

// What tests/bench/peer.sh built.
const LlamaLibrary& Library();

// The probability of each token that is left; NaN where it was not told.
using Distribution = std::map<uint32_t, Real>;

Distribution FromTextbook(const Answer& answer);
Distribution FromChain(const std::vector<LogitdCandidate>& left);

// The first `stages` of the chain that llama.cpp's server makes of the case.
std::vector<LogitdCandidate> RunChain(const tests::DialectCase& c,
                                      size_t stages = 99);

// The worst distance of a probability; 1 if they do not keep the same tokens.
// Those that fp32 cannot draw count in neither.
Real Distance(const Distribution& chain, const Distribution& judged);
bool Agree(const Distribution& chain, const Distribution& judged,
           Real within = 1e-5L);
// Equal but for which of equally probable tokens they are.
bool AgreeButForTies(const Distribution& chain, const Distribution& judged);

// Two bugs of the peer.
bool TypicalSeesZero(const tests::DialectCase& c);
bool MirostatIsLost(const tests::DialectCase& c);

enum class Verdict {
  kEqual,
  kTied,  // tied at a cut, and equal but for that
  // Within 1e-6 of a cut: the judged is as the textbook, and the chain as the
  // textbook with float32 sums or different by what lies at the cut.
  kNear,
  kFloat32,  // the judged is as the textbook, the chain as its float32 sums
  kZero,     // typ_p meets a probability of 0; the judged is as the textbook
  kLost,     // mirostat 1 is lost; the judged is as the textbook
  kUnexplained
};

// Cases of each verdict, and what those that are equal had on.
struct Tally {
  int of(Verdict verdict) const {
    const auto it = counts.find(verdict);
    return it == counts.end() ? 0 : it->second;
  }
  // "12 cases, 10 equal, ..."
  std::string Text() const;
  // For tests/semantics_table.sh.
  void RecordKnobs() const;

  int cases = 0;
  // Of rows that were not made of ties: all, and those that are tied, near, or
  // different by float32 sums.
  int plain = 0, apart = 0;
  int with_dry = 0, with_penalties = 0;  // histories that matter
  std::map<Verdict, int> counts;
  std::map<std::string, int> equal_with;  // by knob of the contract
  Real worst_distance = 0;                // of the equal ones
};

// Judges a distribution that claims to be the chain's.
Verdict Judge(const tests::DialectCase& c, const Distribution& judged,
              Tally* tally);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_PEERS_LLAMA_VERDICT_H_
