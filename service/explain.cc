#include "service/explain.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/explain.h"
#include "sampler/noise.h"
#include "sampler/status_macros.h"
#include "service/built.h"
#include "service/convert.h"
#include "service/convert_row.h"
#include "service/lists.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

constexpr uint32_t kTopNBuiltIn = 10;

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

absl::Status ExplainRow(const v1::ExplainRequest& wire, const Environment& env,
                        SessionTable* table, Workspace* workspace,
                        v1::ExplainResponse* reply) {
  LOGITD_RETURN_IF_ERROR(CheckBuilt(wire));
  if (wire.has_open()) {
    return absl::InvalidArgumentError(
        "open: must not be set on a stream; open the session, then name it");
  }
  LOGITD_ASSIGN_OR_RETURN(Session* const session,
                          table->Find(wire.session_id()));
  LOGITD_ASSIGN_OR_RETURN(
      const Row row,
      ReadOneRow(wire.logits(), wire.dtype(),
                 wire.has_guidance_row() ? &wire.guidance_row() : nullptr,
                 wire.mask(), env.limits));
  const uint32_t vocab_size = session->plan().vocab_size;
  const uint32_t top_n = wire.has_top_n() ? wire.top_n() : kTopNBuiltIn;
  if (top_n > env.limits.max_top_n) {
    return absl::ResourceExhaustedError(
        absl::StrCat("top_n: ", top_n, " tokens are more than --max_top_n ",
                     env.limits.max_top_n));
  }
  LOGITD_ASSIGN_OR_RETURN(TokenIds ids,
                          ReadHistory("ids", wire.ids(), env.limits));
  LOGITD_RETURN_IF_ERROR(CheckTokens(ids, env.limits, vocab_size));
  LOGITD_RETURN_IF_ERROR(CheckAttempt(wire.attempt()));

  Explainer explainer(env.sampler.kernels(), vocab_size, top_n, std::move(ids));
  Entry entry;
  entry.position = session->position();
  entry.attempt = wire.attempt();
  entry.mode = EntryMode::kPeek;
  entry.observer = &explainer;
  EntryResult result;
  session->Step(entry, row, env.sampler, workspace, &result);
  LOGITD_RETURN_IF_ERROR(result.error);

  WriteInForce(*session, reply);
  ResultWriter writer;
  writer.Ask(result);
  writer.Add(result, reply->mutable_outcome());
  if (result.status == EntryStatus::kSkipped) return absl::OkStatus();
  WriteStages(explainer, reply);
  const Outcome& outcome = result.outcome;
  if (outcome.is_forced()) {
    reply->set_rank(1);
    return absl::OkStatus();
  }
  reply->set_rank(explainer.RankOf(outcome.token));
  if (!outcome.greedy) {
    WriteChances(explainer,
                 {session->key(), session->position(), wire.attempt()}, reply);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckExplainSize(const v1::SampleRequest& request) {
  if (request.explain_size() <= kExplainMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("explain: ", request.explain_size(),
                   " elements are more than ", kExplainMax));
}

bool ExplainNext(const v1::SampleRequest& request, const Environment& env,
                 SessionTable* table, Workspace* workspace,
                 v1::SampleResponse* reply) {
  const int i = reply->explained_size();
  if (i == request.explain_size()) return true;
  v1::ExplainResponse* answer = reply->add_explained();
  const absl::Status status =
      ExplainRow(request.explain(i), env, table, workspace, answer);
  if (!status.ok()) {
    env.metrics.AddError(status.code());
    answer->Clear();
    WriteStatus(InField(absl::StrCat("explain[", i, "]."), status),
                answer->mutable_error());
  }
  return i + 1 == request.explain_size();
}

}  // namespace logitd
