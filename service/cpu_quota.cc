#include "service/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace logitd {
namespace {

constexpr char kGroups[] = "/sys/fs/cgroup";

std::optional<std::string> FirstLine(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

void TakeLeast(std::optional<double> quota, std::optional<double>* least) {
  if (quota && (!*least || *quota < **least)) *least = quota;
}

// "<quota> <period>", quota "max" or negative: none.
std::optional<double> Ratio(const std::string& quota,
                            const std::string& period) {
  double quota_us = 0;
  double period_us = 0;
  if (!absl::SimpleAtod(quota, &quota_us) || quota_us <= 0 ||
      !absl::SimpleAtod(period, &period_us) || period_us <= 0) {
    return std::nullopt;
  }
  return quota_us / period_us;
}

std::optional<double> QuotaV2(const std::string& folder) {
  const auto line = FirstLine(folder + "/cpu.max");
  if (!line) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(*line, ' ');
  return parts.size() == 2 ? Ratio(parts[0], parts[1]) : std::nullopt;
}

std::optional<double> QuotaV1(const std::string& folder) {
  const auto quota = FirstLine(folder + "/cpu.cfs_quota_us");
  const auto period = FirstLine(folder + "/cpu.cfs_period_us");
  return quota && period ? Ratio(*quota, *period) : std::nullopt;
}

// Asks `quota_of` for the group's folder and for all above it. Inside a
// container the path is often the host's; then only the mount's root is there.
template <class QuotaOf>
void Climb(const std::string& mount, std::string path, const QuotaOf& quota_of,
           std::optional<double>* least) {
  for (;;) {
    TakeLeast(quota_of(mount + path), least);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return;
    path.resize(slash);
  }
}

}  // namespace

std::optional<double> CpuQuota(const std::string& root) {
  std::optional<double> least;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::string& controllers = parts[1];
    const std::string path = parts[2] == "/" ? "" : parts[2];
    if (controllers.empty()) {
      Climb(root + kGroups, path, QuotaV2, &least);
      Climb(root + kGroups + "/unified", path, QuotaV2, &least);
      continue;
    }
    const std::vector<std::string> names = absl::StrSplit(controllers, ',');
    if (std::find(names.begin(), names.end(), "cpu") == names.end()) continue;
    Climb(absl::StrCat(root, kGroups, "/", controllers), path, QuotaV1, &least);
    Climb(absl::StrCat(root, kGroups, "/cpu"), path, QuotaV1, &least);
  }
  return least;
}

size_t UsableCpus() {
  size_t cpus = 1;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    cpus = static_cast<size_t>(CPU_COUNT(&set));
  }
  if (const auto quota = CpuQuota()) {
    cpus = std::min(cpus, static_cast<size_t>(*quota));
  }
  return std::max<size_t>(cpus, 1);
}

}  // namespace logitd
