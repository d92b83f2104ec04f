#include "service/metrics_readings.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/numbers.h"

namespace logitd {
namespace {

double OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = -3;  // ".", ".." and the folder itself
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// Fields 20 (threads) and 24 (resident pages) of /proc/self/stat.
void ReadStat(ProcessReadings* process) {
  std::ifstream file("/proc/self/stat");
  std::string text;
  if (!std::getline(file, text, ')')) return;  // the name may hold spaces
  for (int field = 3; file >> text; ++field) {
    if (field == 20) (void)absl::SimpleAtod(text, &process->threads);
    if (field != 24) continue;
    (void)absl::SimpleAtod(text, &process->resident_bytes);
    process->resident_bytes *= static_cast<double>(sysconf(_SC_PAGESIZE));
    return;
  }
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessReadings ReadProcess() {
  ProcessReadings process;
  ReadStat(&process);
  process.open_fds = OpenDescriptors();
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    process.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    process.max_fds = static_cast<double>(limit.rlim_cur);
  }
  return process;
}

}  // namespace logitd
