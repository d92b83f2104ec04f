// Receipts: what a session recorded, as the contract has it.
#include <string>

#include "service/convert.h"
#include "service/profiles/binding.h"
#include "service/profiles/catalog_name.h"

namespace logitd {
namespace {

// What opens it again under the same rules.
void WriteRequest(const SessionRecord::Part& part, v1::OpenSession* open) {
  const auto& binding = static_cast<const Binding&>(*part.origin);
  open->set_vocab_size(binding.vocab_size);
  *open->mutable_params() = binding.request;
  for (const v1::Phase& phase : binding.request_phases) {
    *open->add_phases() = phase;
  }
  if (binding.profile != nullptr) {
    open->set_profile(NameWithRevision(*binding.profile));
  }
  open->set_seed(part.seed);
  open->set_salt(part.salt);
  open->set_expected_fingerprint(part.rules->fingerprint);
  for (const std::string& line : part.rules->lines) {
    open->add_expected_fingerprint_lines(line);
  }
}

void WriteStart(const SessionRecord::Start& start, v1::OpenSession* open) {
  if (!start.prompt.empty()) {
    open->set_prompt(WriteIds(start.prompt));
  } else if (start.prompt_length > 0) {
    open->set_prompt_length(start.prompt_length);
  }
  open->set_initial_phase(start.initial_phase);
  open->set_state(WriteFeedback(start.feedback));
}

void WriteTokens(const std::vector<TakenToken>& tokens, v1::Receipt* wire) {
  TokenIds ids;
  uint32_t attempts = 0;
  uint32_t inputs = 0;
  for (const TakenToken& taken : tokens) {
    ids.push_back(taken.token());
    wire->mutable_origins()->push_back(static_cast<char>(taken.origin()));
    wire->add_row_digests(taken.row_digest());
    attempts |= taken.attempt();
    inputs |= taken.inputs();
  }
  wire->set_tokens(WriteIds(ids));
  for (const TakenToken& taken : tokens) {
    if (attempts != 0) wire->add_attempts(taken.attempt());
    if (inputs != 0) {
      wire->mutable_inputs()->push_back(static_cast<char>(taken.inputs()));
    }
  }
}

}  // namespace

void WriteReceipt(const SessionRecord& record, v1::Receipt* wire) {
  for (const SessionRecord::Part& part : record.parts()) {
    v1::ReceiptPart* written = wire->add_parts();
    written->set_first(part.first);
    WriteRequest(part, written->mutable_open());
  }
  WriteStart(record.start(), wire->mutable_parts(0)->mutable_open());
  WriteTokens(record.tokens(), wire);
}

}  // namespace logitd
