#include <algorithm>
#include <cstring>

#include "tests/sampler/cases.h"

namespace logitd::tests {

History MakeHistory(const Case& c, const Plan& plan) {
  History history =
      c.prompt_known
          ? History(c.prompt)
          : History::WithoutPrompt(static_cast<uint32_t>(c.prompt.size()));
  const absl::Status followed = history.Follow(plan);
  static_cast<void>(followed);  // cannot fail: nothing was trimmed yet
  for (uint32_t token : c.output) history.Append(token);
  return history;
}

const void* CaseRunner::StoreLogits(const Case& c,
                                    const std::vector<float>& logits,
                                    Fenced* bytes) {
  uint8_t* const at =
      bytes->Take(logits.size() * SizeOf(c.dtype), c.misalignment);
  if (c.dtype == Dtype::kFloat32) {
    std::memcpy(at, logits.data(), logits.size() * sizeof(float));
  } else {
    const std::vector<uint16_t> rounded =
        c.dtype == Dtype::kFloat16 ? ToFloat16(logits) : ToBfloat16(logits);
    std::memcpy(at, rounded.data(), rounded.size() * sizeof(uint16_t));
  }
  return at;
}

Row CaseRunner::Store(const Case& c) {
  Row row;
  row.logits = StoreLogits(c, c.logits, &bytes_);
  row.width = static_cast<uint32_t>(c.logits.size());
  row.dtype = c.dtype;
  if (!c.guidance.empty()) {
    row.guidance = StoreLogits(c, c.guidance, &guidance_bytes_);
  }
  if (c.has_mask) {
    uint8_t* const mask = mask_bytes_.Take(c.mask.size());
    std::copy(c.mask.begin(), c.mask.end(), mask);
    row.mask = mask;
  }
  row.mask_bytes = c.mask.size();
  return row;
}

const Draft* CaseRunner::StoreDraft(const Case& c) {
  if (!c.draft) return nullptr;
  const DraftCase& draft = *c.draft;
  draft_ = {
      draft.token,
      q_bytes_.Copy(draft.q.data(), draft.q.size() * sizeof(float)),
      ids_bytes_.Copy(draft.ids.data(), draft.ids.size() * sizeof(uint32_t)),
      static_cast<uint32_t>(draft.q.size())};
  return &draft_;
}

const Ran& CaseRunner::Run(const Case& c, HistoryMaker make_history,
                           StageObserver* observer) {
  absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
  ran_.status = plan.status();
  ran_.end = FinishReason::kNone;
  if (!plan.ok()) return ran_;
  History history = make_history(c, *plan);
  ran_.status = sampler_.Sample(*plan, history, c.feedback, c.at, Store(c),
                                c.report, {c.given, StoreDraft(c), observer},
                                &workspace_, &ran_.outcome);
  if (!ran_.status.ok()) return ran_;
  history.Append(ran_.outcome.token);
  ran_.end = CheckEnds(*plan, history);
  return ran_;
}

}  // namespace logitd::tests
