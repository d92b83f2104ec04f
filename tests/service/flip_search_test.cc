#include "service/flip_search.h"

#include <cmath>
#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace logitd {
namespace {

using TokenAt = std::function<uint32_t(double)>;

// Runs it; every value asked must be told of rightly.
std::vector<FlipPoint> Search(FlipSearch* search, const TokenAt& token_at) {
  std::vector<double> asked;
  while (const auto value = search->Next()) {
    asked.push_back(*value);
    search->Tell(token_at(*value));
  }
  const std::vector<FlipPoint>& flips = search->flips();
  for (size_t i = 0; i < flips.size(); ++i) {
    EXPECT_NE(flips[i].token_below, flips[i].token_above);
    EXPECT_EQ(token_at(flips[i].below), flips[i].token_below);
    EXPECT_EQ(token_at(flips[i].above), flips[i].token_above);
    if (i == 0) continue;
    EXPECT_LE(flips[i - 1].above, flips[i].below);
    EXPECT_EQ(flips[i - 1].token_above, flips[i].token_below);
  }
  if (search->ended_early() || flips.empty()) return flips;
  for (const double value : asked) {
    uint32_t told = flips[0].token_below;
    for (const FlipPoint& flip : flips) {
      if (value >= flip.above) told = flip.token_above;
    }
    EXPECT_EQ(told, token_at(value)) << value;
  }
  return flips;
}

std::vector<double> Grid(double from, double to, int steps) {
  std::vector<double> grid;
  for (int i = 0; i <= steps; ++i)
    grid.push_back(from + (to - from) * i / steps);
  return grid;
}

TEST(FlipSearch, FindsNeighbours) {
  FlipSearch search(Grid(0, 1, 10), 0, false, 100);
  const double where = 1 / 3.0;
  const auto flips =
      Search(&search, [&](double v) { return v < where ? 5u : 6u; });
  ASSERT_EQ(flips.size(), 1u);
  EXPECT_EQ(flips[0].above, where);
  EXPECT_EQ(flips[0].below, std::nextafter(where, 0));
}

TEST(FlipSearch, OfAConstantFindsNone) {
  FlipSearch search(Grid(0, 1, 10), 0, false, 100);
  EXPECT_TRUE(Search(&search, [](double) { return 1u; }).empty());
  FlipSearch single({3}, 0, false, 100);
  EXPECT_TRUE(Search(&single, [](double) { return 1u; }).empty());
}

// A cell whose ends differ may hold a third token, or more.
TEST(FlipSearch, FindsWhatLiesBetweenInACell) {
  FlipSearch search({0, 1}, 1e-9, false, 1000);
  const auto flips =
      Search(&search, [](double v) { return static_cast<uint32_t>(v * 7.5); });
  ASSERT_EQ(flips.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(flips[i].above, static_cast<double>(i + 1) / 7.5, 2e-9);
    EXPECT_LE(flips[i].above - flips[i].below, 1e-9);
  }
}

// Tokens come back; halves that were passed over in the first try are not lost.
TEST(FlipSearch, TellsOfEveryValueItAsked) {
  for (uint32_t seed = 1; seed < 200; ++seed) {
    FlipSearch search(Grid(-1, 2, 7), 1e-6, false, 1000);
    Search(&search, [seed](double v) {
      const double height = (v + 1) * 40 * std::sin(v * seed) + 200;
      return static_cast<uint32_t>(height) * 2654435761u % 5;
    });
  }
}

TEST(FlipSearch, OfWholeNumbersAsksForNoOthers) {
  FlipSearch search({1, 500, 1000}, 0, true, 100);
  const auto flips = Search(&search, [](double v) {
    EXPECT_EQ(v, std::floor(v));
    return v < 37 ? 1u : v < 501 ? 2u : 3u;
  });
  ASSERT_EQ(flips.size(), 2u);
  EXPECT_EQ(flips[0].below, 36);
  EXPECT_EQ(flips[0].above, 37);
  EXPECT_EQ(flips[1].below, 500);
  EXPECT_EQ(flips[1].above, 501);
}

TEST(FlipSearch, EndsBehindSoMany) {
  const auto token = [](double v) { return static_cast<uint32_t>(v); };
  FlipSearch search(Grid(0, 10, 10), 0, false, 4);
  EXPECT_EQ(Search(&search, token).size(), 4u);
  EXPECT_TRUE(search.ended_early());
  FlipSearch whole(Grid(0, 4, 4), 0, false, 4);
  EXPECT_EQ(Search(&whole, token).size(), 4u);
  EXPECT_FALSE(whole.ended_early());
}

}  // namespace
}  // namespace logitd
