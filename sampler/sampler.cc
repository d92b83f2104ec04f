#include "sampler/sampler.h"

#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/candidates.h"
#include "sampler/float_environment.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"
#include "sampler/race.h"
#include "sampler/shape.h"
#include "sampler/stages.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// One logit as the pipeline sees it before any stage.
float ReadLogit(const Row& row, uint32_t id) {
  const char* at =
      static_cast<const char*>(row.logits) + size_t{id} * SizeOf(row.dtype);
  float value;
  if (row.dtype == Dtype::kFloat32) {
    std::memcpy(&value, at, sizeof(value));
  } else {
    uint16_t half;
    std::memcpy(&half, at, sizeof(half));
    value = std::bit_cast<float>(uint32_t{half} << 16);
  }
  const bool finite = value < std::numeric_limits<float>::infinity();
  return finite ? value + 0.0f : -std::numeric_limits<float>::infinity();
}

absl::Status CheckShape(const Plan& plan, const Row& row,
                        std::optional<uint32_t> given) {
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
  if (given && *given >= plan.vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "given_token: ", *given, " is outside [0, ", plan.vocab_size, ")"));
  }
  return absl::OkStatus();
}

absl::Status Load(const KernelTable& kernels, const Plan& plan, const Row& row,
                  Workspace* workspace, Outcome* outcome) {
  workspace->Reserve(plan.vocab_size);
  const auto load =
      row.dtype == Dtype::kFloat32 ? kernels.load_f32 : kernels.load_bf16;
  uint32_t bad_count = 0;
  const uint32_t bad = load(row.logits, plan.vocab_size, plan.ban_non_finite,
                            workspace->row(), &bad_count);
  if (bad != kernels::kNone && !plan.ban_non_finite) {
    return absl::InvalidArgumentError(absl::StrCat(
        kNonFiniteError, bad,
        " of the row; on_non_finite BAN would count it as banned"));
  }
  outcome->non_finite_banned = bad_count;
  return absl::OkStatus();
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
    const float l = candidates->original().l[token];
    const auto d = static_cast<double>(kernels::DOf(shaped.tempered, l));
    outcome->tempered_logprob =
        IsBanned(l) ? kMinusInfinity : d - LogD(shaped.tempered_mass);
  }
  if (report.entropy) outcome->final_entropy = candidates->Entropy();
  outcome->kept = static_cast<uint32_t>(candidates->Count());
  if (report.top_n_final > 0) {
    ListTop(FirstOfPrefix(candidates->kernels(), candidates->row(),
                          candidates->cut(), report.top_n_final,
                          candidates->workspace()),
            logprob_of, &outcome->top_final);
  }
}

// From 1; 0: banned.
uint32_t RankOf(const KernelTable& kernels, const RowView& row, uint32_t id) {
  if (IsBanned(row.l[id])) return 0;
  return static_cast<uint32_t>(kernels.count_cut(row, {row.l[id], id}));
}

// Greedy: one token is kept, with probability 1.
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
}

void Reset(Outcome* outcome) {
  std::vector<TopToken> final_list = std::move(outcome->top_final);
  std::vector<TopToken> raw_list = std::move(outcome->top_raw);
  *outcome = Outcome();
  final_list.clear();
  raw_list.clear();
  outcome->top_final = std::move(final_list);
  outcome->top_raw = std::move(raw_list);
}

// Shapes the distribution, draws from it and reports.
void Draw(const KernelTable& kernels, const Plan& plan,
          const Feedback& feedback, const NoisePoint& at, const Report& report,
          std::optional<uint32_t> given, Workspace* workspace,
          Outcome* outcome) {
  const bool wants_tempered = report.tempered_logprob || report.kept_mass;
  const bool keep_original =
      wants_tempered || given || plan.values.adaptive_p.has_value();
  Candidates candidates(kernels, keep_original, workspace);
  const Shaped shaped = Shape(plan, feedback, at, wants_tempered, &candidates);
  candidates.Mass();
  outcome->drawn_token = Race(candidates.row(), at);
  outcome->token = given.value_or(outcome->drawn_token);
  ReportKept(report, shaped, &candidates, outcome);
  if (candidates.Holds(outcome->token)) {
    Learn(plan, shaped, outcome->token, &candidates, &outcome->feedback);
  }
  if (given) outcome->rank = RankOf(kernels, candidates.original(), *given);
  if (report.kept_mass) outcome->kept_mass = KeptMass(shaped, &candidates);
}

}  // namespace

absl::Status Sampler::Sample(const Plan& plan, const History& history,
                             const Feedback& feedback, const NoisePoint& at,
                             const Row& row, const Report& report,
                             std::optional<uint32_t> given,
                             Workspace* workspace, Outcome* outcome) const {
  const FloatEnvironment environment;
  Reset(outcome);
  outcome->feedback = feedback;
  LOGITD_RETURN_IF_ERROR(CheckShape(plan, row, given));
  LOGITD_RETURN_IF_ERROR(Load(kernels_, plan, row, workspace, outcome));
  RowView& view = workspace->row();

  const bool raw = report.raw_logprob || report.entropy || report.top_n_raw > 0;
  const bool any = LargestLogit(view) > kMinusInfinity;
  const double log_sum_exp =
      raw && any ? ReportRaw(kernels_, report, workspace, outcome) : 0;

  LOGITD_RETURN_IF_ERROR(
      HardBans(kernels_, plan, row.mask, row.mask_bytes, workspace));
  LOGITD_RETURN_IF_ERROR(SoftBans(kernels_, plan, history.generated(),
                                  workspace, &outcome->soft_bans_lifted));
  AddBias(kernels_, plan, workspace);
  Penalise(kernels_, plan, history, workspace);

  if (plan.values.greedy) {
    outcome->drawn_token = kernels_.first_equal(view, LargestLogit(view));
    outcome->token = given.value_or(outcome->drawn_token);
    ReportGreedy(report, outcome);
    if (given) outcome->rank = RankOf(kernels_, view, *given);
  } else {
    Draw(kernels_, plan, feedback, at, report, given, workspace, outcome);
  }
  if (report.raw_logprob) {
    outcome->raw_logprob =
        static_cast<double>(ReadLogit(row, outcome->token)) - log_sum_exp;
  }
  return absl::OkStatus();
}

}  // namespace logitd
