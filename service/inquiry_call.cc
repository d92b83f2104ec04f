#include "service/inquiry_call.h"

#include <algorithm>

namespace logitd {
namespace {

// Reads of a row by an explanation, by its alternatives, and by a sweep.
constexpr double kOfStages = 24;
constexpr double kOfAlternatives = 64;
constexpr double kOfSweep = 12'000;

}  // namespace

const CallKind kExplainCall = {
    "Explain", {}, [](const Preflight& seen) {
      using Request = v1::ExplainRequest;
      double rows = kOfStages;
      if (seen.has_field(Request::kAlternativesFieldNumber)) {
        rows += kOfAlternatives;
      }
      if (seen.has_field(Request::kSweepFieldNumber)) rows += kOfSweep;
      return rows;
    }};

// What it brings is a row for each token.
const CallKind kVerifyCall = {
    "Verify",
    {{{0, v1::VerifyRequest::kTokensFieldNumber, true},
      {v1::VerifyRequest::kStepFieldNumber, v1::Step::kSessionIdFieldNumber,
       true}}},
    [](const Preflight& seen) {
      const uint64_t rows =
          std::max<uint64_t>(seen.asked[0] / 4, seen.asked[1] / 8);
      return static_cast<double>(std::max<uint64_t>(rows, 1));
    },
    /*is_one_row=*/false};

}  // namespace logitd
