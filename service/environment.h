// Environment: what every call works with, owned by the server.
//
// References only; all outlive every call. Everything in it is thread-safe.
#ifndef LOGITD_SERVICE_ENVIRONMENT_H_
#define LOGITD_SERVICE_ENVIRONMENT_H_

#include <atomic>

#include "sampler/sampler.h"
#include "service/admission.h"
#include "service/executor.h"
#include "service/limits.h"
#include "service/metrics.h"
#include "service/profiles/binding.h"
#include "service/session/server_seed.h"
#include "service/workers.h"

namespace logitd {

struct Environment {
  const Limits& limits;
  const Sampler& sampler;
  Workers& workers;
  Admission& admission;
  ServerSeeds& seeds;
  Metrics& metrics;
  const std::atomic<bool>& draining;
  const ProfileRules& profiles;
  Executor& executor;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ENVIRONMENT_H_
