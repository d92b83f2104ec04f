// Rows of a real language model: the natural log-probability of every word
// after a few contexts, by the demo's trigram model.
//
// Smoothing gives most words one of a few backed-off values, so these rows are
// peaked and full of ties; one word is -inf. A missing model is the caller's
// failure to report. Thread-compatible; each row takes some 10 ms; owns
// nothing.
#ifndef LOGITD_TESTS_SAMPLER_TRIGRAM_ROWS_H_
#define LOGITD_TESTS_SAMPLER_TRIGRAM_ROWS_H_

#include <cstddef>
#include <vector>

namespace logitd::tests {

inline constexpr size_t kTrigramContexts = 16;

// `count` rows, of the contexts from `first` on, around the end; empty when the
// model cannot be read.
std::vector<std::vector<float>> TrigramRows(size_t first, size_t count);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_TRIGRAM_ROWS_H_
