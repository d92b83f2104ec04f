// Writes to a SqliteStore until it is killed, and says on stdout what was
// acknowledged: "<name> <revision> <value>\n", of a deletion with "-" for the
// revision, one write(2) a line, after Commit has returned. Its parent keeps
// the ledger. Each name is now and then deleted and made anew.
//
//   ledger_writer <data_dir> <first value> <count>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/profiles/sqlite_store.h"

namespace logitd {
namespace {

constexpr uint32_t kNames = 5;
constexpr uint32_t kDeleteEvery = 7;

void Tell(const std::string& line) {
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(3);
}

int Run(const std::string& data_dir, uint32_t first, uint32_t count) {
  StoreLimits limits;
  limits.revisions_max = 1'000'000;
  auto store = SqliteStore::Open(data_dir, limits);
  if (!store.ok()) {
    Tell(absl::StrCat("! ", store.status().ToString(), "\n"));
    return 1;
  }
  std::map<std::string, std::string> current;
  const auto loaded = (*store)->Load();
  if (!loaded.ok()) return 2;
  for (const StoredRevision& stored : loaded->profiles) {
    current[stored.profile.name()] = stored.profile.revision();
  }
  for (uint32_t value = first; value < first + count; ++value) {
    Change change;
    change.name = absl::StrCat("profiles/p", value % kNames);
    change.content.set_name(change.name);
    change.content.mutable_default_params()->set_top_k(value);
    change.content.set_description(std::string(value % 3000, 'x'));
    change.expected_revision = current[change.name];
    change.is_delete =
        value % kDeleteEvery == 0 && !change.expected_revision.empty();
    change.time = absl::Now();
    const auto stored = (*store)->Commit(change);
    if (!stored.ok()) {
      Tell(absl::StrCat("! ", stored.status().ToString(), "\n"));
      return 2;
    }
    current[change.name] = change.is_delete ? "" : stored->profile.revision();
    Tell(absl::StrCat(change.name, " ",
                      change.is_delete ? "-" : stored->profile.revision(), " ",
                      value, "\n"));
  }
  return 0;
}

}  // namespace
}  // namespace logitd

int main(int argc, char** argv) {
  uint32_t first = 0;
  uint32_t count = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[2], &first) ||
      !absl::SimpleAtoi(argv[3], &count)) {
    return 64;
  }
  return logitd::Run(argv[1], first, count);
}
