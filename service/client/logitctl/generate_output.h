// How generate shows texts: as they come, with numbers, by phase, as JSON.
// Texts go to stdout, the numbers of the run to stderr. Threads: main thread.
// Ownership: the vocabulary is borrowed. Cost: O(tokens).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATE_OUTPUT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATE_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "service/client/logitctl/generation.h"
#include "service/client/logitctl/vocabulary.h"

namespace logitd::logitctl {

enum class Show { kText, kNumbers, kPhases, kJson };

// Prints the first text while it grows. The prompt waits for the first token,
// so that a refusal leaves stdout empty. kJson prints nothing yet.
OnToken Streaming(Show show, const Vocabulary& vocabulary,
                  const std::vector<std::uint32_t>& prompt);

// After Streaming, once it has printed: ends the line of the first text, and
// stdout has it, so that stderr may follow.
void EndText(Show show);

// After EndText: the other texts.
void PrintRest(Show show, const Vocabulary& vocabulary,
               const std::vector<std::uint32_t>& prompt,
               const Generated& generated);

// Everything as one JSON object, which stdout has then.
void PrintJson(const Vocabulary& vocabulary, const std::string& prompt,
               const Generated& generated);

// Speed, seeds and fingerprints.
void PrintSummary(const Generated& generated);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_GENERATE_OUTPUT_H_
