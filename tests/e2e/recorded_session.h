// A session on a stream of its own that asks for a receipt, and the rows that
// its tokens had: what a client does between the tokens, at random or asked.
#ifndef LOGITD_TESTS_E2E_RECORDED_SESSION_H_
#define LOGITD_TESTS_E2E_RECORDED_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "logitd/v1/sampling.pb.h"
#include "service/client/client.h"
#include "service/client/replay.h"
#include "tests/support/rows.h"

namespace logitd::testing {

class RecordedSession {
 public:
  // Opened with `open`, whose session_id is set here.
  RecordedSession(const client::Client& client, v1::OpenSession open);

  // What a token is drawn from besides its row: a mask that allows every third
  // id, another row, a draft of id 5 that has all of the drafter's probability.
  struct Inputs {
    bool mask = false;
    bool guidance = false;
    bool draft = false;
  };

  // Draws a token.
  void Step(Inputs inputs = {false, false, false});
  void Peek();
  void Give(uint32_t token);
  void Append(const std::vector<uint32_t>& tokens);
  void Rewind(uint32_t tokens);  // so many back
  void Update(const v1::UpdateSession& update);
  void Fork(uint32_t index);  // goes on as the copy
  // Any of these but a mask.
  void DoSomething(tests::Dice* dice);

  v1::SessionClosed Close();

  bool is_finished() const { return finished_; }
  uint32_t token_count() const { return static_cast<uint32_t>(rows_.size()); }
  // The rows of the tokens that have one, with what they can be masked and
  // guided by.
  client::ReplayRows rows(bool with_masks = false, bool with_guidance = false);

 private:
  v1::SampleResponse Call(v1::SampleRequest* request);
  void Enter(v1::EntryMode mode, uint32_t given, Inputs inputs);
  std::string Mask() const;

  std::unique_ptr<client::Stream> stream_;
  uint64_t id_ = 1;
  uint64_t requests_ = 0;
  uint32_t vocab_size_;
  uint32_t position_ = 0;
  uint32_t attempt_ = 0;
  bool finished_ = false;
  std::vector<std::string> rows_;    // of each token; empty: it has none
  std::vector<uint32_t> positions_;  // of each token
  std::string joined_;
  std::string joined_guidance_;
  std::string joined_masks_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_RECORDED_SESSION_H_
