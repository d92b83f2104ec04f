// What each stage did to a row, in the sampler's own numbers.
//
// A StageObserver is told of the row after every stage; an Explainer copies it
// and measures the copy, so that the pipeline runs as it does without, to the
// bit. Costs a few reads of the row for each stage; allocates. An Explainer is
// confined to one thread.
#ifndef LOGITD_SAMPLER_EXPLAIN_H_
#define LOGITD_SAMPLER_EXPLAIN_H_

#include <cstdint>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "sampler/params.h"
#include "sampler/workspace.h"

namespace logitd {

// A row between two stages. Only row.l is as it should be: block maxima may
// wait, and the m of the map of logits to weights.
struct RowBetween {
  const kernels::RowView& row;
  kernels::Scale scale;
  kernels::Cut
      cut;  // the candidates; when greedy the first of their rank alone
  bool greedy = false;
};

class StageObserver {
 public:
  virtual ~StageObserver() = default;
  // `stage` is static.
  virtual void After(const char* stage, const RowBetween& left) = 0;
};

// One token before and after a stage.
struct TokenChange {
  uint32_t id = 0;
  float logit_before = 0;  // -inf: banned
  float logit_after = 0;
  double logprob_before = 0;  // -inf: no candidate
  double logprob_after = 0;
};

struct StageRecord {
  const char* stage = "";  // "row", "guidance", "hard_bans", "soft_bans", or as
                           // `steps` call it; static
  uint32_t kept = 0;       // candidates left
  double kept_mass = 1;    // their share of the mass before the stage
  double entropy = 0;      // of the distribution after it, nats
  uint32_t changed_logits = 0;  // that are another number, or banned now
  // The best tokens before and after it and those asked for, by id.
  std::vector<TokenChange> tokens;
};

class Explainer final : public StageObserver {
 public:
  // Of the n best tokens before and after each stage, and of `ids`, which are
  // below the vocabulary's size. top_n <= kTopMax.
  Explainer(const kernels::KernelTable& kernels, uint32_t vocab_size,
            uint32_t top_n, TokenIds ids)
      : kernels_(kernels),
        vocab_size_(vocab_size),
        top_n_(top_n),
        ids_(std::move(ids)) {}

  void After(const char* stage, const RowBetween& left) override;

  // Of a token among what the last stage left, from 1.
  uint32_t RankOf(uint32_t id) const;

  // In the order of the pipeline; the first is of the row as received.
  const std::vector<StageRecord>& records() const { return records_; }

 private:
  // A row after a stage, weighed.
  struct State {
    Workspace workspace;
    kernels::Scale scale;
    kernels::Cut cut;
    double mass = 0;
    double log_mass = 0;
  };

  void Copy(const RowBetween& left, State* state) const;
  double Logprob(uint32_t id, State* state) const;
  void AddBest(State* state, TokenIds* ids) const;
  void Compare(State* before, State* after, StageRecord* record) const;

  const kernels::KernelTable& kernels_;
  const uint32_t vocab_size_;
  const uint32_t top_n_;
  const TokenIds ids_;
  State states_[2];  // of the last record: states_[records_.size() % 2]
  std::vector<StageRecord> records_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_EXPLAIN_H_
