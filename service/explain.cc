#include "service/explain.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/explain.h"
#include "sampler/noise.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/convert_row.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

constexpr uint32_t kTopNBuiltIn = 10;
constexpr int kAlternativesMax = 64;

absl::Status CheckTokens(const TokenIds& ids, const Limits& limits,
                         uint32_t vocab_size) {
  if (ids.size() > limits.max_top_n) {
    return absl::ResourceExhaustedError(
        absl::StrCat("ids: ", ids.size(), " tokens are more than --max_top_n ",
                     limits.max_top_n));
  }
  for (const uint32_t id : ids) {
    if (id < vocab_size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("ids: ", id, " is outside [0, ", vocab_size, ")"));
  }
  return absl::OkStatus();
}

void WritePeek(const EntryResult& result, v1::StepResult* wire) {
  ResultWriter writer;
  writer.Ask(result);
  writer.Add(result, wire);
}

void WriteStages(const Explainer& explainer, v1::ExplainResponse* wire) {
  uint32_t kept = 0;
  for (const StageRecord& record : explainer.records()) {
    v1::StageReport* stage = wire->add_stages();
    stage->set_stage(record.stage);
    stage->set_kept_count(record.kept);
    stage->set_removed_count(kept > record.kept ? kept - record.kept : 0);
    kept = record.kept;
    stage->set_removed_mass(1 - record.kept_mass);
    stage->set_entropy(record.entropy);
    stage->set_changed_logits(record.changed_logits);
    TokenIds ids;
    for (const TokenChange& token : record.tokens) {
      ids.push_back(token.id);
      stage->add_logit_before(token.logit_before);
      stage->add_logit_after(token.logit_after);
      stage->add_logprob_before(token.logprob_before);
      stage->add_logprob_after(token.logprob_after);
    }
    stage->set_ids(WriteIds(ids));
  }
}

void WriteChances(const Explainer& explainer, const NoisePoint& at,
                  v1::ExplainResponse* wire) {
  for (const TokenChange& token : explainer.records().back().tokens) {
    if (std::isinf(token.logprob_after)) continue;
    v1::TokenChance* chance = wire->add_chances();
    chance->set_id(token.id);
    chance->set_logprob(token.logprob_after);
    const uint32_t block = token.id / kernels::kBlockSize;
    chance->set_block_uniform(Uniform(Noise(at, Purpose::kBlockRace, block)));
    chance->set_token_uniform(
        Uniform(Noise(at, Purpose::kTokenRace, token.id)));
  }
}

}  // namespace

absl::Status Explanation::Read() {
  const Limits& limits = env_.limits;
  LOGITD_ASSIGN_OR_RETURN(
      row_, ReadOneRow(request_.logits(), request_.dtype(),
                       request_.has_guidance_row() ? &request_.guidance_row()
                                                   : nullptr,
                       request_.mask(), limits));
  top_n_ = request_.has_top_n() ? request_.top_n() : kTopNBuiltIn;
  if (top_n_ > limits.max_top_n) {
    return absl::ResourceExhaustedError(
        absl::StrCat("top_n: ", top_n_, " tokens are more than --max_top_n ",
                     limits.max_top_n));
  }
  LOGITD_ASSIGN_OR_RETURN(ids_, ReadHistory("ids", request_.ids(), limits));
  LOGITD_RETURN_IF_ERROR(CheckTokens(ids_, limits, session_.plan().vocab_size));
  LOGITD_RETURN_IF_ERROR(CheckAttempt(request_.attempt()));
  const int alternatives = request_.alternatives_size();
  if (alternatives > kAlternativesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("alternatives: ", alternatives, " elements are more than ",
                     kAlternativesMax));
  }
  if (!request_.has_sweep()) return absl::OkStatus();
  auto sweep = KnobSweep::Create(request_.sweep(), MakeTrial());
  if (!sweep.ok()) return InField("sweep.", sweep.status());
  sweep_.emplace(*std::move(sweep));
  return absl::OkStatus();
}

Trial Explanation::MakeTrial() const {
  return {session_, row_, request_.attempt()};
}

absl::Status Explanation::Explain(Workspace* workspace) {
  Explainer explainer(env_.sampler.kernels(), session_.plan().vocab_size,
                      top_n_, ids_);
  Entry entry;
  entry.position = session_.position();
  entry.attempt = request_.attempt();
  entry.mode = EntryMode::kPeek;
  entry.observer = &explainer;
  EntryResult result;
  Row used = row_;
  if (!session_.uses_guidance()) used.guidance = nullptr;  // of others alone
  session_.Step(entry, used, env_.sampler, workspace, &result);
  LOGITD_RETURN_IF_ERROR(result.error);

  WriteInForce(session_, &answer_);
  WritePeek(result, answer_.mutable_outcome());
  if (result.status == EntryStatus::kSkipped) return absl::OkStatus();
  WriteStages(explainer, &answer_);
  const Outcome& outcome = result.outcome;
  if (outcome.is_forced()) {
    answer_.set_rank(1);
    return absl::OkStatus();
  }
  answer_.set_rank(explainer.RankOf(outcome.token));
  if (!outcome.greedy) {
    WriteChances(explainer,
                 {session_.key(), session_.position(), request_.attempt()},
                 &answer_);
  }
  return absl::OkStatus();
}

// Errors are the alternative's own.
void Explanation::TryNext(Workspace* workspace) {
  const int i = answer_.alternatives_size();
  v1::Alternative* answer = answer_.add_alternatives();
  Trial trial = MakeTrial();
  EntryResult result;
  const absl::Status status = trial.Look(request_.alternatives(i), std::nullopt,
                                         env_, workspace, &result);
  if (!status.ok()) {
    return WriteStatus(InField(absl::StrCat("alternatives[", i, "]."), status),
                       answer->mutable_error());
  }
  WritePeek(result, answer->mutable_outcome());
  WriteInForce(trial.session, answer);
}

absl::StatusOr<bool> Explanation::RunTurn(Workspace* workspace) {
  if (!std::exchange(is_explained_, true)) {
    LOGITD_RETURN_IF_ERROR(Read());
    LOGITD_RETURN_IF_ERROR(Explain(workspace));
  } else if (answer_.alternatives_size() < request_.alternatives_size()) {
    TryNext(workspace);
  } else if (sweep_) {
    const auto done = sweep_->RunTurn(env_, workspace, answer_.mutable_sweep());
    if (!done.ok()) return InField("sweep.", done.status());
    if (!*done) return false;
    sweep_.reset();
  }
  return !sweep_ && answer_.alternatives_size() == request_.alternatives_size();
}

}  // namespace logitd
