// FlipSearch: where the token changes while a knob is turned.
//
// Asks for the token at one value after the other: at the grid's, and between
// two that differ, halving until nothing lies between. Every value asked lies
// in a stretch of one token as it is told. Knows nothing of knobs and rows.
// Confined to one thread; O(grid) memory.
#ifndef LOGITD_SERVICE_FLIP_SEARCH_H_
#define LOGITD_SERVICE_FLIP_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace logitd {

struct FlipPoint {
  double below = 0;  // the last value with the token below
  double above = 0;  // the first with the one above
  uint32_t token_below = 0;
  uint32_t token_above = 0;
};

class FlipSearch {
 public:
  // `grid` rises and is not empty. Values closer than `resolution` have nothing
  // between them; `whole`: nor have neighbouring whole numbers, and no others
  // are asked for. Ends behind so many flips.
  FlipSearch(std::vector<double> grid, double resolution, bool whole,
             size_t flips_max)
      : grid_(std::move(grid)),
        resolution_(resolution),
        whole_(whole),
        flips_max_(flips_max) {}

  // The value whose token Tell() wants; nothing: the search is over.
  std::optional<double> Next();
  void Tell(uint32_t token);

  const std::vector<FlipPoint>& flips() const { return flips_; }
  bool ended_early() const { return ended_early_; }

 private:
  struct Known {
    double value;
    uint32_t token;
  };
  // Something between the two; nothing if there is nothing.
  std::optional<double> Middle(double low, double high) const;

  const std::vector<double> grid_;
  const double resolution_;
  const bool whole_;
  const size_t flips_max_;
  size_t next_ = 0;           // of the grid
  double asked_ = 0;          // by Next()
  std::optional<Known> low_;  // all up to here is told
  std::vector<Known> ahead_;  // known above it, the nearest last
  std::vector<FlipPoint> flips_;
  bool ended_early_ = false;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_FLIP_SEARCH_H_
