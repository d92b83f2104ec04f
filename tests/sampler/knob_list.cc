#include "tests/sampler/knob_list.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"

namespace logitd::tests {
namespace {

using List = std::vector<Knob>;

std::string IdsUpTo(size_t count) {
  return absl::StrCat("ids, at most ", count);
}

// A knob that is an optional: on unless it is `off`.
template <class Value>
Knob Scalar(std::optional<Value> Params::*value, Value off) {
  Knob knob;
  knob.is_on = [=](const Params& p) { return (p.*value).value_or(off) != off; };
  knob.take_away = [=](Params* p) { (p->*value).reset(); };
  return knob;
}

// Its schedule goes with its constant.
Knob WithSchedule(Knob knob, int field) {
  knob.take_away = [constant = knob.take_away, field](Params* p) {
    constant(p);
    std::erase_if(p->schedules,
                  [field](const Schedule& s) { return s.field == field; });
  };
  return knob;
}

// A knob that is a list: on unless it is empty.
template <class Value>
Knob Listed(std::vector<Value> Params::*value) {
  Knob knob;
  knob.off = "empty";
  knob.is_on = [=](const Params& p) { return !(p.*value).empty(); };
  knob.take_away = [=](Params* p) { (p->*value).clear(); };
  return knob;
}

void Add(Knob knob, const std::string& name, int field,
         const std::string& range, const std::string& off, List* list) {
  knob.name = name;
  knob.field = field;
  knob.range = range;
  if (!off.empty()) knob.off = off;
  list->push_back(std::move(knob));
}

void AddNumbers(List* list) {
  for (const RealKnob& k : kRealKnobs) {
    Add(WithSchedule(Scalar(k.value, k.off), k.field), k.name, k.field,
        absl::StrCat(k.min_open ? "(" : "[", k.min, ", ", k.max,
                     k.max_open ? ")" : "]"),
        absl::StrCat(k.off), list);
  }
  for (const CountKnob& k : kCountKnobs) {
    const bool any = k.off == kNoOff;
    const bool is_top_k = k.value == &Params::top_k;
    Add(WithSchedule(Scalar(k.value, k.off), k.field), k.name, k.field,
        absl::StrCat("[", k.min, ", ", k.max, "]"),
        is_top_k ? ">= vocab_size"
        : any    ? "absent"
                 : absl::StrCat(k.off),
        list);
  }
  for (const SwitchKnob& k : kSwitchKnobs) {
    Add(Scalar(k.value, false), k.name, k.field, "", "false", list);
  }
}

void AddLists(List* list) {
  for (const IdsKnob& k : kIdsKnobs) {
    Add(Listed(k.value), k.name, k.field, IdsUpTo(k.count_max), "", list);
  }
  for (const SequencesKnob& k : kSequencesKnobs) {
    Add(Listed(k.value), k.name, k.field,
        absl::StrCat("sequences of 1 to ", kStopSequenceTokensMax,
                     " ids, at most ", kStopSequencesMax),
        "", list);
  }
  Add(Listed(&Params::forced_tokens), "forced_tokens", kForcedTokensField,
      IdsUpTo(kIdsMax), "", list);
  Add(Listed(&Params::steps), "steps", kStepsField,
      absl::StrCat("names of ", kOrderedStageCount, " stages, none twice"), "",
      list);
  Add(Listed(&Params::schedules), "schedules", kSchedulesField,
      absl::StrCat("1 to ", kSchedulePointsMax, " points, of a knob's range"),
      "", list);
}

// Ids and values are one stage, and no use without each other.
void AddBias(List* list) {
  Knob bias;
  bias.is_on = [](const Params& p) {
    const auto& values = p.logit_bias_values;
    return std::any_of(values.begin(), values.end(),
                       [](double value) { return value != 0; });
  };
  bias.take_away = [](Params* p) {
    p->logit_bias_ids.clear();
    p->logit_bias_values.clear();
  };
  Add(bias, "logit_bias_ids", kBiasIdsField, IdsUpTo(kBiasMax), "empty", list);
  Add(bias, "logit_bias_values", kBiasIdsField, "[-100, 100]", "0", list);
}

void AddRules(List* list) {
  Add(Scalar(&Params::on_empty, OnEmpty::kRelax), "on_empty", kOnEmptyField, "",
      "RELAX", list);
  Add(Scalar(&Params::on_non_finite, OnNonFinite::kReject), "on_non_finite",
      kOnNonFiniteField, "", "REJECT", list);
  Add(Scalar(&Params::on_conflict, OnConflict::kMaskWins), "on_conflict",
      kOnConflictField, "", "MASK_WINS", list);
  Add(Scalar(&Params::dialect, Dialect::kLogitd), "dialect", kDialectField, "",
      RulesOf(Dialect::kLogitd).name, list);
}

void AddThinking(List* list) {
  Knob thinking;
  thinking.is_on = [](const Params& p) {
    return p.thinking_budget.has_value();
  };
  thinking.take_away = [](Params* p) { p->thinking_budget.reset(); };
  Add(thinking, "thinking_budget", kThinkingBudgetField,
      absl::StrCat("max_tokens [0, ", kCountMax, "], sequences of at most ",
                   kStopSequenceTokensMax, " ids"),
      "absent", list);
}

List Make() {
  List list;
  AddNumbers(&list);
  AddLists(&list);
  AddBias(&list);
  AddRules(&list);
  AddThinking(&list);
  return list;
}

}  // namespace

const std::vector<Knob>& AllKnobs() {
  static const List list = Make();
  return list;
}

}  // namespace logitd::tests
