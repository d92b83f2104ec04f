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
                                    std::vector<uint8_t>* bytes) {
  const size_t size = SizeOf(c.dtype);
  bytes->resize(c.misalignment + logits.size() * size);
  uint8_t* at = bytes->data() + c.misalignment;
  if (c.dtype == Dtype::kFloat32) {
    std::memcpy(at, logits.data(), logits.size() * size);
  } else {
    const std::vector<uint16_t> rounded =
        c.dtype == Dtype::kFloat16 ? ToFloat16(logits) : ToBfloat16(logits);
    std::memcpy(at, rounded.data(), rounded.size() * size);
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
  static constexpr uint8_t kNoMaskBytes = 0;
  if (c.has_mask) row.mask = c.mask.empty() ? &kNoMaskBytes : c.mask.data();
  row.mask_bytes = c.mask.size();
  return row;
}

const Draft* CaseRunner::StoreDraft(const Case& c) {
  if (!c.draft) return nullptr;
  const DraftCase& draft = *c.draft;
  draft_ = {draft.token, draft.q.empty() ? nullptr : draft.q.data(),
            draft.ids.empty() ? nullptr : draft.ids.data(),
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
