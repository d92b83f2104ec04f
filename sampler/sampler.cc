#include "sampler/sampler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/candidates.h"
#include "sampler/float_environment.h"
#include "sampler/load.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"
#include "sampler/race.h"
#include "sampler/shape.h"
#include "sampler/stages.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using kernels::KernelTable;
using kernels::RowView;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// One logit as the pipeline sees it before any stage.
float ReadLogit(const Row& row, uint32_t id) {
  const float value = Widen(row.logits, row.dtype, id);
  const bool finite = value < std::numeric_limits<float>::infinity();
  return finite ? value + 0.0f : -std::numeric_limits<float>::infinity();
}

// Mirostat and adaptive-p learn of tokens that were drawn.
absl::Status CheckVerification(const Plan& plan, const Draft& draft) {
  for (const auto& [name, is_on] :
       {std::pair("mirostat", plan.values.mirostat.has_value()),
        std::pair("adaptive_p", plan.values.adaptive_p.has_value())}) {
    if (!is_on) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "verify_mode: REJECTION cannot be used with ", name, "; MATCH can"));
  }
  return CheckDraft(draft, plan.vocab_size);
}

absl::Status CheckShape(const Plan& plan, const Row& row,
                        const RowOptions& options) {
  if (row.width < plan.vocab_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits: a row of ", row.width,
                     " is shorter than vocab_size ", plan.vocab_size));
  }
  const size_t mask_most = (size_t{row.width} + 31) / 32 * 4;
  if (row.mask != nullptr && row.mask_bytes > mask_most) {
    return absl::InvalidArgumentError(
        absl::StrCat("mask_words: ", row.mask_bytes / 4, " is outside [1, ",
                     mask_most / 4, "] for a row of ", row.width));
  }
  if (plan.values.guidance && row.guidance == nullptr) {
    return absl::InvalidArgumentError(
        "guidance_row: required, guidance_scale is on");
  }
  if (!plan.values.guidance && row.guidance != nullptr) {
    return absl::InvalidArgumentError(
        "guidance_row: given, but guidance_scale is off");
  }
  if (options.given && *options.given >= plan.vocab_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("given_token: ", *options.given, " is outside [0, ",
                     plan.vocab_size, ")"));
  }
  return options.draft != nullptr ? CheckVerification(plan, *options.draft)
                                  : absl::OkStatus();
}

// logprob_of(id) for each id, in order.
template <class LogprobOf>
void ListTop(absl::Span<const uint32_t> ids, const LogprobOf& logprob_of,
             std::vector<TopToken>* top) {
  for (const uint32_t id : ids) top->push_back({id, logprob_of(id)});
}

bool IsBanned(float l) { return l < kAllAllowed.value; }

// Numbers of the row as received. Returns its log-sum-exp.
double ReportRaw(const KernelTable& kernels, const Report& report,
                 Workspace* workspace, Outcome* outcome) {
  Candidates all(kernels, false, workspace);
  const double log_sum_exp = static_cast<double>(all.scale().m) + all.LogMass();
  if (report.entropy) outcome->raw_entropy = all.Entropy();
  if (report.top_n_raw > 0) {
    const auto ids = FirstOfPrefix(kernels, all.row(), kAllAllowed,
                                   report.top_n_raw, workspace);
    const auto logprob_of = [&](uint32_t id) {
      return static_cast<double>(all.row().l[id]) - log_sum_exp;
    };
    ListTop(ids, logprob_of, &outcome->top_raw);
  }
  return log_sum_exp;
}

