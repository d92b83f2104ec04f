#include "service/client/logitctl/profile_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/profile_leaves.h"
#include "service/client/logitctl/profile_text.h"

namespace logitd::logitctl {
namespace {

std::set<std::string> PhasesOf(const Leaves& leaves) {
  std::set<std::string> phases;
  for (const auto& [path, leaf] : leaves.values) {
    phases.insert(leaf.phase);
  }
  return phases;
}

// The phases of one side only.
std::set<std::string> LonePhases(const Leaves& before, const Leaves& after) {
  const std::set<std::string> a = PhasesOf(before);
  const std::set<std::string> b = PhasesOf(after);
  std::set<std::string> lone;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::inserter(lone, lone.end()));
  lone.erase("");
  return lone;
}

std::string Turned(const Leaf& leaf, const std::set<std::string>& lone_phases) {
  if (lone_phases.count(leaf.phase) > 0) {
    return leaf.phase;
  }
  return leaf.knob.empty() ? "" : absl::StrCat(leaf.phase, leaf.knob);
}

// The names that are in `others` too, in the order of `names`.
std::vector<std::string> Common(const std::vector<std::string>& names,
                                const std::vector<std::string>& others) {
  std::vector<std::string> common;
  for (const std::string& name : names) {
    if (std::count(others.begin(), others.end(), name) > 0) {
      common.push_back(name);
    }
  }
  return common;
}

std::string NamesText(const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  texts.reserve(names.size());
  for (const std::string& name : names) {
    texts.push_back(JsonString(name));
  }
  return JsonArray(texts);
}

// Of phases the order counts; a clamp's place is how replies call it.
void AddOrders(const Leaves& before, const Leaves& after,
               std::map<std::string, Change>* changes) {
  for (const auto& [path, names] : before.orders) {
    const auto found = after.orders.find(path);
    if (found != after.orders.end() &&
        Common(names, found->second) != Common(found->second, names)) {
      (*changes)[path] = {path, NamesText(names), NamesText(found->second), ""};
    }
  }
}

}  // namespace

std::vector<Change> Diff(const v1::Profile& before, const v1::Profile& after) {
  const Leaves old_leaves = LeavesOf(before);
  const Leaves new_leaves = LeavesOf(after);
  const std::set<std::string> lone = LonePhases(old_leaves, new_leaves);
  std::map<std::string, Change> changes;
  for (const auto& [path, leaf] : old_leaves.values) {
    changes[path] = {path, leaf.text, kAbsent, Turned(leaf, lone)};
  }
  for (const auto& [path, leaf] : new_leaves.values) {
    Change& change = changes[path];
    if (change.before == leaf.text) {
      changes.erase(path);
    } else {
      change = {path, change.path.empty() ? kAbsent : change.before, leaf.text,
                Turned(leaf, lone)};
    }
  }
  AddOrders(old_leaves, new_leaves, &changes);
  std::vector<Change> list;
  list.reserve(changes.size());
  for (const auto& [path, change] : changes) {
    list.push_back(change);
  }
  return list;
}

std::string ChangeText(const Change& change) {
  return absl::StrCat(EscapeControls(change.path), ": ", change.before, " -> ",
                      change.after);
}

std::string DiffJson(const v1::Profile& before, const v1::Profile& after) {
  const auto value = [](const std::string& text) {
    return text == kAbsent ? std::string("null") : text;
  };
  const auto name = [](const v1::Profile& profile) {
    return profile.revision().empty() ? std::string("null")
                                      : JsonString(RevisionName(profile));
  };
  std::vector<std::string> changes;
  for (const Change& change : Diff(before, after)) {
    changes.push_back(JsonObject({{"field", JsonString(change.path)},
                                  {"before", value(change.before)},
                                  {"after", value(change.after)}}));
  }
  return JsonObject({{"before", name(before)},
                     {"after", name(after)},
                     {"changes", JsonArray(changes)}});
}

std::string ManyKnobsWarning(const std::vector<Change>& changes) {
  std::set<std::string> knobs;
  for (const Change& change : changes) {
    knobs.insert(change.knob);
  }
  knobs.erase("");
  if (knobs.size() < 2) {
    return "";
  }
  return absl::StrCat(
      knobs.size() == 2 ? std::string("two") : absl::StrCat(knobs.size()),
      " knobs changed at once: you will not know which one did it");
}

}  // namespace logitd::logitctl
