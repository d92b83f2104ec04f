// Readings: what a scrape reads rather than counts. Plain values.
#ifndef LOGITD_SERVICE_METRICS_READINGS_H_
#define LOGITD_SERVICE_METRICS_READINGS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace logitd {

// Facts of the build and the machine, for logitd_build_info.
struct BuildFacts {
  std::string version;
  std::string semantics;
  std::string core;
  std::string instruction_set;
};

// What the process uses, from /proc; zero what cannot be read.
struct ProcessReadings {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double threads = 0;
  double open_fds = 0;
  double max_fds = 0;
};

// A part of the process, or a store: named, and well or not.
struct Wellness {
  std::string name;
  bool up = false;
};

struct ProfileRevision {
  std::string profile;
  std::string revision;
};

struct Readings {
  uint64_t queue_depth = 0;
  uint64_t worker_threads = 0;
  uint64_t unanswered_bytes = 0;
  double queue_delay_seconds = 0;
  uint64_t profiles = 0;
  uint64_t profile_changes = 0;
  uint64_t profile_watchers = 0;
  std::vector<ProfileRevision> revisions;
  std::vector<Wellness> stores;
  std::vector<Wellness> components;
  bool ready = false;
  bool draining = false;
};

ProcessReadings ReadProcess();

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_READINGS_H_
