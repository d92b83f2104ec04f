// Rules for lists of token ids and for what ends a generation.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_sequences.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;
using Ids = std::set<uint32_t>;

constexpr double kBanBias = -50;

Ids IdsOf(const std::string& bytes) {
  const TokenIds ids = IdsIn(bytes);
  return Ids(ids.begin(), ids.end());
}

// The first of `ids` that is in `others`; -1: none.
int64_t FirstIn(const Ids& ids, const Ids& others) {
  for (const uint32_t id : ids) {
    if (others.count(id) > 0) return id;
  }
  return -1;
}

void BannedAndAllowed(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kBannedIdsFieldNumber)) return;
  const int64_t id = FirstIn(IdsOf(subject.params().banned_ids()),
                             IdsOf(subject.params().allowed_ids()));
  if (id < 0) return;
  tell(subject.Field(P::kBannedIdsFieldNumber),
       absl::StrCat("Id ", id, " is both banned and allowed, and so banned."),
       "Remove it from allowed_ids.");
}

void ForcedAndBanned(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kForcedTokensFieldNumber)) return;
  for (const uint32_t id : IdsIn(subject.params().forced_tokens())) {
    if (subject.choice.May(id)) continue;
    tell(subject.Field(P::kForcedTokensFieldNumber),
         absl::StrCat("Token ", id,
                      " is forced, and banned_ids, allowed_ids or ban_eos "
                      "keep it away."),
         "Remove it from forced_tokens, or lift the ban.");
    return;
  }
}

void BiasOnBanned(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kLogitBiasIdsFieldNumber)) return;
  const Ids banned = IdsOf(subject.params().banned_ids());
  const Ids allowed = IdsOf(subject.params().allowed_ids());
  for (const uint32_t id : IdsOf(subject.params().logit_bias_ids())) {
    const bool may_win =
        banned.count(id) == 0 && (allowed.empty() || allowed.count(id) > 0);
    if (may_win) continue;
    tell(subject.Field(P::kLogitBiasIdsFieldNumber),
         absl::StrCat("The bias of id ", id,
                      " does nothing: banned_ids or allowed_ids ban it."),
         "Remove it from the bias.");
    return;
  }
}

void BiasAsBan(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kLogitBiasIdsFieldNumber)) return;
  const auto& values = subject.params().logit_bias_values();
  if (std::none_of(values.begin(), values.end(),
                   [](double value) { return value <= kBanBias; })) {
    return;
  }
  tell(subject.Field(P::kLogitBiasIdsFieldNumber),
       "A bias of -50 or less is meant as a ban, and is none.",
       "Put the id in banned_ids.");
}

void BanAndIgnoreEos(const Subject& subject, Tell tell) {
  if (!subject.On(P::kBanEosFieldNumber)) return;
  if (!subject.OnHere(P::kIgnoreEosFieldNumber)) return;
  tell(subject.Field(P::kIgnoreEosFieldNumber),
       "ignore_eos does nothing where ban_eos keeps every EOS id away.",
       "Keep one of the two.");
}

bool HasStops(const P& params) {
  return !params.stop_ids().empty() || params.stop_sequences_size() > 0;
}

void EosWithoutIds(const Subject& subject, Tell tell) {
  if (!subject.params().eos_ids().empty()) return;
  for (const int number : {P::kIgnoreEosFieldNumber, P::kBanEosFieldNumber}) {
    if (!subject.OnHere(number)) continue;
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(),
                      " does nothing until somebody gives eos_ids."),
         "Set eos_ids, or see that every caller does.");
  }
}

void LengthWithoutEos(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kLengthPenaltyFactorFieldNumber)) return;
  const bool favours = !subject.params().eos_ids().empty() &&
                       !subject.On(P::kIgnoreEosFieldNumber);
  if (favours) return;
  tell(subject.Field(P::kLengthPenaltyFactorFieldNumber),
       "length_penalty_factor favours EOS ids, and there are none, or "
       "ignore_eos is set.",
       "Set eos_ids here or in each request, and no ignore_eos.");
}

void MinTokensWithoutEnds(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kMinTokensFieldNumber)) return;
  if (!subject.params().eos_ids().empty() || HasStops(subject.params())) return;
  tell(subject.Field(P::kMinTokensFieldNumber),
       "min_tokens does nothing until somebody gives eos_ids or stops.",
       "Set eos_ids, or see that every caller does.");
}

// A generation may end there, by an EOS id or what else.
bool MayEnd(const Subject& subject) {
  const bool may_say_eos = !subject.On(P::kBanEosFieldNumber) &&
                           !subject.On(P::kIgnoreEosFieldNumber);
  return may_say_eos || subject.On(P::kMaxTokensFieldNumber) ||
         HasStops(subject.params());
}