// Numbers of outcome->token after all stages.
void ReportKept(const Report& report, const Shaped& shaped,
                Candidates* candidates, Outcome* outcome) {
  const uint32_t token = outcome->token;
  const double log_mass = candidates->LogMass();
  const auto logprob_of = [&](uint32_t id) {
    return static_cast<double>(candidates->D(id)) - log_mass;
  };
  if (report.final_logprob) {
    outcome->final_logprob =
        candidates->Holds(token) ? logprob_of(token) : kMinusInfinity;
  }
  if (report.tempered_logprob) {
    const float l = LogitOf(candidates->original(), token);
    const auto d = static_cast<double>(kernels::DOf(shaped.tempered, l));
    outcome->tempered_logprob =
        IsBanned(l) ? kMinusInfinity : d - LogD(shaped.tempered_mass);
  }
  if (report.entropy) outcome->final_entropy = candidates->Entropy();
  outcome->kept = static_cast<uint32_t>(candidates->Count());
  if (report.kept_ids && outcome->kept <= report.kept_ids_max) {
    ListKept(candidates->kernels(), candidates->row(), candidates->cut(),
             candidates->workspace(), &outcome->kept_ids);
  }
  if (report.top_n_final > 0) {
    ListTop(FirstOfPrefix(candidates->kernels(), candidates->row(),
                          candidates->cut(), report.top_n_final,
                          candidates->workspace()),
            logprob_of, &outcome->top_final);
  }
}

// From 1; 0: banned.
uint32_t RankOf(const KernelTable& kernels, const RowView& row, uint32_t id) {
  const float l = LogitOf(row, id);
  if (IsBanned(l)) return 0;
  return static_cast<uint32_t>(kernels.count_cut(row, {l, id}));
}

void ReportRawLogprob(const Row& row, double log_sum_exp, Outcome* outcome) {
  outcome->raw_logprob =
      static_cast<double>(ReadLogit(row, outcome->token)) - log_sum_exp;
}

// Greedy or forced: one token is kept, with probability 1.
void ReportGreedy(const Report& report, Outcome* outcome) {
  const double logprob =
      outcome->token == outcome->drawn_token ? 0.0 : kMinusInfinity;
  outcome->greedy = true;
  outcome->kept = 1;
  if (report.final_logprob) outcome->final_logprob = logprob;
  if (report.tempered_logprob) outcome->tempered_logprob = logprob;
  if (report.kept_mass) outcome->kept_mass = 1.0;
  if (report.entropy) outcome->final_entropy = 0.0;
  if (report.top_n_final > 0) {
    outcome->top_final.push_back({outcome->drawn_token, 0.0});
  }
  if (report.kept_ids && report.kept_ids_max > 0) {
    outcome->kept_ids.push_back(outcome->drawn_token);
  }
}

// True when a forcing stage decides the row. A forced token that is hard-banned
// gives way, or FAILED_PRECONDITION when the plan says so.
absl::StatusOr<bool> TakeForced(const Plan& plan, const History& history,
                                const Row& row, const Report& report,
                                const RowOptions& options, Workspace* workspace,
                                Outcome* outcome) {
  const ForcedToken forced = NextForced(plan, history);
  outcome->forced = forced.by;
  if (forced.by == ForcedBy::kNone) return false;
  if (IsHardBanned(plan, row.mask, row.mask_bytes, forced.token, workspace)) {
    outcome->forced_overruled = true;
    if (plan.mask_wins) return false;
    return absl::FailedPreconditionError(
        absl::StrCat(KnobOf(forced.by), ": token ", forced.token,
                     " is hard-banned, and on_conflict is ERROR"));
  }
  outcome->drawn_token = forced.token;
  outcome->token = options.given.value_or(forced.token);
  ReportGreedy(report, outcome);
  if (options.given == forced.token)
    outcome->rank = 1;  // all others are banned
  return true;
}

void Reset(Outcome* outcome) {
  std::vector<TopToken> final_list = std::move(outcome->top_final);
  std::vector<TopToken> raw_list = std::move(outcome->top_raw);
  std::vector<uint32_t> kept_ids = std::move(outcome->kept_ids);
  *outcome = Outcome();
  final_list.clear();
  raw_list.clear();
  kept_ids.clear();
  outcome->top_final = std::move(final_list);
  outcome->top_raw = std::move(raw_list);
  outcome->kept_ids = std::move(kept_ids);
}

