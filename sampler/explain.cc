#include "sampler/explain.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "sampler/natural_log.h"
#include "sampler/prefix.h"

namespace logitd {

using kernels::RowView;

void Explainer::Copy(const RowBetween& left, State* state) const {
  state->workspace.Reserve(vocab_size_);
  RowView& copy = state->workspace.row();
  std::copy(left.row.l,
            left.row.l + size_t{copy.block_count} * kernels::kBlockSize,
            copy.l);
  std::vector<uint32_t> blocks(copy.block_count);
  std::iota(blocks.begin(), blocks.end(), 0u);
  kernels_.refresh_block_max(blocks.data(), copy.block_count, copy);
  state->scale = left.scale;
  state->scale.m = kernels_.largest(copy);
  state->cut = left.cut;
  if (left.greedy) {
    const float m = state->scale.m;
    state->cut = {m, kernels_.first_equal(copy, m)};
  }
  state->mass =
      kernels_.weigh(copy, state->scale, state->cut, &copy.active_count);
  state->log_mass = LogD(state->mass);
}

double Explainer::Logprob(uint32_t id, State* state) const {
  const float l = state->workspace.row().l[id];
  if (!AtMost({l, id}, state->cut)) {
    return -std::numeric_limits<double>::infinity();
  }
  return static_cast<double>(kernels::DOf(state->scale, l)) - state->log_mass;
}

void Explainer::AddBest(State* state, TokenIds* ids) const {
  if (top_n_ == 0) return;
  const auto best = FirstOfPrefix(kernels_, state->workspace.row(), state->cut,
                                  top_n_, &state->workspace);
  ids->insert(ids->end(), best.begin(), best.end());
}

void Explainer::Compare(State* before, State* after,
                        StageRecord* record) const {
  TokenIds ids = ids_;
  AddBest(before, &ids);
  AddBest(after, &ids);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  RowView& from = before->workspace.row();
  const RowView& to = after->workspace.row();
  for (const uint32_t id : ids) {
    record->tokens.push_back(
        {id, from.l[id], to.l[id], Logprob(id, before), Logprob(id, after)});
  }
  for (uint32_t id = 0; id < vocab_size_; ++id) {
    const bool is_other = std::bit_cast<uint32_t>(from.l[id]) !=
                          std::bit_cast<uint32_t>(to.l[id]);
    record->changed_logits += is_other ? 1 : 0;
  }
  // What is left, by the weights that it had.
  kernels_.keep_by_keys(from, to, after->cut);
  const double left =
      kernels_.weigh(from, before->scale, before->cut, &from.active_count);
  record->kept_mass = left / before->mass;
}

uint32_t Explainer::RankOf(uint32_t id) const {
  const RowView& row = states_[records_.size() % 2].workspace.row();
  return static_cast<uint32_t>(kernels_.count_cut(row, {row.l[id], id}));
}

void Explainer::After(const char* stage, const RowBetween& left) {
  State& after = states_[(records_.size() + 1) % 2];
  Copy(left, &after);
  StageRecord record;
  record.stage = stage;
  const RowView& copy = after.workspace.row();
  record.kept = static_cast<uint32_t>(kernels_.count_cut(copy, after.cut));
  record.entropy =
      after.log_mass - kernels_.weighted_sum(copy, after.scale) / after.mass;
  if (records_.empty()) Copy(left, &states_[0]);
  Compare(&states_[records_.size() % 2], &after, &record);
  records_.push_back(std::move(record));
}

}  // namespace logitd
