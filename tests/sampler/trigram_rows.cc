#include "tests/sampler/trigram_rows.h"

#include <cstdint>
#include <memory>
#include <string>

#include "service/client/demo/trigram_model.h"

namespace logitd::tests {
namespace {

constexpr char kModel[] = "/usr/share/pocketsphinx/model/en-us/en-us.lm.bin";

constexpr const char* kContexts[kTrigramContexts] = {
    "the",       "one of", "in the", "united states", "going to", "thank you",
    "new york",  "i want", "i",      "it is",         "of the",   "as well",
    "president", "do not", "but",    "have been"};

}  // namespace

std::vector<std::vector<float>> TrigramRows(size_t first, size_t count) {
  const auto model = demo::TrigramModel::Load(kModel);
  std::vector<std::vector<float>> rows;
  if (!model.ok()) return rows;
  for (size_t i = first; i < first + count; ++i) {
    const auto tokens = (*model)->Tokenize(kContexts[i % kTrigramContexts]);
    if (!tokens.ok()) return {};
    const auto history = (*model)->HistoryOf(*tokens);
    if (!history.ok()) return {};
    rows.push_back((*model)->Row(*history));
  }
  return rows;
}

}  // namespace logitd::tests
