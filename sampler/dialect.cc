#include "sampler/dialect.h"

#include <array>
#include <cstddef>

namespace logitd {
namespace {

using Order = std::array<Stage, kOrderedStageCount>;

constexpr Order NumberedOrder() {
  Order order = {};
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Stage>(i);
  return order;
}

// The order with one stage moved to stand right before another.
constexpr Order Moved(const Order& order, Stage stage, Stage before) {
  Order moved = {};
  size_t n = 0;
  for (const Stage each : order) {
    if (each == before) moved[n++] = stage;
    if (each != stage) moved[n++] = each;
  }
  return moved;
}

constexpr Order kLogitdOrder = NumberedOrder();
constexpr Order kVllmOrder = Moved(kLogitdOrder, Stage::kMinP, Stage::kTopK);
constexpr Order kHuggingFaceOrder =
    Moved(kLogitdOrder, Stage::kTopH, Stage::kTopK);
constexpr Order kLlamaCppOrder =
    Moved(Moved(kLogitdOrder, Stage::kTypical, Stage::kTopP),
          Stage::kTemperature, Stage::kMirostat);

// top_p, top_k and min_p cut the same candidates: the cuts of min_p and top_k
// are the same whatever stands before them, so that top_p comes first.
constexpr Order kSglangOrder =
    Moved(Moved(Moved(Moved(kLogitdOrder, Stage::kFrequency, Stage::kLogitBias),
                      Stage::kPresence, Stage::kLogitBias),
                Stage::kLogitBias, Stage::kTemperature),
          Stage::kTopP, Stage::kTopK);

// min_p and top_p cut the same candidates, as above.
constexpr Order kOpenvinoOrder =
    Moved(Moved(kLogitdOrder, Stage::kPresence, Stage::kFrequency),
          Stage::kTopK, Stage::kTemperature);

constexpr double kNormalMin = 0x1p-126;

// By number.
const DialectRules kRules[] = {
    {.name = "logitd/1", .order = kLogitdOrder},
    {.name = "VLLM_V1",
     .order = kVllmOrder,
     .greedy_below = 0,
     .least_temperature = 0.01,
     .top_k_keeps_equals = true,
     .min_tokens_ban_ignored_eos = true},
    {.name = "HUGGING_FACE_V1",
     .order = kHuggingFaceOrder,
     .greedy_below = 0,
     .least_temperature = kNormalMin,
     .top_k_keeps_equals = true,
     .typical_keeps_equals = true,
     .top_h_candidates = 100,
     .bad_words_match_prompt = true},
    {.name = "LLAMA_CPP_V1",
     .order = kLlamaCppOrder,
     .greedy_below = 0,
     .dynamic_reaches_zero = true,
     .least_temperature = kNormalMin,
     .typical_goes_beyond = true,
     .frequency_counts_prompt = true,
     .dry_breaker_by_start = true,
     .dry_exponent_has_limit = true},
    {.name = "SGLANG_V1",
     .order = kSglangOrder,
     .greedy_below = 1e-6,
     .top_p_goes_beyond = true,
     .repetition_counts_prompt = false,
     .min_tokens_ban_ignored_eos = true},
    {.name = "OPENVINO_V1",
     .order = kOpenvinoOrder,
     .greedy_below = 0,
     .least_temperature = kNormalMin,
     .top_p_goes_beyond = true,
     .min_tokens_ban_ignored_eos = true},
};

}  // namespace

const DialectRules& RulesOf(Dialect dialect) {
  return kRules[static_cast<int>(dialect)];
}

}  // namespace logitd
