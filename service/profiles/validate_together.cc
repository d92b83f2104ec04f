#include "service/profiles/validate_together.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/params.h"
#include "service/convert_params.h"

namespace logitd {
namespace {

void AddOnce(Violation violation, Violations* violations) {
  const auto same =
      std::find(violations->begin(), violations->end(), violation);
  if (same == violations->end()) violations->push_back(std::move(violation));
}

void AddOnce(Violations from, Violations* violations) {
  for (Violation& violation : from) AddOnce(std::move(violation), violations);
}

// Bytes that are no whole id are told of elsewhere.
TokenIds IdsOf(const std::string& bytes) {
  return ReadIds("", bytes).value_or(TokenIds());
}

// A request can only take from allowed_ids and add to banned_ids, so what is
// empty here is empty for everybody. eos_ids and ban_eos a request may replace,
// unless they are forced.
Violations CheckAllowed(const Levels& levels,
                        const v1::SamplingParams& forced) {
  const TokenIds allowed = IdsOf(levels.params().allowed_ids());
  if (allowed.empty()) return {};
  const TokenIds bans = IdsOf(levels.params().banned_ids());
  std::set<uint32_t> banned(bans.begin(), bans.end());
  if (forced.ban_eos()) {
    const TokenIds eos = IdsOf(forced.eos_ids());
    banned.insert(eos.begin(), eos.end());
  }
  if (std::any_of(allowed.begin(), allowed.end(),
                  [&](uint32_t id) { return banned.count(id) == 0; })) {
    return {};
  }
  const Giver& giver =
      *levels.GiverOf(KnobAt(v1::SamplingParams::kAllowedIdsFieldNumber));
  return {{absl::StrCat(giver.path, "allowed_ids"),
           absl::StrCat("every id of it is banned by banned_ids",
                        forced.ban_eos() ? " or ban_eos" : "",
                        ": no token could ever be chosen")}};
}

}  // namespace

void ValidateTogether(const Layers& layers, uint32_t vocab_size,
                      Violations* violations) {
  AddOnce(CheckClamps(layers.clamps, layers.forces, vocab_size), violations);
  const absl::Status resolved =
      ResolveOne(layers, vocab_size, Rejects::kNo).status();
  if (!resolved.ok()) AddOnce(ViolationOf("", resolved), violations);
  auto levels = LevelsBelow(layers);
  if (!levels.ok()) return;
  const v1::SamplingParams forced = ForcedBy(layers);
  AddOnce(CheckDefaults(layers.clamps, forced, *levels, vocab_size),
          violations);
  for (const Level& force : layers.forces) {
    if (!levels->Add(force).ok()) return;  // told above
  }
  AddOnce(CheckAllowed(*levels, forced), violations);
}

}  // namespace logitd
