// logitd_digest [--target NAME] [--plant]: prints, for each kernel table that
// this processor can execute (or the one named), a line
//   digest AVX2 0123456789abcdef cases=3200
// --plant makes the last target printed one ulp wrong, to see a red run. Exit
// code 0; 2 when the arguments are wrong or the target cannot be executed here.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "tests/sampler/digest.h"

namespace {

using logitd::kernels::KernelTable;

void Print(const KernelTable& kernels) {
  const logitd::tests::Digest digest = logitd::tests::DigestOf(kernels);
  std::printf("digest %s %016" PRIx64 " cases=%d\n", kernels.name, digest.value,
              digest.cases);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const logitd::kernels::KernelList list = logitd::kernels::Available();
  std::vector<const KernelTable*> targets(list.tables,
                                          list.tables + list.count);
  bool plant = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--plant") == 0) {
      plant = true;
    } else if (std::strcmp(argv[i], "--target") == 0 && i + 1 < argc) {
      const KernelTable* named = logitd::kernels::Find(argv[++i]);
      if (named == nullptr) {
        std::fprintf(stderr, "--target: %s cannot be executed here\n", argv[i]);
        return 2;
      }
      targets = {named};
    } else {
      std::fprintf(stderr, "usage: logitd_digest [--target NAME] [--plant]\n");
      return 2;
    }
  }
  for (const KernelTable* target : targets) {
    const bool wrong = plant && target == targets.back();
    Print(wrong ? logitd::tests::WithPlantedMistake(*target) : *target);
  }
  return 0;
}
