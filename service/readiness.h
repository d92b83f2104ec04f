// Readiness: how the parts of the process are, for /readyz and the metrics.
//
//   listeners        connections are taken and new sessions are served
//   executor         the threads of profile calls that wait for disks answer
//   store            every profile store is well; else the last good profiles
//                    serve
//   default_profile  it is there, or none was asked for; else sessions that
//                    name no profile cannot open
//
// Only the listeners decide whether the process is ready: rows need none of the
// others, and a replica that is degraded serves better than none. At the start
// the listeners wait for the default profile. Thread-safe; may be called often:
// one probe of the executor is under way at a time.
#ifndef LOGITD_SERVICE_READINESS_H_
#define LOGITD_SERVICE_READINESS_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "service/executor.h"
#include "service/profile_host.h"

namespace logitd {

struct Component {
  std::string name;
  bool up = false;
  std::string why;  // not empty when it is not up
};

struct ReadinessPage {
  bool ready = false;
  std::string text;  // "ready" or "not ready", then a line for each part
};

// Whether an executor does what it is given within kPatience.
class ExecutorProbe {
 public:
  static constexpr std::chrono::seconds kPatience{5};

  // The executor outlives the probe.
  explicit ExecutorProbe(Executor* executor);

  // Asks anew if nothing is asked; empty: well.
  std::string Check(std::chrono::steady_clock::time_point now);

 private:
  struct Asked;  // shared with the task that answers
  Executor* const executor_;
  std::mutex mu_;  // guards asked_
  std::shared_ptr<Asked> asked_;
};

// `why_not` of the listeners is empty when they serve.
std::vector<Component> CheckComponents(const std::string& why_not,
                                       ProfileHost& profiles,
                                       ExecutorProbe* probe);

ReadinessPage MakeReadinessPage(const std::vector<Component>& components);

}  // namespace logitd

#endif  // LOGITD_SERVICE_READINESS_H_
