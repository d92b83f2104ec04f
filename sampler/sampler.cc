#include "sampler/sampler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/float_environment.h"
#include "sampler/load.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"
#include "sampler/race.h"
#include "sampler/stages.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;
using kernels::Scale;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// One logit as the pipeline sees it before any stage.
float ReadLogit(const Row& row, uint32_t id) {
  const float value = Widen(row.logits, row.dtype, id);
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
  if (plan.guidance && row.guidance == nullptr) {
    return absl::InvalidArgumentError(
        "guidance_row: required, guidance_scale is on");
  }
  if (!plan.guidance && row.guidance != nullptr) {
    return absl::InvalidArgumentError(
        "guidance_row: given, but guidance_scale is off");
  }
  if (given && *given >= plan.vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "given_token: ", *given, " is outside [0, ", plan.vocab_size, ")"));
  }
  return absl::OkStatus();
}

double WeighRow(const KernelTable& kernels, Scale scale, Cut cut,
                Workspace* workspace) {
  RowView& row = workspace->row();
  uint32_t active_count = 0;
  const double mass = kernels.weigh(row, scale, cut, &active_count);
  row.active_count = active_count;
  return mass;
}

// Entropy in nats of the weights in the row, whose mass is given.
double Entropy(const KernelTable& kernels, Scale scale, double mass,
               const RowView& row) {
  return LogD(mass) - kernels.weighted_sum(row, scale) / mass;
}

// logprob_of(id) for each id, in order.
template <class LogprobOf>
void ListTop(absl::Span<const uint32_t> ids, const LogprobOf& logprob_of,
             std::vector<TopToken>* top) {
  for (const uint32_t id : ids) top->push_back({id, logprob_of(id)});
}

float TemperedD(const RowView& row, Scale scale, uint32_t id) {
  return (row.l[id] - scale.m) * scale.inverse_temperature;
}

// Numbers of the row as received. Returns its log-sum-exp.
double ReportRaw(const KernelTable& kernels, const Report& report,
                 Workspace* workspace, Outcome* outcome) {
  RowView& row = workspace->row();
  const Scale scale = {LargestLogit(row), 1.0f};
  const double mass = WeighRow(kernels, scale, kAllAllowed, workspace);
  const double log_sum_exp = static_cast<double>(scale.m) + LogD(mass);
  if (report.entropy) {
    outcome->raw_entropy = Entropy(kernels, scale, mass, row);
  }
  if (report.top_n_raw > 0) {
    const auto ids =
        FirstOfPrefix(kernels, kAllAllowed, report.top_n_raw, workspace);
    const auto logprob_of = [&](uint32_t id) {
      return static_cast<double>(row.l[id]) - log_sum_exp;
    };
    ListTop(ids, logprob_of, &outcome->top_raw);
  }
  return log_sum_exp;
}

// What the tempered row was cut to, and what it weighs.
struct Kept {
  Scale scale;
  Cut cut;
  double mass;
  double tempered_mass;  // of all not banned; NaN when not asked for
};

Kept Truncate(const KernelTable& kernels, const Plan& plan,
              const Report& report, Workspace* workspace) {
  const RowView& row = workspace->row();
  const Scale scale = {LargestLogit(row), plan.inverse_temperature};
  Kept kept = {scale, kAllAllowed, 0, kNotReported};
  if (report.tempered_logprob || report.kept_mass) {
    kept.tempered_mass = WeighRow(kernels, scale, kAllAllowed, workspace);
  }
  if (plan.top_k) kept.cut = PrefixOfCount(kernels, *plan.top_k, workspace);
  Cut floor = kAllAllowed;
  if (plan.min_p_floor) floor = PrefixOfFloor(scale, *plan.min_p_floor);
  // Without top_p between them, both cuts are one.
  if (!plan.top_p && AtMost(floor, kept.cut)) kept.cut = floor;
  kept.mass = WeighRow(kernels, scale, kept.cut, workspace);
  if (!plan.top_p) return kept;
  kept.cut = PrefixOfMass(kernels, scale, kept.cut, *plan.top_p * kept.mass,
                          kept.mass, workspace);
  if (AtMost(floor, kept.cut)) kept.cut = floor;
  kept.mass = kernels.restrict_to(row, kept.cut);
  return kept;
}

