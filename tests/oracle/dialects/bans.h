// What the five engines do alike, or lack: guidance, bans, counts. Where an
// engine lacks a ban it is logitd/1's. Pure functions of their arguments.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_BANS_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_BANS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "tests/oracle/dialects/dialects.h"

namespace logitd::dialects {

inline constexpr Real kBanned = -std::numeric_limits<Real>::infinity();

// How engines differ in what they ban.
struct BanRules {
  // min_tokens bans EOS even where EOS would not finish.
  bool min_tokens_bans_ignored_eos = false;
  // Bad words match prompt and output; else the output alone.
  bool bad_words_see_prompt = false;
};

// The row after guidance and all bans, by id. Soft bans that would leave
// nothing are lifted. Empty if hard bans leave nothing.
std::vector<Real> BannedRow(const Params& params, const Row& row,
                            const Past& past, const BanRules& rules);

// Prompt and output in a row, of these the last `window` (0: all).
Ids LastTokens(const Past& past, uint32_t window);

// Occurrences in the last `window` tokens (0: all) of prompt and output, of
// those that the output has if `output_only`; without the excluded ids.
std::map<uint32_t, uint32_t> Count(const Params& params, const Past& past,
                                   uint32_t window, bool output_only);

// transformers' exponential_decay_length_penalty: after `start` generated
// tokens EOS gains |l| * (factor^(generated - start) - 1), unless it is
// ignored.
void FavourEos(const Params& params, const Past& past,
               std::vector<Real>* logits);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_BANS_H_
