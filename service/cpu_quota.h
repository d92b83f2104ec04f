// How many processors this process may keep busy: the least of its affinity
// and of the CPU quotas of its control groups (v2 cpu.max, v1
// cpu.cfs_quota_us).
//
// More busy threads than that are throttled: a row of 0.4 ms then takes 60.
// Reads files once at start; thread-safe.
#ifndef LOGITD_SERVICE_CPU_QUOTA_H_
#define LOGITD_SERVICE_CPU_QUOTA_H_

#include <cstddef>
#include <optional>
#include <string>

namespace logitd {

// CPUs' worth of quota, the least on the way up from the process's group;
// nothing when there is none. `root` stands for "/" in tests.
std::optional<double> CpuQuota(const std::string& root = "");

// At least 1.
size_t UsableCpus();

}  // namespace logitd

#endif  // LOGITD_SERVICE_CPU_QUOTA_H_
