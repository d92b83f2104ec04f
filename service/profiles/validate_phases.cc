#include "service/profiles/validate_phases.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "service/profiles/validate_params.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

constexpr size_t kNameBytesMax = 32;

using Phases = std::vector<const v1::Phase*>;
using Indices = std::map<std::string, size_t>;  // by name, the first of each

std::string At(size_t index, absl::string_view field) {
  return absl::StrCat("phases[", index, "].", field);
}

bool IsPhaseName(absl::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name[0] >= 'a' &&
         name[0] <= 'z' && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Indices ValidateNames(const Phases& phases, Violations* violations) {
  Indices indices;
  for (size_t i = 0; i < phases.size(); ++i) {
    const std::string& name = phases[i]->name();
    if (!IsPhaseName(name)) {
      violations->push_back(
          {At(i, "name"),
           absl::StrCat(Quote(name), " is not [a-z][a-z0-9_]{0,31}")});
    }
    const auto [at, is_new] = indices.try_emplace(name, i);
    if (is_new) continue;
    violations->push_back(
        {At(i, "name"), absl::StrCat(Quote(name), " is already the name of ",
                                     "phases[", at->second, "]")});
  }
  return indices;
}

// Each phase is directly inside one other, so a circle is met by walking.
void ValidateWithin(const Phases& phases, const Indices& indices,
                    Violations* violations) {
  std::set<size_t> told;
  for (size_t i = 0; i < phases.size(); ++i) {
    const std::string& within = phases[i]->within();
    if (!within.empty() && indices.count(within) == 0) {
      violations->push_back(
          {At(i, "within"),
           absl::StrCat(Quote(within), " is not the name of a phase")});
      continue;
    }
    std::vector<std::string> names = {phases[i]->name()};
    std::vector<size_t> walked = {i};
    auto next = indices.find(within);
    while (next != indices.end() && next->second != i &&
           walked.size() <= phases.size()) {
      names.push_back(next->first);
      walked.push_back(next->second);
      next = indices.find(phases[next->second]->within());
    }
    const bool is_circle = next != indices.end() && next->second == i;
    if (!is_circle || told.count(i) > 0) continue;
    told.insert(walked.begin(), walked.end());
    names.push_back(phases[i]->name());
    violations->push_back(
        {At(i, "within"), absl::StrCat("a circle that is never entered: ",
                                       absl::StrJoin(names, " within "))});
  }
}

// Of two phases that may be entered from one place by one sequence, the second
// would wait for the first to be entered already.
void ValidateEnters(const Phases& phases, Violations* violations) {
  std::map<absl::string_view, std::set<size_t>> entered;  // by each sequence
  for (size_t i = 0; i < phases.size(); ++i) {
    for (int j = 0; j < phases[i]->enter_size() && !IsFull(*violations); ++j) {
      std::set<size_t>& before = entered[phases[i]->enter(j).tokens()];
      const auto same =
          std::find_if(before.begin(), before.end(), [&](size_t other) {
            const std::string& theirs = phases[other]->within();
            const std::string& own = phases[i]->within();
            return other != i &&
                   (own == theirs || own.empty() || theirs.empty());
          });
      if (same != before.end()) {
        violations->push_back(
            {At(i, absl::StrCat("enter[", j, "]")),
             absl::StrCat("also enters phases[", *same, "]")});
      }
      before.insert(i);
    }
  }
}

void ValidatePhase(size_t index, const v1::Phase& phase, const Limits& limits,
                   uint32_t vocab_size, Violations* violations) {
  if (phase.enter_size() == 0) {
    violations->push_back(
        {At(index, "enter"), "is empty: the phase is never entered"});
  }
  ValidateSequences(At(index, "enter"), phase.enter(), limits, vocab_size,
                    violations);
  ValidateSequences(At(index, "leave"), phase.leave(), limits, vocab_size,
                    violations);
  ValidateParams(At(index, "default_params."), phase.default_params(), limits,
                 vocab_size, violations);
  ValidateParams(At(index, "force_params."), phase.force_params(), limits,
                 vocab_size, violations);
  ValidateClamps(At(index, ""), phase.clamps(), violations);
}

}  // namespace

void ValidatePhases(const Phases& phases, const Limits& limits,
                    uint32_t vocab_size, Violations* violations) {
  if (phases.size() > kPhasesMax) {
    violations->push_back(
        {"phases",
         absl::StrCat(phases.size(), " phases are more than ", kPhasesMax)});
    return;
  }
  const Indices indices = ValidateNames(phases, violations);
  for (size_t i = 0; i < phases.size(); ++i) {
    ValidatePhase(i, *phases[i], limits, vocab_size, violations);
  }
  ValidateWithin(phases, indices, violations);
  ValidateEnters(phases, violations);
}

}  // namespace logitd
