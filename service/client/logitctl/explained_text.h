// Explanations and sweeps as text of 80 columns, without colours, and as JSON.
// Knows no server. Threads: free functions. Cost: O(answer).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_EXPLAINED_TEXT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_EXPLAINED_TEXT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "logitd/v1/sampling.pb.h"

namespace logitd::logitctl {

// What a token is called.
using WordOf = std::function<std::string(std::uint32_t)>;

// What was drawn, the waterfall of stages, the best tokens before and after,
// and what each stage did to the tokens of `asked`.
std::string ExplainedText(const v1::ExplainResponse& answer,
                          const std::vector<std::uint32_t>& asked,
                          const WordOf& word_of);
std::string ExplainedJson(const v1::ExplainResponse& answer,
                          const WordOf& word_of);

// A line for each value, then one for each flip.
std::string SweptText(const std::string& knob, const v1::SweepResult& swept,
                      const WordOf& word_of);
std::string SweptJson(const std::string& knob, const v1::SweepResult& swept,
                      const WordOf& word_of);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_EXPLAINED_TEXT_H_
