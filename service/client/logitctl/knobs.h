// The knobs of logitd.v1.SamplingParams as text: one line of teaching for each,
// and how a name and a value become a field. Any scalar knob of the contract
// can be set, taught or not, to what a profile file may say; the server judges
// the value. Threads: free functions over constant tables. Cost: reading a
// short file, per flag.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_KNOBS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_KNOBS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "logitd/v1/params.pb.h"

namespace logitd::logitctl {

// A knob that has a flag of its own.
struct Knob {
  const char* field;   // In SamplingParams: "top_p".
  const char* values;  // In --help: "P".
  const char* help;    // Range, off value, effect.
};

absl::Span<const Knob> ScalarKnobs();

// "top_p" -> "--top-p".
std::string FlagOf(absl::string_view field);

// Sets a scalar knob; '-' and '_' in the name are the same. An unknown name, a
// list knob or a value that is not of the knob's type: a usage error.
absl::Status SetKnob(absl::string_view name, absl::string_view value,
                     v1::SamplingParams* params);

// The field's name; '-' and '_' are the same. An unknown name: a usage error.
absl::StatusOr<std::string> KnobField(absl::string_view name);

// "KNOB=VALUE" for SetKnob.
absl::Status SetKnobFrom(absl::string_view assignment,
                         v1::SamplingParams* params);

// The knob that a field belongs to: itself, but "logit_bias" of the two fields
// of the bias.
std::string KnobOf(absl::string_view field);

// Clears a knob, named by it or by a field of it; what is not set stays so. An
// unknown name: a usage error.
absl::Status ClearKnob(absl::string_view name, v1::SamplingParams* params);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_KNOBS_H_
