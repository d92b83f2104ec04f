#include "tests/support/rows.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace logitd::tests {
namespace {

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr float kLn2 = 0x1.62e43p-1f;

void Normal(float scale, Dice* dice, std::vector<float>* row) {
  for (float& l : *row) l = dice->Normal() * scale;
}

void Peaked(float shift, Dice* dice, std::vector<float>* row) {
  for (float& l : *row) l = dice->Normal() + shift;
  const uint32_t size = static_cast<uint32_t>(row->size());
  const uint32_t peaks = 1 + dice->Below(6);
  for (uint32_t i = 0; i < peaks; ++i) {
    (*row)[dice->Below(size)] += 5 + static_cast<float>(dice->Below(16));
  }
}

void Levels(Dice* dice, std::vector<float>* row) {
  const uint32_t levels = 2 + dice->Below(6);
  const float step = static_cast<float>(1 + dice->Below(8)) * 0.25f;
  for (float& l : *row) l = -static_cast<float>(dice->Below(levels)) * step;
}

void Spike(Dice* dice, std::vector<float>* row) {
  const float low = dice->Normal() * 4;
  std::fill(row->begin(), row->end(), low);
  (*row)[dice->Below(static_cast<uint32_t>(row->size()))] =
      low + static_cast<float>(dice->Below(24)) * 0.5f;
}

// The first group holds 2^k logits, each later one twice as many at half the
// weight, so that groups weigh about the same.
void Dyadic(Dice* dice, std::vector<float>* row) {
  size_t group = size_t{1} << dice->Below(4);
  size_t i = 0;
  for (float value = 0; i < row->size(); value -= kLn2, group *= 2) {
    for (size_t j = 0; j < group && i < row->size(); ++j) (*row)[i++] = value;
  }
  if (dice->Chance(0.5)) std::reverse(row->begin(), row->end());
}

void Falling(Dice* dice, std::vector<float>* row) {
  const float step = 0.001f + static_cast<float>(dice->Unit()) * 0.05f;
  const uint32_t run = 1 + dice->Below(3);  // equal neighbours
  for (size_t i = 0; i < row->size(); ++i) {
    (*row)[i] = -step * static_cast<float>(i / run);
  }
}

void Finite(uint32_t count, Dice* dice, std::vector<float>* row) {
  std::fill(row->begin(), row->end(), kMinusInf);
  for (uint32_t i = 0; i < count; ++i) {
    (*row)[dice->Below(static_cast<uint32_t>(row->size()))] =
        dice->Normal() * 3;
  }
}

void Gap(Dice* dice, std::vector<float>* row) {
  Peaked(0, dice, row);
  for (size_t i = 1; i < row->size(); i += 2) (*row)[i] -= 1000;
}

void Denormals(Dice* dice, std::vector<float>* row) {
  for (float& l : *row) {
    const float units = static_cast<float>(dice->Below(9)) - 4;
    l = units * kSmallest;
  }
}

void Huge(Dice* dice, std::vector<float>* row) {
  static constexpr float kValues[] = {kLargest, -kLargest, 1e38f, -1e38f, 0};
  for (float& l : *row) l = kValues[dice->Below(5)];
}

void BlockEdges(Dice* dice, std::vector<float>* row) {
  Normal(1, dice, row);
  for (size_t i = 0; i < row->size(); i += 128) {
    (*row)[i] += 6;
    (*row)[std::min(i + 127, row->size() - 1)] += 6;
  }
}

void Holes(Dice* dice, std::vector<float>* row) {
  Normal(3, dice, row);
  const uint32_t size = static_cast<uint32_t>(row->size());
  const float saved = (*row)[0];
  const uint32_t safe = dice->Below(size);
  for (float& l : *row) {
    if (dice->Chance(0.5)) l = kMinusInf;
  }
  (*row)[safe] = saved;
}

void Round(std::vector<float>* row) {
  for (float& l : *row) l = FromBfloat16(ToBfloat16(l));
}

}  // namespace

const char* Name(Shape shape) {
  static constexpr const char* kNames[kShapeCount] = {
      "normal",     "peaked",   "flat",         "levels",     "spike",
      "dyadic",     "falling",  "rising",       "holes",      "one_finite",
      "few_finite", "up_3000",  "down_3000",    "gap",        "denormals",
      "huge",       "bfloat16", "signed_zeros", "block_edges"};
  return kNames[static_cast<int>(shape)];
}

