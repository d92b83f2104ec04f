// Knob: a field of SamplingParams as the algebra of profiles sees it.
//
// How levels of it are combined, when it is off, and, if it is a number, its
// range and effect. Ranges of built knobs are those of sampler/knobs.h. A knob
// is a field descriptor; logit_bias_ids stands for the bias, whose values are
// part of it. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_KNOB_H_
#define LOGITD_SERVICE_PROFILES_KNOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "logitd/v1/params.pb.h"

namespace logitd {

using Knob = google::protobuf::FieldDescriptor;

// nullptr: SamplingParams has no such field.
const Knob* FindKnob(absl::string_view name);
const Knob& KnobAt(int field_number);

// How a level's value meets that of the levels below.
enum class Merge { kReplace, kUnite, kIntersect, kPerId };
Merge MergeOf(const Knob& knob);

// The knobs that a message sets, by number. An enum at its zero is not set.
std::vector<const Knob*> KnobsSet(const v1::SamplingParams& params);
bool IsSet(const v1::SamplingParams& params, const Knob& knob);
// Moves one knob out of *from into an otherwise unchanged *to.
void MoveKnob(const Knob& knob, v1::SamplingParams* from,
              v1::SamplingParams* to);
// The bias's two fields as one.
void ClearKnob(const Knob& knob, v1::SamplingParams* params);

// True if the row passes this knob unchanged.
bool IsOff(const v1::SamplingParams& params, const Knob& knob,
           uint32_t vocab_size);

// Values that a number may have.
struct NumberRange {
  double min;
  double max;
  bool min_open;  // true: min itself is outside
  bool max_open;
  bool whole;

  bool Contains(double value) const;  // false for NaN
};
// Nothing: not a number, or not built.
std::optional<NumberRange> RangeOf(const Knob& knob);

// A number by its effect: absent is the off value, top_k at most vocab_size,
// an absent window or max_tokens 1048576. A switch is 0 or 1. 0 for what has no
// number.
double EffectOf(const v1::SamplingParams& params, const Knob& knob,
                uint32_t vocab_size);
// `knob` has a RangeOf that contains the value.
void SetNumber(const Knob& knob, double value, v1::SamplingParams* params);

// The fewest digits that are read back as the same number; of a whole number
// all.
std::string Digits(double value, bool whole = false);
// "(0, 1]".
std::string RangeText(const NumberRange& range);
// "1.5 is outside (0, 1]": a request gets the same words.
std::string Outside(double value, const NumberRange& range);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_KNOB_H_