// From the bans to the token and its numbers.
void Choose(const KernelTable& kernels, const StepView& step,
            const Report& report, const RowOptions& options,
            Workspace* workspace, Outcome* outcome) {
  const std::optional<uint32_t> given = options.given;
  const bool wants_tempered = report.tempered_logprob || report.kept_mass;
  Candidates candidates(kernels, wants_tempered || given, workspace);
  const Shaped shaped =
      Shape(step, wants_tempered, options.observer, &candidates);
  const RowView& row = candidates.row();
  if (shaped.greedy) {
    outcome->drawn_token = kernels.first_equal(row, candidates.scale().m);
  } else {
    const double mass = candidates.Mass();
    outcome->drawn_token =
        options.draft != nullptr
            ? Verified(kernels, *options.draft, row, mass, step.at, workspace)
            : Race(kernels, row, step.at);
  }
  if (outcome->drawn_token == kernels::kNone) {  // only if the row was changed
    outcome->drawn_token = kernels.first_equal(row, candidates.scale().m);
  }
  outcome->token = given.value_or(outcome->drawn_token);
  if (given) outcome->rank = RankOf(kernels, candidates.original(), *given);
  if (shaped.greedy) return ReportGreedy(report, outcome);
  ReportKept(report, shaped, &candidates, outcome);
  if (candidates.Holds(outcome->token)) {
    Learn(step.values, shaped, outcome->token, &candidates, &outcome->feedback);
  }
  if (report.kept_mass) outcome->kept_mass = KeptMass(shaped, &candidates);
}

}  // namespace

absl::Status Sampler::Sample(const Plan& plan, const History& history,
                             const Feedback& feedback, const NoisePoint& at,
                             const Row& row, const Report& report,
                             const RowOptions& options, Workspace* workspace,
                             Outcome* outcome) const {
  const FloatEnvironment environment;
  Reset(outcome);
  outcome->feedback = feedback;
  LOGITD_RETURN_IF_ERROR(CheckShape(plan, row, options));
  const StepValues values = plan.ValuesAt(history.generated());
  LOGITD_RETURN_IF_ERROR(LoadRows(kernels_, plan, row,
                                  values.guidance.has_value(), report, options,
                                  workspace, outcome));
  RowView& view = workspace->row();

  const bool raw = report.raw_logprob || report.entropy ||
                   report.top_n_raw > 0 || values.guidance;
  const bool any = kernels_.largest(view) > kMinusInfinity;
  const double log_sum_exp =
      raw && any ? ReportRaw(kernels_, report, workspace, outcome) : 0;
  const auto observe = [&](const char* stage) {
    if (options.observer == nullptr) return;
    options.observer->After(stage, {view, {0, 1.0f}, kAllAllowed});
  };
  if (any) observe("row");
  if (values.guidance && any) {
    Guide(kernels_, *values.guidance, log_sum_exp, workspace);
    observe("guidance");
  }

  LOGITD_ASSIGN_OR_RETURN(
      const bool is_forced,
      TakeForced(plan, history, row, report, options, workspace, outcome));
  if (is_forced) {
    if (report.raw_logprob) ReportRawLogprob(row, log_sum_exp, outcome);
    return absl::OkStatus();
  }

  LOGITD_RETURN_IF_ERROR(
      HardBans(kernels_, plan, row.mask, row.mask_bytes, workspace));
  observe("hard_bans");
  LOGITD_RETURN_IF_ERROR(
      SoftBans(kernels_, plan, history, workspace, &outcome->soft_bans_lifted));
  observe("soft_bans");
  Choose(kernels_, {plan, values, history, feedback, at}, report, options,
         workspace, outcome);
  if (workspace->SourceChanged()) {
    return absl::AbortedError("logits: the row changed while it was read");
  }
  if (report.raw_logprob) ReportRawLogprob(row, log_sum_exp, outcome);
  return absl::OkStatus();
}

}  // namespace logitd