std::vector<float> MakeRow(Shape shape, uint32_t vocab_size, uint64_t seed) {
  Dice dice(seed * kShapeCount + static_cast<uint64_t>(shape));
  std::vector<float> row(vocab_size);
  static constexpr float kScales[] = {0.05f, 0.5f, 1, 2, 4, 8};
  switch (shape) {
    case Shape::kNormal:
      Normal(kScales[dice.Below(6)], &dice, &row);
      break;
    case Shape::kPeaked:
      Peaked(0, &dice, &row);
      break;
    case Shape::kFlat:
      std::fill(row.begin(), row.end(), dice.Normal() * 10);
      break;
    case Shape::kLevels:
      Levels(&dice, &row);
      break;
    case Shape::kSpike:
      Spike(&dice, &row);
      break;
    case Shape::kDyadic:
      Dyadic(&dice, &row);
      break;
    case Shape::kFalling:
      Falling(&dice, &row);
      break;
    case Shape::kRising:
      Falling(&dice, &row);
      std::reverse(row.begin(), row.end());
      break;
    case Shape::kHoles:
      Holes(&dice, &row);
      break;
    case Shape::kOneFinite:
      Finite(1, &dice, &row);
      break;
    case Shape::kFewFinite:
      Finite(5, &dice, &row);
      break;
    case Shape::kShiftedUp:
      Peaked(3000, &dice, &row);
      break;
    case Shape::kShiftedDown:
      Peaked(-3000, &dice, &row);
      break;
    case Shape::kGap:
      Gap(&dice, &row);
      break;
    case Shape::kDenormals:
      Denormals(&dice, &row);
      break;
    case Shape::kHuge:
      Huge(&dice, &row);
      break;
    case Shape::kBfloat16:
      Normal(3, &dice, &row);
      Round(&row);
      break;
    case Shape::kSignedZeros:
      for (float& l : row) l = dice.Chance(0.5) ? -0.0f : 0.0f;
      break;
    case Shape::kBlockEdges:
      BlockEdges(&dice, &row);
      break;
  }
  return row;
}

const std::vector<uint32_t>& SmallVocabularies() {
  static const std::vector<uint32_t> sizes = {
      1,   2,   3,   5,   7,   8,   15,  16,  17,  31,   64,   127,
      128, 129, 130, 255, 256, 257, 300, 511, 640, 1000, 1024, 1031};
  return sizes;
}

const std::vector<uint32_t>& LargeVocabularies() {
  static const std::vector<uint32_t> sizes = {32000,  32001,  32003, 49152,
                                              50257,  65537,  72547, 100277,
                                              128256, 151936, 152064};
  return sizes;
}

uint16_t ToBfloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits += 0x7FFF + ((bits >> 16) & 1);
  return static_cast<uint16_t>(bits >> 16);
}

float FromBfloat16(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float x;
  std::memcpy(&x, &wide, sizeof(x));
  return x;
}

std::vector<uint16_t> ToBfloat16(const std::vector<float>& row) {
  std::vector<uint16_t> rounded;
  rounded.reserve(row.size());
  for (float l : row) rounded.push_back(ToBfloat16(l));
  return rounded;
}

namespace {

// 2^n as a double, for n in [-1022, 1023].
double PowerOfTwo(int n) {
  const uint64_t bits = static_cast<uint64_t>(n + 1023) << 52;
  double x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

}  // namespace

uint16_t ToFloat16(float x) {
  uint32_t wide;
  std::memcpy(&wide, &x, sizeof(wide));
  const uint16_t sign = static_cast<uint16_t>(wide >> 16 & 0x8000);
  if (x != x) return static_cast<uint16_t>(sign | 0x7E00);
  const double size = sign != 0 ? -double{x} : double{x};
  if (size >= 65520) return static_cast<uint16_t>(sign | 0x7C00);
  int exponent = -14;  // of the leading digit; subnormals share the lowest
  while (exponent < 15 && size >= PowerOfTwo(exponent + 1)) ++exponent;
  const double units = size / PowerOfTwo(exponent - 10);  // exact
  uint32_t digits = static_cast<uint32_t>(units);
  const double rest = units - digits;
  if (rest > 0.5 || (rest == 0.5 && digits % 2 == 1)) ++digits;
  // A carry into the exponent, and a subnormal's lack of one, come by adding.
  const uint32_t above = static_cast<uint32_t>(exponent + 14) << 10;
  return static_cast<uint16_t>(sign | (above + digits));
}

float FromFloat16(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int digits = bits & 1023;
  double size = digits * PowerOfTwo(-24);
  if (exponent > 0) size = (1024 + digits) * PowerOfTwo(exponent - 25);
  if (exponent == 31)
    size = digits == 0 ? 1e300 * 1e300 : 0.0 * (1e300 * 1e300);
  return static_cast<float>(bits >> 15 != 0 ? -size : size);
}

std::vector<uint16_t> ToFloat16(const std::vector<float>& row) {
  std::vector<uint16_t> rounded;
  rounded.reserve(row.size());
  for (float l : row) rounded.push_back(ToFloat16(l));
  return rounded;
}

}  // namespace logitd::tests
