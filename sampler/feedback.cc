#include "sampler/feedback.h"

#include <algorithm>

#include "sampler/natural_exp.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"

namespace logitd {
namespace {

constexpr double kLn2 = 0x1.62e42fefa39efp-1;
// How many of the first tokens tell the exponent of Zipf's law.
constexpr uint32_t kZipfTokens = 100;

// The exponent s of p_i ~ i^-s by least squares; 0 when nothing falls.
double ZipfExponent(Candidates* candidates) {
  const kernels::RowView& row = candidates->row();
  candidates->Mass();
  const auto ids = FirstOfPrefix(candidates->kernels(), row, candidates->cut(),
                                 kZipfTokens, candidates->workspace());
  double products = 0, squares = 0;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const float d = candidates->D(ids[i]), next = candidates->D(ids[i + 1]);
    if (!(next >= -87.0f)) break;  // weighs nothing
    const double t =
        LogD(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    products += t * (static_cast<double>(d) - static_cast<double>(next));
    squares += t * t;
  }
  return squares > 0 ? products / squares : 0;
}

// ln k of mirostat 1; +inf: no limit.
double LogZipfCount(double mu, double exponent, uint32_t vocab_size) {
  const double log_size = LogD(static_cast<double>(vocab_size));
  const double e = exponent - 1.0;
  // e / (1 - N^-e) at e = 0 is 1 / ln N.
  const double share =
      e == 0 ? 1.0 / log_size : e / (1.0 - ExpD(-e * log_size));
  return (LogD(share) + mu * kLn2) / exponent;
}

}  // namespace

void ApplyMirostat(const Mirostat& mirostat, const Feedback& feedback,
                   uint32_t vocab_size, Candidates* candidates) {
  const double mu = feedback.mu.value_or(2.0 * mirostat.tau);
  if (mirostat.version == 2) {
    const double floor = candidates->LogMass() - mu * kLn2;
    if (floor > 0) return candidates->KeepFirst(1);  // all surprise more
    return candidates->KeepFloor(static_cast<float>(floor));
  }
  const double exponent = ZipfExponent(candidates);
  if (!(exponent > 0) || vocab_size < 2) return;
  const double log_count = LogZipfCount(mu, exponent, vocab_size);
  if (!(log_count < LogD(static_cast<double>(vocab_size)))) return;
  const double count = ExpD(log_count);
  candidates->KeepFirst(count < 1 ? 1 : static_cast<uint64_t>(count));
}

void LearnMirostat(const Mirostat& mirostat, double logprob,
                   Feedback* feedback) {
  const double mu = feedback->mu.value_or(2.0 * mirostat.tau);
  const double surprise = -logprob / kLn2;
  feedback->mu = mu - mirostat.eta * (surprise - mirostat.tau);
}

void ApplyAdaptiveP(const AdaptiveP& adaptive, const Feedback& feedback,
                    Candidates* candidates) {
  double target = adaptive.target;
  if (feedback.sums) {
    target =
        2.0 * adaptive.target - feedback.sums->weighted / feedback.sums->total;
  }
  const kernels::Adaptation how = {
      static_cast<float>(std::clamp(target, 0.0, 1.0)),
      static_cast<float>(1.0 / candidates->Mass())};
  candidates->BeginRewrite();
  candidates->kernels().adapt(candidates->row(), candidates->scale(),
                              candidates->cut(), how);
  candidates->EndRewrite();
  candidates->SetScale({candidates->scale().m, 1.0f});
}

void LearnAdaptiveP(const AdaptiveP& adaptive, double probability,
                    Feedback* feedback) {
  const double total = 1.0 / (1.0 - adaptive.decay);
  const Feedback::Sums before =
      feedback->sums.value_or(Feedback::Sums{adaptive.target * total, total});
  feedback->sums =
      Feedback::Sums{probability + adaptive.decay * before.weighted,
                     1.0 + adaptive.decay * before.total};
}

}  // namespace logitd
