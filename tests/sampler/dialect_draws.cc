#include "tests/sampler/dialect_draws.h"

#include <algorithm>

namespace logitd::tests {

using dialects::Ids;

double Between(double low, double high, Dice* dice) {
  return low + (high - low) * dice->Unit();
}

double Pick(const std::vector<double>& usual, double low, double high,
            Dice* dice) {
  return dice->Chance(0.5) ? dice->OneOf(usual) : Between(low, high, dice);
}

uint32_t Size(const DialectCase& c) {
  return static_cast<uint32_t>(c.row.logits.size());
}

Ids AnyIds(const DialectCase& c, uint32_t count_max, Dice* dice) {
  Ids ids(1 + dice->Below(count_max));
  for (uint32_t& id : ids) id = dice->Below(Size(c));
  return ids;
}

void MakeDry(DialectCase* c, Dice* dice) {
  dialects::Params& p = c->params;
  p.dry_multiplier = Between(0.1, 1.5, dice);
  p.dry_base = dice->Chance(0.5) ? 1.75 : Between(1, 3, dice);
  p.dry_allowed_length = 1 + dice->Below(4);
  if (dice->Chance(0.5)) p.dry_window = 1 + dice->Below(120);
  const Ids& all = c->past.output;
  for (uint32_t i = dice->Below(4); i > 0 && !all.empty(); --i) {
    const uint32_t at = dice->Below(static_cast<uint32_t>(all.size()));
    const size_t length = 1 + dice->Below(3);
    const auto begin = all.begin() + at;
    const size_t room = all.size() - at;
    p.dry_breakers.emplace_back(
        begin, begin + static_cast<std::ptrdiff_t>(std::min(length, room)));
  }
}

void MakeBias(DialectCase* c, Dice* dice) {
  Ids ids = AnyIds(*c, 10, dice);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (uint32_t id : ids) {
    c->params.bias.push_back({id, Between(-8, 8, dice)});
  }
}

void MakeGuidance(DialectCase* c, Dice* dice) {
  c->params.guidance_scale = Between(0.5, 3, dice);
  c->row.unconditional = MakeRow(Shape::kNormal, Size(*c), dice->Next());
}

void MakeMirostat(uint32_t version, dialects::Params* params, Dice* dice) {
  params->mirostat = version;
  params->mirostat_mu = 2 * Between(1, 7, dice);
}

void MakeAdaptiveP(dialects::Params* params, Dice* dice) {
  params->adaptive_p = true;
  params->adaptive_p_target = Between(0.05, 0.9, dice);
  params->adaptive_p_total_weight = 1 / (1 - Between(0, 0.9, dice));
  params->adaptive_p_weighted_sum =
      params->adaptive_p_target * params->adaptive_p_total_weight;
}

}  // namespace logitd::tests
