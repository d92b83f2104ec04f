#include "tests/e2e/churn_client.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/client/messages.h"
#include "service/client/status.h"
#include "tests/e2e/churn_ledger.h"
#include "tests/e2e/churn_writer.h"
#include "tests/e2e/processes.h"
#include "tests/support/rows.h"

namespace logitd::testing {
namespace {

constexpr uint32_t kRows = 16;
constexpr uint32_t kMoveEvery = 125;
constexpr absl::Duration kStreamTime = absl::Minutes(4);
// In result files, where there is no revision.
constexpr char kNoRevision[] = "-";

// A model of a few rows: which one comes next depends on the last token, so
// that one other token makes another text.
const std::string& Rows() {
  static const auto* const rows = [] {
    tests::Dice dice(512);
    auto* bytes = new std::string;
    for (uint32_t row = 0; row < kRows; ++row) {
      std::vector<float> logits(kChurnVocab);
      for (float& logit : logits) logit = 2 * dice.Normal();
      bytes->append(FloatBytes(logits));
    }
    return bytes;
  }();
  return *rows;
}

uint32_t NextRow(const std::vector<uint32_t>& tokens) {
  const uint32_t last = tokens.empty() ? 0 : tokens.back();
  return (last + static_cast<uint32_t>(tokens.size())) % kRows;
}

template <class Reply>
absl::Status Failure(const Reply& reply) {
  return absl::InternalError(reply.ShortDebugString());
}

template <class Reply>
absl::StatusCode CodeOf(const Reply& reply) {
  return client::ToStatus(reply.error()).code();
}

// A name is waited for while there is none; a revision is always there.
bool IsByName(const v1::OpenSession& open) {
  return !open.profile().empty() && !absl::StrContains(open.profile(), '@');
}

}  // namespace

ChurnSessions::ChurnSessions(std::vector<ChurnPlan> plans, uint32_t token_count,
                             std::function<size_t()> progress)
    : plans_(std::move(plans)),
      token_count_(token_count),
      progress_(std::move(progress)),
      states_(plans_.size(), State::kWaiting),
      told_(plans_.size()) {}

absl::Status ChurnSessions::Run(
    client::Stream* stream, const std::function<absl::Status(uint32_t)>& pace) {
  const auto is_done = [](State state) { return state == State::kDone; };
  for (uint32_t step = 0; !std::all_of(states_.begin(), states_.end(), is_done);
       ++step) {
    LOGITD_RETURN_IF_ERROR(pace(step));
    v1::SampleRequest request = Compose(step);
    request.set_request_id(step);
    const size_t before = progress_();
    v1::SampleResponse reply;
    LOGITD_RETURN_IF_ERROR(stream->Step(request, &reply));
    LOGITD_RETURN_IF_ERROR(Take(request, reply, before));
  }
  return stream->Finish();
}

v1::SampleRequest ChurnSessions::Compose(uint32_t step) const {
  v1::SampleRequest request;
  for (size_t i = 0; i < plans_.size(); ++i) {
    const ChurnPlan& plan = plans_[i];
    const auto count = static_cast<uint32_t>(told_[i].tokens.size());
    if (states_[i] == State::kWaiting && step >= plan.first_step) {
      *request.add_open() = plan.open;
    }
    if (states_[i] != State::kOpen) continue;
    const bool is_over = count == token_count_;
    const bool moves = plan.moves_every > 0 && count > 0 &&
                       count % plan.moves_every == 0 && !is_over;
    if (is_over || moves) request.add_close()->set_session_id(i);
    if (is_over) continue;
    if (moves) ComposeOpen(i, &request);
    if (plan.asks) {
      v1::UpdateSession* const update = request.add_update();
      update->set_session_id(i);
      update->set_rebind(plan.rebinds);
    }
    client::AddEntry(i, count, NextRow(told_[i].tokens),
                     request.mutable_step());
  }
  if (request.has_step()) {
    static_cast<void>(client::SetPackedRows(
        Rows(), v1::DTYPE_FLOAT32, kChurnVocab, request.mutable_step()));
  }
  return request;
}

// The session again, as it would go on at another server.
void ChurnSessions::ComposeOpen(size_t i, v1::SampleRequest* request) const {
  v1::OpenSession* const open = request->add_open();
  *open = plans_[i].open;
  open->set_profile(told_[i].opened_at);
  open->set_generated(client::PackIds(told_[i].tokens));
  open->set_expected_fingerprint(told_[i].bindings[0].second);
}

absl::Status ChurnSessions::Take(const v1::SampleRequest& request,
                                 const v1::SampleResponse& reply,
                                 size_t before) {
  if (reply.closed_size() != request.close_size() ||
      reply.opened_size() != request.open_size() ||
      reply.updated_size() != request.update_size() ||
      reply.has_step() != request.has_step() || reply.draining()) {
    return Failure(reply);
  }
  for (const v1::SessionClosed& closed : reply.closed()) {
    LOGITD_RETURN_IF_ERROR(TakeClosed(closed));
  }
  for (const v1::SessionOpened& opened : reply.opened()) {
    LOGITD_RETURN_IF_ERROR(TakeOpened(opened, before));
  }
  for (const v1::SessionUpdated& updated : reply.updated()) {
    LOGITD_RETURN_IF_ERROR(TakeUpdated(updated));
  }
  return TakeStep(request.step(), reply.step());
}

absl::Status ChurnSessions::TakeClosed(const v1::SessionClosed& closed) {
  ChurnTold& told = told_[closed.session_id()];
  if (closed.has_error() || closed.generated_count() != told.tokens.size()) {
    return Failure(closed);
  }
  told.bindings.emplace_back("", closed.fingerprint());
  const bool is_over = told.tokens.size() == token_count_;
  if (is_over) states_[closed.session_id()] = State::kDone;
  return absl::OkStatus();
}

absl::Status ChurnSessions::TakeOpened(const v1::SessionOpened& opened,
                                       size_t before) {
  const uint64_t id = opened.session_id();
  ChurnTold& told = told_[id];
  const bool is_first = told.bindings.empty();
  if (opened.has_error()) {
    const bool may_miss = is_first && IsByName(plans_[id].open);
    return may_miss && CodeOf(opened) == absl::StatusCode::kNotFound
               ? absl::OkStatus()
               : Failure(opened);
  }
  if (opened.position() != told.tokens.size()) return Failure(opened);
  if (is_first) {
    told.opened_at = opened.profile_revision();
    told.before_open = before;
    told.after_open = progress_();
    states_[id] = State::kOpen;
  }
  told.bindings.emplace_back(opened.profile_revision(), opened.fingerprint());
  return absl::OkStatus();
}

absl::Status ChurnSessions::TakeUpdated(const v1::SessionUpdated& updated) {
  const uint64_t id = updated.session_id();
  if (updated.has_error()) {
    return plans_[id].rebinds &&
                   CodeOf(updated) == absl::StatusCode::kFailedPrecondition
               ? absl::OkStatus()
               : Failure(updated);
  }
  told_[id].bindings.emplace_back(updated.profile_revision(),
                                  updated.fingerprint());
  return absl::OkStatus();
}

absl::Status ChurnSessions::TakeStep(const v1::Step& asked,
                                     const v1::StepResult& result) {
  if (result.status_size() != asked.session_id_size()) return Failure(result);
  const size_t now = progress_();
  for (int i = 0; i < result.status_size(); ++i) {
    if (result.status(i) != v1::ENTRY_STATUS_OK) return Failure(result);
    ChurnTold& told = told_[asked.session_id(i)];
    told.tokens.push_back(result.token(i));
    told.at_end = now;
  }
  return absl::OkStatus();
}

// ---- the process
// -------------------------------------------------------------

std::string ChurnTask::ToText() const {
  return absl::StrCat(target, " ", progress_file, " ", result_file, " ",
                      first_seed, " ", session_count, " ", token_count, " ",
                      rebinds);
}

ChurnTask ChurnTask::FromText(const std::string& text) {
  ChurnTask task;
  std::istringstream(text) >> task.target >> task.progress_file >>
      task.result_file >> task.first_seed >> task.session_count >>
      task.token_count >> task.rebinds;
  return task;
}

std::vector<ChurnPlan> PlansOf(const ChurnTask& task) {
  std::vector<ChurnPlan> plans(task.session_count);
  for (uint32_t i = 0; i < task.session_count; ++i) {
    ChurnPlan& plan = plans[i];
    plan.open = client::MakeOpen(i, kChurnVocab, {}, task.first_seed + i);
    const uint32_t round = i / kChurnedProfiles;
    const bool is_by_name = task.rebinds || round % 2 == 0;
    plan.open.set_profile(absl::StrCat(
        "profiles/p", i % kChurnedProfiles,
        is_by_name ? "" : absl::StrCat("@", 1 + round % kFirstRevisions)));
    plan.first_step = 2 * i;
    plan.rebinds = task.rebinds;
    plan.asks = task.rebinds || i % 2 == 0;
    if (!task.rebinds && i % 3 == 0) plan.moves_every = kMoveEvery;
  }
  return plans;
}

absl::Status RunChurnClient(const ChurnTask& task) {
  const auto client = client::Client::Connect(task.target);
  LOGITD_RETURN_IF_ERROR(client.status());
  const auto progress = [&task] { return ReadProgress(task.progress_file); };
  const size_t begin = progress();
  ChurnSessions sessions(PlansOf(task), task.token_count, progress);
  const auto stream = client->Sample(kStreamTime);
  LOGITD_RETURN_IF_ERROR(sessions.Run(stream.get(), [&](uint32_t step) {
    return WaitUntil([&] { return progress() > begin + step; })
               ? absl::OkStatus()
               : absl::DeadlineExceededError("the writer does not go on");
  }));
  std::ofstream out(task.result_file);
  for (const ChurnTold& told : sessions.told()) {
    out << told.opened_at << " " << told.before_open << " " << told.after_open
        << " " << told.at_end << " " << told.bindings.size() << "\n";
    for (const auto& [revision, fingerprint] : told.bindings) {
      out << (revision.empty() ? kNoRevision : revision) << " " << fingerprint
          << "\n";
    }
    for (const uint32_t token : told.tokens) out << token << " ";
    out << "\n";
  }
  out.close();
  return out ? absl::OkStatus() : absl::InternalError(task.result_file);
}

absl::StatusOr<std::vector<ChurnTold>> ReadResult(const ChurnTask& task) {
  std::ifstream in(task.result_file);
  std::vector<ChurnTold> all(task.session_count);
  for (ChurnTold& told : all) {
    size_t count = 0;
    in >> told.opened_at >> told.before_open >> told.after_open >>
        told.at_end >> count;
    for (std::string revision, fingerprint; count > 0; --count) {
      in >> revision >> fingerprint;
      if (revision == kNoRevision) revision.clear();
      told.bindings.emplace_back(revision, fingerprint);
    }
    told.tokens.resize(task.token_count);
    for (uint32_t& token : told.tokens) in >> token;
  }
  if (in) return all;
  return absl::DataLossError(task.result_file);
}

}  // namespace logitd::testing
