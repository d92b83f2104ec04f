#include "tests/sampler/dialect_cases.h"

#include <algorithm>
#include <limits>

#include "tests/sampler/dialect_draws.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using dialects::Ids;

constexpr float kBanned = -std::numeric_limits<float>::infinity();

uint32_t Largest(const DialectCase& c) {
  const std::vector<float>& l = c.row.logits;
  return static_cast<uint32_t>(std::max_element(l.begin(), l.end()) -
                               l.begin());
}

void MakeLogits(DialectCase* c, Dice* dice) {
  static const std::vector<Shape> kShapes = {
      Shape::kNormal,  Shape::kNormal, Shape::kPeaked, Shape::kPeaked,
      Shape::kFalling, Shape::kRising, Shape::kSpike,  Shape::kBlockEdges};
  static const std::vector<Shape> kTied = {Shape::kLevels, Shape::kFlat,
                                           Shape::kDyadic, Shape::kBfloat16};
  static const std::vector<uint32_t> kReal = {32000, 50257, 128256, 151936};
  const uint32_t size =
      dice->Chance(1.0 / 16) ? dice->OneOf(kReal) : 2 + dice->Below(299);
  const Shape shape = dice->OneOf(dice->Chance(0.25) ? kTied : kShapes);
  c->has_ties = shape != Shape::kNormal && shape != Shape::kPeaked &&
                shape != Shape::kBlockEdges;
  c->row.logits = MakeRow(shape, size, dice->Next());
  c->name += std::string(" ") + Name(shape) + " " + std::to_string(size);
}

// Some -inf in the row, as an engine's own mask leaves them.
void BanSome(DialectCase* c, Dice* dice) {
  if (!dice->Chance(0.15)) return;
  const uint32_t safe = dice->Below(Size(*c));
  for (uint32_t id : AnyIds(*c, Size(*c), dice)) {
    if (id != safe) c->row.logits[id] = kBanned;
  }
  if (c->row.logits[safe] == kBanned) c->row.logits[safe] = 1;
}

// A few words, said over and over with breakers and slips between.
Ids Repetitive(const DialectCase& c, uint32_t count_max, Dice* dice) {
  std::vector<Ids> words(1 + dice->Below(3));
  for (Ids& word : words) word = AnyIds(c, 6, dice);
  words[0].push_back(Largest(c));
  Ids tokens;
  const uint32_t count = dice->Below(count_max + 1);
  while (tokens.size() < count) {
    const Ids& word = dice->OneOf(words);
    tokens.insert(tokens.end(), word.begin(), word.end());
    if (dice->Chance(0.2)) tokens.push_back(dice->Below(Size(c)));
  }
  tokens.resize(count);
  return tokens;
}

void MakePast(DialectCase* c, Dice* dice) {
  const Ids all = Repetitive(*c, dice->Chance(0.2) ? 400 : 60, dice);
  const auto cut = static_cast<std::ptrdiff_t>(
      dice->Below(static_cast<uint32_t>(all.size()) + 1));
  c->past.prompt.assign(all.begin(), all.begin() + cut);
  c->past.output.assign(all.begin() + cut, all.end());
}

void MakeTemperature(DialectCase* c, Dice* dice) {
  static const std::vector<double> kUsual = {0.3, 0.5, 0.7, 0.8, 1, 1.3, 2};
  dialects::Params& p = c->params;
  if (dice->Chance(0.7)) p.temperature = Pick(kUsual, 0.3, 2, dice);
  if (dice->Chance(0.05)) p.temperature = 0;
  if (c->dialect == DialectName::kVllm && dice->Chance(0.03)) {
    p.temperature = dice->Chance(0.5) ? 0.004 : 5e-6;
  }
  if (c->dialect == DialectName::kSglang && dice->Chance(0.03)) {
    p.temperature = 5e-7;
  }
  if (c->dialect == DialectName::kLlamaCpp && dice->Chance(0.2)) {
    p.dynamic_temperature_range = Between(0.05, 0.6, dice);
    if (dice->Chance(0.5)) {
      p.dynamic_temperature_exponent = Between(0.5, 2, dice);
    }
  }
}

