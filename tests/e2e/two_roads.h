// A server on a Unix socket and on TCP, and neighbours on both roads whose
// tokens show whether others disturb them.
// Threads: the main thread's.
#ifndef LOGITD_TESTS_E2E_TWO_ROADS_H_
#define LOGITD_TESTS_E2E_TWO_ROADS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/generation.h"
#include "tests/e2e/processes.h"

namespace logitd::testing {

class TwoRoads {
 public:
  explicit TwoRoads(const std::vector<std::string>& flags = {});

  Logitd& server() { return server_; }
  const Logitd& server() const { return server_; }
  std::vector<std::string> targets() const { return {server_.target(), tcp_}; }
  bool Serves();
  std::string Errors() { return server_.process().Errors(); }
  // So many streams and sessions are open.
  bool Has(double streams, double sessions) const;
  std::string File(const std::string& name) const { return folder_.File(name); }

 private:
  const TempFolder folder_;
  Logitd server_;
  std::string tcp_;
};

// A stream on a connection that nothing else uses, without keepalive of its
// own.
std::unique_ptr<client::Stream> StreamOfItsOwn(const std::string& target);

// Somebody who goes on: a stream on each road, with two sessions each.
class Neighbours {
 public:
  static constexpr double kStreams = 2;
  static constexpr double kSessions = 4;

  explicit Neighbours(const TwoRoads& roads);

  // One token for each session.
  void Step();
  // Steps until it holds; false after a minute or if a step fails.
  bool StepUntil(const std::function<bool()>& holds);
  // Of each stream.
  size_t steps() const { return generations_[0].tokens.size(); }
  void ExpectUndisturbed() const { ExpectAsUndisturbed(generations_); }

 private:
  std::vector<std::unique_ptr<client::Stream>> streams_;
  std::vector<Generation> generations_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_TWO_ROADS_H_
