// What a session got, as logitctl tells it: levels, what clamps changed, and
// what the caller asked for and did not get. Knows no server. Threads: free
// functions. Cost: O(knobs).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_RESOLVED_TEXT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_RESOLVED_TEXT_H_

#include <string>
#include <vector>

#include "logitd/v1/sampling.pb.h"

namespace logitd::logitctl {

// "PARAM_LEVEL_PROFILE_DEFAULT" -> "profile default".
std::string LevelText(v1::ParamLevel level);

// The value of a knob that is off; "none" of a list.
std::string OffText(const v1::Provenance& from);

// `title`, then a line for each knob that some level set: its value, and where
// it came from; then what clamps changed.
std::string KnobsText(const std::string& title,
                      const v1::SessionOpened& resolved);
std::string KnobsText(const std::string& title,
                      const v1::ResolvedPhase& resolved);
std::string KnobsText(const std::string& title,
                      const v1::ExplainResponse& resolved);

// A knob whose value in force is not the one asked for.
struct Overruled {
  std::string knob;
  std::string asked;  // JSON
  std::string used;
  std::string by;  // "profile clamps[0]", "profile force"

  bool operator==(const Overruled& other) const {
    return knob == other.knob && asked == other.asked && used == other.used &&
           by == other.by;
  }
};

Overruled OfClamp(const v1::Clamped& clamped);

// "temperature: asked 1.9, used 1, by profile clamps[0]".
std::string OverruledText(const Overruled& overruled);

// The knobs of `asked` to which a force gave another value, by name: outside
// all phases, or in one.
std::vector<Overruled> ForcedIn(const v1::SamplingParams& asked,
                                const v1::SessionOpened& opened);
std::vector<Overruled> ForcedIn(const v1::SamplingParams& asked,
                                const v1::ResolvedPhase& phase);

// The knobs of `asked` that were clamped or forced outside all phases, by name.
std::vector<Overruled> OverruledInBase(const v1::SamplingParams& asked,
                                       const v1::SessionOpened& opened);

// A line for each, of phases too where they differ from the base.
std::vector<std::string> OverruledTexts(const v1::SamplingParams& asked,
                                        const v1::SessionOpened& opened);

// OverruledTexts on stderr.
void PrintOverruled(const v1::SamplingParams& asked,
                    const v1::SessionOpened& opened);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_RESOLVED_TEXT_H_
