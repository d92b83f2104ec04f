#include "sampler/dialect.h"

namespace logitd {
namespace {

constexpr Stage kLogitdOrder[] = {Stage::kLogitBias,  Stage::kPromptRepetition,
                                  Stage::kRepetition, Stage::kFrequency,
                                  Stage::kPresence,   Stage::kDry,
                                  Stage::kLength,     Stage::kTemperature,
                                  Stage::kTopNSigma,  Stage::kTopK,
                                  Stage::kTopP,       Stage::kMinP,
                                  Stage::kTypical,    Stage::kEpsilon,
                                  Stage::kEta,        Stage::kTopA,
                                  Stage::kTailFree,   Stage::kTopH,
                                  Stage::kPLess,      Stage::kXtc,
                                  Stage::kMirostat,   Stage::kAdaptiveP};

constexpr Stage kVllmOrder[] = {Stage::kLogitBias,  Stage::kPromptRepetition,
                                Stage::kRepetition, Stage::kFrequency,
                                Stage::kPresence,   Stage::kDry,
                                Stage::kLength,     Stage::kTemperature,
                                Stage::kTopNSigma,  Stage::kMinP,
                                Stage::kTopK,       Stage::kTopP,
                                Stage::kTypical,    Stage::kEpsilon,
                                Stage::kEta,        Stage::kTopA,
                                Stage::kTailFree,   Stage::kTopH,
                                Stage::kPLess,      Stage::kXtc,
                                Stage::kMirostat,   Stage::kAdaptiveP};

constexpr Stage kHuggingFaceOrder[] = {
    Stage::kLogitBias,  Stage::kPromptRepetition,
    Stage::kRepetition, Stage::kFrequency,
    Stage::kPresence,   Stage::kDry,
    Stage::kLength,     Stage::kTemperature,
    Stage::kTopNSigma,  Stage::kTopH,
    Stage::kTopK,       Stage::kTopP,
    Stage::kMinP,       Stage::kTypical,
    Stage::kEpsilon,    Stage::kEta,
    Stage::kTopA,       Stage::kTailFree,
    Stage::kPLess,      Stage::kXtc,
    Stage::kMirostat,   Stage::kAdaptiveP};

constexpr Stage kLlamaCppOrder[] = {
    Stage::kLogitBias,  Stage::kPromptRepetition,
    Stage::kRepetition, Stage::kFrequency,
    Stage::kPresence,   Stage::kDry,
    Stage::kLength,     Stage::kTopNSigma,
    Stage::kTopK,       Stage::kTypical,
    Stage::kTopP,       Stage::kMinP,
    Stage::kEpsilon,    Stage::kEta,
    Stage::kTopA,       Stage::kTailFree,
    Stage::kTopH,       Stage::kPLess,
    Stage::kXtc,        Stage::kTemperature,
    Stage::kMirostat,   Stage::kAdaptiveP};

// top_p, top_k and min_p cut the same candidates: the cuts of min_p and top_k
// are the same whatever stands before them, so that top_p comes first.
constexpr Stage kSglangOrder[] = {
    Stage::kFrequency,  Stage::kPresence,    Stage::kPromptRepetition,
    Stage::kRepetition, Stage::kDry,         Stage::kLength,
    Stage::kLogitBias,  Stage::kTemperature, Stage::kTopNSigma,
    Stage::kTopP,       Stage::kTopK,        Stage::kMinP,
    Stage::kTypical,    Stage::kEpsilon,     Stage::kEta,
    Stage::kTopA,       Stage::kTailFree,    Stage::kTopH,
    Stage::kPLess,      Stage::kXtc,         Stage::kMirostat,
    Stage::kAdaptiveP};

// min_p and top_p cut the same candidates, as above.
constexpr Stage kOpenvinoOrder[] = {
    Stage::kLogitBias,   Stage::kPromptRepetition,
    Stage::kRepetition,  Stage::kPresence,
    Stage::kFrequency,   Stage::kDry,
    Stage::kLength,      Stage::kTopK,
    Stage::kTemperature, Stage::kTopNSigma,
    Stage::kTopP,        Stage::kMinP,
    Stage::kTypical,     Stage::kEpsilon,
    Stage::kEta,         Stage::kTopA,
    Stage::kTailFree,    Stage::kTopH,
    Stage::kPLess,       Stage::kXtc,
    Stage::kMirostat,    Stage::kAdaptiveP};

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
     .dry_breaker_by_start = true},
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
