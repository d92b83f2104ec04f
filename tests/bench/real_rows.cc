#include "tests/bench/real_rows.h"

#if defined(LOGITD_BENCH_TRIGRAM)
#include "service/client/demo/model_file.h"
#include "service/client/demo/trigram_model.h"
#include "tests/bench/rows.h"
#endif

namespace logitd::bench {

#if defined(LOGITD_BENCH_TRIGRAM)
namespace {

// What comes before the word that is predicted. Smoothing gives many words one
// backed-off value: these rows are full of ties.
constexpr const char* kContexts[kRowBuffers] = {
    "the",      "one of",    "in the",   "united states",
    "going to", "thank you", "new york", "i want"};

absl::StatusOr<std::vector<float>> Predict(const demo::TrigramModel& model,
                                           const char* context) {
  const auto tokens = model.Tokenize(context);
  if (!tokens.ok()) return tokens.status();
  const auto history = model.HistoryOf(*tokens);
  if (!history.ok()) return history.status();
  return model.Row(*history);
}

}  // namespace

std::vector<std::vector<float>> ReadRealRows(std::string* why) {
  const auto model = demo::TrigramModel::Load(demo::kModelFile);
  if (!model.ok()) {
    *why = std::string(model.status().message());
    return {};
  }
  std::vector<std::vector<float>> rows;
  for (const char* context : kContexts) {
    absl::StatusOr<std::vector<float>> row = Predict(**model, context);
    if (!row.ok()) {
      *why = std::string(row.status().message());
      return {};
    }
    rows.push_back(*std::move(row));
  }
  return rows;
}
#else
std::vector<std::vector<float>> ReadRealRows(std::string* why) {
  *why = "built without the demo's language model";
  return {};
}
#endif

}  // namespace logitd::bench
