// Inquiry: what is asked about a session without moving it: an explanation, a
// check of tokens.
//
// Works on a copy of the session and in turns, so that others have theirs; one
// may be worth thousands of rows. Reads in the bytes of its request and writes
// into its answer, which both must outlive it. Confined to one thread at a
// time.
#ifndef LOGITD_SERVICE_INQUIRY_H_
#define LOGITD_SERVICE_INQUIRY_H_

#include <chrono>

#include "absl/status/statusor.h"
#include "sampler/workspace.h"

namespace logitd {

class Inquiry {
 public:
  // How long a turn of many rows lasts.
  static constexpr std::chrono::milliseconds kTurn{2};

  virtual ~Inquiry() = default;

  // Goes on for a turn. True: the answer is complete. After an error, which
  // reads "<field>: <why>", it is over.
  virtual absl::StatusOr<bool> RunTurn(Workspace* workspace) = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_INQUIRY_H_
