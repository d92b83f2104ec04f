// Real rows: next-word log-probabilities of the trigram language model that
// pocketsphinx ships (72,547 words), as logits. Reads one file; slow (seconds).

#ifndef LOGITD_TESTS_BENCH_REAL_ROWS_H_
#define LOGITD_TESTS_BENCH_REAL_ROWS_H_

#include <string>
#include <vector>

namespace logitd::bench {

// kRowBuffers rows, one per fixed context; or none and the reason in *why.
std::vector<std::vector<float>> ReadRealRows(std::string* why);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_REAL_ROWS_H_
