// Knob: a field of SamplingParams as the algebra of profiles sees it.
//
// Its value is a constant or a schedule. How levels of it are combined, when it
// is off, and, if it is a number, its range and effect. Ranges of built knobs
// are those of sampler/knobs.h. A knob is a field descriptor; logit_bias_ids
// stands for the bias, whose values are part of it. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_KNOB_H_
#define LOGITD_SERVICE_PROFILES_KNOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "logitd/v1/params.pb.h"
#include "sampler/dialect.h"
#include "sampler/knob_check.h"

namespace logitd {

using Knob = google::protobuf::FieldDescriptor;

// nullptr: SamplingParams has no such field.
const Knob* FindKnob(absl::string_view name);
const Knob& KnobAt(int field_number);

// How a level's value meets that of the levels below.
enum class Merge { kReplace, kUnite, kIntersect, kPerId };
Merge MergeOf(const Knob& knob);

// The knobs that a message sets, by number. An enum at its zero is not set. A
// knob with a schedule is set; `schedules` is set by those of no knob.
std::vector<const Knob*> KnobsSet(const v1::SamplingParams& params);
bool IsSet(const v1::SamplingParams& params, const Knob& knob);
// nullptr: it has none.
const v1::Schedule* ScheduleOf(const v1::SamplingParams& params,
                               const Knob& knob);
// Moves one knob out of *from into an otherwise unchanged *to; of `schedules`
// those of no knob.
void MoveKnob(const Knob& knob, v1::SamplingParams* from,
              v1::SamplingParams* to);
// The bias's two fields as one. Of `schedules` all.
void ClearKnob(const Knob& knob, v1::SamplingParams* params);
// Each knob that `from` sets becomes *to's.
void TakeKnobs(v1::SamplingParams from, v1::SamplingParams* to);

// True if the row passes this knob unchanged.
bool IsOff(const v1::SamplingParams& params, const Knob& knob,
           uint32_t vocab_size);

// The least and the greatest of a schedule's values; both are a constant's.
struct Extent {
  double least;
  double most;

  bool Is(double value) const { return least == value && most == value; }
};

// Values that a number may have.
struct NumberRange {
  double min;
  double max;
  bool min_open;  // true: min itself is outside
  bool max_open;
  bool whole;

  bool Contains(double value) const;  // false for NaN
  bool Contains(const Extent& extent) const;
};
// Nothing: not a number.
std::optional<NumberRange> RangeOf(const Knob& knob);

// A number by its effect: absent is the off value, top_k at most vocab_size,
// an absent window or max_tokens 1048576. A switch is 0 or 1. 0 for what has no
// number.
Extent EffectOf(const v1::SamplingParams& params, const Knob& knob,
                uint32_t vocab_size);
// logitd/1 where it is not one that this build knows.
Dialect DialectIn(const v1::SamplingParams& params);
// Whether a step at that temperature takes the largest logit, in the dialect of
// the parameters and with a dynamic range of that.
bool IsGreedyAt(const v1::SamplingParams& params, double temperature,
                double range);
// "0.7", of a schedule "0.7 to 1", with all digits of a whole number.
std::string Text(const Extent& extent, bool whole);
// `knob` has a RangeOf that contains the value.
void SetNumber(const Knob& knob, double value, v1::SamplingParams* params);
// Keeps the knob's effect in [min, max], which is in its RangeOf: changes a
// constant, limits a schedule.
void Limit(const Knob& knob, double min, double max, uint32_t vocab_size,
           v1::SamplingParams* params);

// As Digits(value), but of a whole number all of them.
std::string Digits(double value, bool whole);
// "(0, 1]".
std::string RangeText(const NumberRange& range);
// "1.5 is outside (0, 1]": a request gets the same words.
std::string Outside(double value, const NumberRange& range);
std::string Outside(const Extent& extent, const NumberRange& range);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_KNOB_H_