// Whoever can leave a phase, or enter one from the base, may end elsewhere.
void NoEnd(const Subject& subject, Tell tell) {
  if (MayEnd(subject) || subject.CanLeave()) return;
  if (subject.is_base() &&
      std::any_of(subject.all->begin(), subject.all->end(), MayEnd)) {
    return;
  }
  const bool bans = subject.On(P::kBanEosFieldNumber);
  const int number = bans ? P::kBanEosFieldNumber : P::kIgnoreEosFieldNumber;
  if (!subject.OnHere(number)) return;
  tell(subject.Field(number),
       absl::StrCat("With ", KnobAt(number).name(),
                    " and no max_tokens nothing ends a generation."),
       "Set max_tokens.");
}

// An id, or a whole sequence, that stops may be drawn.
bool MayStop(const Subject& subject) {
  const P& params = subject.params();
  const auto may = [&](uint32_t id) { return subject.choice.May(id); };
  const TokenIds stops = IdsIn(params.stop_ids());
  return std::any_of(stops.begin(), stops.end(), may) ||
         std::any_of(params.stop_sequences().begin(),
                     params.stop_sequences().end(), [&](const auto& s) {
                       const TokenIds ids = IdsIn(s);
                       return std::all_of(ids.begin(), ids.end(), may);
                     });
}

void EosNotAllowed(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kAllowedIdsFieldNumber) || subject.CanLeave()) return;
  if (subject.On(P::kMaxTokensFieldNumber) || MayStop(subject)) return;
  const Ids eos = IdsOf(subject.params().eos_ids());
  if (eos.empty() || subject.On(P::kIgnoreEosFieldNumber)) return;
  if (FirstIn(eos, IdsOf(subject.params().allowed_ids())) >= 0) return;
  tell(subject.Field(P::kAllowedIdsFieldNumber),
       "allowed_ids has no EOS id, so no generation ends by itself.",
       "Add an EOS id to allowed_ids.");
}

void StopIsEos(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kStopIdsFieldNumber)) return;
  if (subject.On(P::kIgnoreEosFieldNumber)) return;
  const int64_t id = FirstIn(IdsOf(subject.params().stop_ids()),
                             IdsOf(subject.params().eos_ids()));
  if (id < 0) return;
  tell(subject.Field(P::kStopIdsFieldNumber),
       absl::StrCat("Id ", id, " is in eos_ids too, and finishes as EOS."),
       "Remove it from stop_ids.");
}

bool HasTokens(const P& params) {
  return !params.penalty_exclude_ids().empty() ||
         !params.logit_bias_ids().empty() || !params.allowed_ids().empty() ||
         !params.banned_ids().empty() || !params.eos_ids().empty() ||
         !params.dry_breaker_ids().empty() ||
         params.dry_breaker_sequences_size() > 0 ||
         params.bad_words_size() > 0 || !params.suppressed_ids().empty() ||
         !params.begin_suppressed_ids().empty() ||
         !params.forced_tokens().empty() || params.has_thinking_budget() ||
         HasStops(params);
}

void TokensWithoutModels(const Subject& subject, Tell tell) {
  if (!subject.is_base() || subject.profile.models_size() > 0) return;
  const bool has_phases = subject.profile.phases_size() > 0;
  if (!has_phases && !HasTokens(subject.params())) return;
  tell("models",
       "The profile has token ids, which mean something else in another "
       "model's vocabulary.",
       "Name the models that the ids belong to.");
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr auto kInfo = v1::LINT_SEVERITY_INFO;
constexpr LintRule kRules[] = {
    {"banned-and-allowed", kWarning, BannedAndAllowed},
    {"forced-and-banned", kWarning, ForcedAndBanned},
    {"bias-on-banned", kWarning, BiasOnBanned},
    {"bias-as-ban", kWarning, BiasAsBan},
    {"ban-and-ignore-eos", kWarning, BanAndIgnoreEos},
    {"no-end", kWarning, NoEnd},
    {"eos-not-allowed", kWarning, EosNotAllowed},
    {"stop-is-eos", kInfo, StopIsEos},
    {"eos-without-ids", kInfo, EosWithoutIds},
    {"length-without-eos", kInfo, LengthWithoutEos},
    {"min-tokens-without-ends", kInfo, MinTokensWithoutEnds},
    {"tokens-without-models", kInfo, TokensWithoutModels},
};

}  // namespace

absl::Span<const LintRule> TokenRules() { return kRules; }

}  // namespace logitd