void MakeCommonCuts(DialectCase* c, Dice* dice) {
  static const std::vector<double> kTopP = {0.5, 0.75, 0.9, 0.95, 0.25, 0.125};
  static const std::vector<double> kMinP = {1, 0.5, 0.25, 0.1, 0.05, 0.02};
  dialects::Params& p = c->params;
  if (dice->Chance(0.5)) {
    p.top_k = 1 + dice->Below(dice->Chance(0.5) ? 50 : Size(*c) + 1);
  }
  if (dice->Chance(0.5)) p.top_p = Pick(kTopP, 0.05, 0.999, dice);
  if (dice->Chance(0.4)) p.min_p = Pick(kMinP, 0.001, 0.6, dice);
  if (c->dialect == DialectName::kOpenvino) p.min_p = std::min(p.min_p, 0.99);
}

void MakeHuggingFaceCuts(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  if (dice->Chance(0.25)) p.typical_p = Between(0.1, 0.98, dice);
  if (dice->Chance(0.2)) p.epsilon_cutoff = Between(0.0001, 0.2, dice);
  if (dice->Chance(0.2)) p.eta_cutoff = Between(0.0001, 0.4, dice);
  if (dice->Chance(0.2)) p.top_h = Between(0.1, 0.95, dice);
}

void MakeLlamaCuts(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  if (dice->Chance(0.25)) p.top_n_sigma = Between(0.3, 3, dice);
  if (dice->Chance(0.25)) p.typical_p = Between(0.1, 0.98, dice);
  if (dice->Chance(0.25)) {
    p.xtc_applies = true;
    p.xtc_threshold = Between(0.01, 0.5, dice);
  }
}

// One of llama.cpp's feedback samplers at its first step. Mirostat goes with
// nothing but a temperature and bias.
void MakeFeedback(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  const bool greedy = p.temperature == 0;
  if (greedy) p.xtc_applies = false;
  if (greedy || !dice->Chance(0.15)) return;
  const uint32_t version = dice->Below(3);
  if (version != 0) {
    const double temperature = p.temperature;
    p = dialects::Params();
    p.temperature = temperature;
    MakeMirostat(version, &p, dice);
    return;
  }
  MakeAdaptiveP(&p, dice);
}

void MakePenalties(DialectCase* c, Dice* dice) {
  static const std::vector<double> kRepetition = {1.05, 1.1, 1.2, 1.5, 0.8};
  static const std::vector<double> kAdditive = {0.1, 0.5, 1, 2, -0.5};
  dialects::Params& p = c->params;
  if (dice->Chance(0.4)) {
    p.repetition = Pick(kRepetition, 0.6, 1.9, dice);
  }
  if (c->dialect == DialectName::kHuggingFace) return;
  if (dice->Chance(0.35)) p.frequency = Pick(kAdditive, -1, 2, dice);
  if (dice->Chance(0.35)) p.presence = Pick(kAdditive, -1, 2, dice);
}

void MakeWindowsAndDry(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  if (dice->Chance(0.6)) {
    p.repetition_window = dice->Chance(0.5) ? 64 : 1 + dice->Below(80);
    p.frequency_window = p.presence_window = p.repetition_window;
  }
  if (dice->Chance(0.5)) MakeDry(c, dice);
}

void MakeOwnBias(DialectCase* c, Dice* dice) {
  if (c->dialect == DialectName::kOpenvino || !dice->Chance(0.25)) return;
  MakeBias(c, dice);
}