bool InCut(const RowView& row, uint32_t id, Cut cut) {
  return AtMost(Cut{row.l[id], id}, cut);
}

// Numbers of outcome->token after truncation.
void ReportKept(const KernelTable& kernels, const Report& report,
                const Kept& kept, Workspace* workspace, Outcome* outcome) {
  const RowView& row = workspace->row();
  const uint32_t token = outcome->token;
  const double log_mass = LogD(kept.mass);
  const double d = static_cast<double>(TemperedD(row, kept.scale, token));
  if (report.final_logprob) {
    outcome->final_logprob =
        InCut(row, token, kept.cut) ? d - log_mass : kMinusInfinity;
  }
  if (report.tempered_logprob) {
    outcome->tempered_logprob = InCut(row, token, kAllAllowed)
                                    ? d - LogD(kept.tempered_mass)
                                    : kMinusInfinity;
  }
  if (report.kept_mass) outcome->kept_mass = kept.mass / kept.tempered_mass;
  if (report.entropy) {
    outcome->final_entropy = Entropy(kernels, kept.scale, kept.mass, row);
  }
  outcome->kept = static_cast<uint32_t>(kernels.count_cut(row, kept.cut));
  if (report.kept_ids && outcome->kept <= report.kept_ids_max) {
    ListKept(kernels, kept.cut, workspace, &outcome->kept_ids);
  }
  if (report.top_n_final > 0) {
    const auto ids =
        FirstOfPrefix(kernels, kept.cut, report.top_n_final, workspace);
    const auto logprob_of = [&](uint32_t id) {
      return static_cast<double>(TemperedD(row, kept.scale, id)) - log_mass;
    };
    ListTop(ids, logprob_of, &outcome->top_final);
  }
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
  if (report.kept_ids && report.kept_ids_max > 0) {
    outcome->kept_ids.push_back(outcome->drawn_token);
  }
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

}  // namespace

absl::Status Sampler::Sample(const Plan& plan, const History& history,
                             const NoisePoint& at, const Row& row,
                             const Report& report,
                             std::optional<uint32_t> given,
                             Workspace* workspace, Outcome* outcome) const {
  const FloatEnvironment environment;
  Reset(outcome);
  LOGITD_RETURN_IF_ERROR(CheckShape(plan, row, given));
  LOGITD_RETURN_IF_ERROR(
      LoadRows(kernels_, plan, row, report, workspace, outcome));
  RowView& view = workspace->row();

  const bool raw = report.raw_logprob || report.entropy ||
                   report.top_n_raw > 0 || plan.guidance;
  const bool any = LargestLogit(view) > kMinusInfinity;
  const double log_sum_exp =
      raw && any ? ReportRaw(kernels_, report, workspace, outcome) : 0;
  if (plan.guidance && any) Guide(kernels_, plan, log_sum_exp, workspace);

  LOGITD_RETURN_IF_ERROR(
      HardBans(kernels_, plan, row.mask, row.mask_bytes, workspace));
  LOGITD_RETURN_IF_ERROR(SoftBans(kernels_, plan, history.generated(),
                                  workspace, &outcome->soft_bans_lifted));
  AddBias(kernels_, plan, workspace);
  Penalise(kernels_, plan, history, workspace);

  if (plan.greedy) {
    outcome->drawn_token = kernels_.first_equal(view, LargestLogit(view));
    outcome->token = given.value_or(outcome->drawn_token);
    ReportGreedy(report, outcome);
  } else {
    const Kept kept = Truncate(kernels_, plan, report, workspace);
    outcome->drawn_token = Race(view, at);
    outcome->token = given.value_or(outcome->drawn_token);
    ReportKept(kernels_, report, kept, workspace, outcome);
  }

  if (given && InCut(view, *given, kAllAllowed)) {
    outcome->rank = static_cast<uint32_t>(
        kernels_.count_cut(view, {view.l[*given], *given}));
  }
  if (report.raw_logprob) {
    outcome->raw_logprob =
        static_cast<double>(ReadLogit(row, outcome->token)) - log_sum_exp;
  }
  return absl::OkStatus();
}

}  // namespace logitd
