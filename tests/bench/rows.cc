#include "tests/bench/rows.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <random>

namespace logitd::bench {
namespace {

using Random = std::mt19937_64;

constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::uint16_t RoundToBfloat16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  // Round to nearest even; there are no NaNs here.
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(bits >> 16);
}

// In (0, 1).
double Uniform(Random* random) {
  return (static_cast<double>((*random)() >> 12) + 0.5) * 0x1p-52;
}

// Box and Muller: the same row from every standard library.
float Normal(float deviation, Random* random) {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2.0 * std::log(Uniform(random)));
  return deviation *
         static_cast<float>(radius * std::cos(kTwoPi * Uniform(random)));
}

void FillNormal(float deviation, Random* random, std::vector<float>* row) {
  for (float& logit : *row) logit = Normal(deviation, random);
}

// A geometric head over Gaussian noise that holds 0.2 % of the mass.
void FillPeaked(Random* random, std::vector<float>* row) {
  FillNormal(2.0f, random, row);
  for (int rank = 0; rank < 24; ++rank) {
    const std::size_t id = (*random)() % row->size();
    (*row)[id] = 19.0f - 0.45f * static_cast<float>(rank);
  }
}

// A power law of the rank over shuffled ids.
void FillWide(Random* random, std::vector<float>* row) {
  for (std::size_t rank = 0; rank < row->size(); ++rank) {
    const float x = static_cast<float>(rank) + 5.0f;
    (*row)[rank] = 15.0f - 1.5f * std::log(x) + Normal(0.1f, random);
  }
  std::shuffle(row->begin(), row->end(), *random);
}

void MaskAllButFive(Random* random, std::vector<float>* row) {
  std::vector<float> masked(row->size(), kMasked);
  for (int i = 0; i < 5; ++i) {
    const std::size_t id = (*random)() % row->size();
    masked[id] = (*row)[id];
  }
  *row = masked;
}

}  // namespace

const char* Name(Shape shape) {
  switch (shape) {
    case Shape::kPeaked:
      return "peaked";
    case Shape::kWide:
      return "wide";
    case Shape::kFlat:
      return "flat";
    case Shape::kGaussian:
      return "gaussian";
    case Shape::kDescending:
      return "descending";
    case Shape::kAscending:
      return "ascending";
    case Shape::kEqual:
      return "equal";
    case Shape::kTies:
      return "ties";
    case Shape::kFewFinite:
      return "few-finite";
    case Shape::kHalfMasked:
      return "half-masked";
    case Shape::kShifted:
      return "shifted";
  }
  return "unknown";
}

const std::vector<Shape>& AdversarialShapes() {
  static const std::vector<Shape> shapes = {
      Shape::kFlat,      Shape::kGaussian,   Shape::kDescending,
      Shape::kAscending, Shape::kEqual,      Shape::kTies,
      Shape::kFewFinite, Shape::kHalfMasked, Shape::kShifted};
  return shapes;
}

std::vector<float> MakeRow(Shape shape, std::size_t vocab_size,
                           std::uint64_t seed) {
  Random random(seed);
  std::vector<float> row(vocab_size, 1.5f);
  if (shape == Shape::kEqual) return row;
  if (shape == Shape::kPeaked || shape == Shape::kShifted) {
    FillPeaked(&random, &row);
  } else if (shape == Shape::kWide) {
    FillWide(&random, &row);
  } else {
    FillNormal(shape == Shape::kFlat ? 0.05f : 3.0f, &random, &row);
  }
  if (shape == Shape::kAscending) std::sort(row.begin(), row.end());
  if (shape == Shape::kDescending) {
    std::sort(row.begin(), row.end(), std::greater<float>());
  }
  if (shape == Shape::kFewFinite) MaskAllButFive(&random, &row);
  for (std::size_t id = 0; id < row.size(); ++id) {
    if (shape == Shape::kShifted) row[id] -= 60.0f;
    if (shape == Shape::kHalfMasked && id % 2 == 1) row[id] = kMasked;
    if (shape == Shape::kTies) {
      const std::uint32_t bits = std::uint32_t{RoundToBfloat16(row[id])} << 16;
      std::memcpy(&row[id], &bits, sizeof bits);
    }
  }
  return row;
}

void Rows::Free::operator()(void* p) const { std::free(p); }

void* Rows::Append(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  void* p = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
  if (p == nullptr) throw std::bad_alloc();
  memory_.emplace_back(p);
  set_.rows.push_back(p);
  set_.bytes = bytes;
  return p;
}

Rows::Rows(Shape shape, std::size_t vocab_size) : vocab_size_(vocab_size) {
  for (std::size_t i = 0; i < kRowBuffers; ++i) {
    const std::vector<float> row = MakeRow(shape, vocab_size, i + 1);
    std::memcpy(Append(vocab_size * sizeof(float)), row.data(),
                vocab_size * sizeof(float));
  }
}

Rows::Rows(const std::vector<std::vector<float>>& rows) {
  for (const std::vector<float>& row : rows) {
    vocab_size_ = row.size();
    std::memcpy(Append(row.size() * sizeof(float)), row.data(),
                row.size() * sizeof(float));
  }
}

Rows Rows::ToBfloat16() const {
  Rows narrow;
  narrow.vocab_size_ = vocab_size_;
  for (const void* row : set_.rows) {
    const float* from = static_cast<const float*>(row);
    void* to = narrow.Append(vocab_size_ * sizeof(std::uint16_t));
    std::transform(from, from + vocab_size_, static_cast<std::uint16_t*>(to),
                   RoundToBfloat16);
  }
  return narrow;
}

}  // namespace logitd::bench
