// Compiles the loops once per instruction set and lists the tables that this
// processor can run.
//
// Only Highway, <cstddef> and <cstdint> may be included per target: a standard
// container compiled here for AVX-512 could become the one that every caller
// links, and crash older processors.
#include "sampler/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sampler/kernels/kernels.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "sampler/kernels/guide-inl.h"
#include "sampler/kernels/lazy-inl.h"
#include "sampler/kernels/load-inl.h"
#include "sampler/kernels/noise-inl.h"
#include "sampler/kernels/rows-inl.h"
#include "sampler/kernels/sums-inl.h"
#include "sampler/kernels/weights-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

const KernelTable* Table() {
  static constexpr KernelTable kTable = {
      nullptr,    LoadF32,         LoadBf16,       LoadF16,
      Screen,     MakeLogits,      MakeWeights,    Guide,
      ApplyMask,  RefreshBlockMax, Largest,        FirstEqual,
      CountGe,    CountCut,        LastOf,         Gather,
      Weigh,      SumWeights,      SpreadOfBlocks, MassGe,
      GatherMass, MassCut,         RestrictTo,     RestrictToListed,
      SplitMass,  MassOfBlocks,    WeightedSum,    SquaresOfWeights,
      SumOfD,     SquaresAround,   Surprisals,     RestrictToSurprisals,
      NoiseOf,    Subtract,        Distances,      KeepByKeys,
      BanCut,     Adapt,           ApplyScale};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace logitd::kernels {

HWY_EXPORT(Table);

namespace {

constexpr size_t kTargetsMax = 8;

struct Tables {
  KernelTable tables[kTargetsMax];
  const KernelTable* pointers[kTargetsMax];
  size_t count = 0;
};

// Asks Highway's dispatcher once for each target; afterwards our own pointers
// choose, so that a process can run several targets side by side.
Tables MakeTables() {
  Tables made;
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    if (made.count == kTargetsMax) break;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    made.tables[made.count] = *HWY_DYNAMIC_DISPATCH(Table)();
    made.tables[made.count].name = hwy::TargetName(target);
    ++made.count;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return made;
}

bool SameName(const char* a, const char* b) {
  for (; *a != '\0' && *b != '\0'; ++a, ++b) {
    const auto upper = [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    };
    if (upper(*a) != upper(*b)) return false;
  }
  return *a == *b;
}

}  // namespace

KernelList Available() {
  static const Tables* const tables = [] {
    auto* made = new Tables(MakeTables());
    for (size_t i = 0; i < made->count; ++i) {
      made->pointers[i] = &made->tables[i];
    }
    return made;
  }();
  return {tables->pointers, tables->count};
}

const KernelTable* Find(const char* name) {
  const KernelList list = Available();
  if (SameName(name, "auto")) return list.tables[0];
  for (size_t i = 0; i < list.count; ++i) {
    if (SameName(name, list.tables[i]->name)) return list.tables[i];
  }
  return nullptr;
}

}  // namespace logitd::kernels
#endif  // HWY_ONCE