// The bans that the engine has, or none.
void MakeBans(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  const DialectName d = c->dialect;
  if (d == DialectName::kLlamaCpp) {
    if (dice->Chance(0.1)) p.banned_ids = AnyIds(*c, 4, dice);
    if (p.banned_ids.size() + 1 >= Size(*c)) p.banned_ids.clear();
    return;
  }
  if (dice->Chance(0.2)) {
    p.eos_ids = AnyIds(*c, 2, dice);
    p.min_tokens = dice->Below(60);
    p.ignore_eos = d != DialectName::kHuggingFace && dice->Chance(0.3);
    if (d != DialectName::kHuggingFace) p.stop_ids = AnyIds(*c, 3, dice);
  }
  if (d == DialectName::kVllm && dice->Chance(0.1)) {
    p.allowed_ids = AnyIds(*c, Size(*c), dice);
  }
  if (d != DialectName::kVllm && d != DialectName::kHuggingFace) return;
  for (uint32_t i = dice->Chance(0.2) ? 3 : 0; i > 0; --i) {
    Ids word = AnyIds(*c, 2, dice);
    const Ids& output = c->past.output;
    if (!output.empty()) word.insert(word.begin(), output.back());
    p.bad_words.push_back(word);
  }
  if (d == DialectName::kVllm) return;
  if (dice->Chance(0.15)) p.no_repeat_ngram = 1 + dice->Below(4);
  if (dice->Chance(0.1)) p.suppressed_ids = AnyIds(*c, 4, dice);
  if (dice->Chance(0.1)) p.begin_suppressed_ids = AnyIds(*c, 4, dice);
  if (dice->Chance(0.15) && !p.eos_ids.empty()) {
    p.length_penalty_start = dice->Below(20);
    p.length_penalty_factor = Between(1, 1.1, dice);
  }
}

void MakeOwnGuidance(DialectCase* c, Dice* dice) {
  if (c->dialect != DialectName::kHuggingFace || !dice->Chance(0.1)) return;
  MakeGuidance(c, dice);
}

}  // namespace

const char* Name(DialectName dialect) {
  static const char* const kNames[] = {
      "VLLM_V1", "HUGGING_FACE_V1", "LLAMA_CPP_V1", "SGLANG_V1", "OPENVINO_V1"};
  return kNames[static_cast<int>(dialect)];
}

dialects::Answer AskTextbook(const DialectCase& c) {
  switch (c.dialect) {
    case DialectName::kVllm:
      return dialects::Vllm(c.params, c.row, c.past);
    case DialectName::kHuggingFace:
      return dialects::HuggingFace(c.params, c.row, c.past);
    case DialectName::kLlamaCpp:
      return dialects::LlamaCpp(c.params, c.row, c.past);
    case DialectName::kSglang:
      return dialects::Sglang(c.params, c.row, c.past);
    case DialectName::kOpenvino:
      break;
  }
  return dialects::Openvino(c.params, c.row, c.past);
}

DialectCase MakeDialectCase(DialectName dialect, uint64_t seed, bool lacking) {
  Dice dice(seed * kDialectCount + static_cast<uint64_t>(dialect));
  DialectCase c;
  c.dialect = dialect;
  c.name = std::string(Name(dialect)) + " " + std::to_string(seed);
  MakeLogits(&c, &dice);
  BanSome(&c, &dice);
  MakePast(&c, &dice);
  MakeTemperature(&c, &dice);
  MakeCommonCuts(&c, &dice);
  if (dialect == DialectName::kHuggingFace) MakeHuggingFaceCuts(&c, &dice);
  MakePenalties(&c, &dice);
  if (dialect == DialectName::kLlamaCpp) {
    MakeLlamaCuts(&c, &dice);
    MakeWindowsAndDry(&c, &dice);
    MakeFeedback(&c, &dice);
  }
  MakeOwnBias(&c, &dice);
  MakeBans(&c, &dice);
  MakeOwnGuidance(&c, &dice);
  if (lacking) MakeLacking(&c, &dice);
  return c;
}

}  // namespace logitd::tests
