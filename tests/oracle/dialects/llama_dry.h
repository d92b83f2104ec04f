// DRY as llama.cpp has it (llama_sampler_dry_apply): which tokens would prolong
// a repetition, and by how much. By comparing everything with everything.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_DRY_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_DRY_H_

#include <cstdint>
#include <map>

#include "tests/oracle/dialects/dialects.h"

namespace logitd::dialects {

// How often to multiply by the base, for each token that is penalised at all.
std::map<uint32_t, uint32_t> LlamaDryExponents(const Params& params,
                                               const Past& past);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_LLAMA_DRY_H_
