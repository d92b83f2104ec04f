#include "service/inquiries.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "service/explain.h"
#include "service/session/field_path.h"
#include "service/status.h"
#include "service/verify.h"

namespace logitd {
namespace {

absl::Status CheckCount(const char* list, int count) {
  if (count <= kInquiriesMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      list, ": ", count, " elements are more than ", kInquiriesMax));
}

}  // namespace

absl::Status CheckInquiries(const v1::SampleRequest& request) {
  absl::Status status = CheckCount("verify", request.verify_size());
  status.Update(CheckCount("explain", request.explain_size()));
  return status;
}

template <class Kind, class Element, class Answer>
void Inquiries::Make(const char* list, int index, Element* element,
                     SessionTable* table, Answer* answer) {
  fail_ = [=, this](const absl::Status& status) {
    env_.metrics.AddError(status.code());
    answer->Clear();
    WriteStatus(InField(absl::StrCat(list, "[", index, "]."), status),
                answer->mutable_error());
  };
  if (element->has_open()) {
    now_ = absl::InvalidArgumentError(
        "open: must not be set on a stream; open the session, then name it");
    return;
  }
  absl::StatusOr<Session*> session = table->Find(element->session_id());
  if (!session.ok()) {
    now_ = session.status();
    return;
  }
  now_ = std::make_unique<Kind>(element, element->session_id(), **session, env_,
                                answer);
}

bool Inquiries::Begin(v1::SampleRequest* request, SessionTable* table,
                      v1::SampleResponse* reply) {
  const int verified = reply->verified_size();
  const int explained = reply->explained_size();
  if (verified < request->verify_size()) {
    Make<Verification>("verify", verified, request->mutable_verify(verified),
                       table, reply->add_verified());
  } else if (explained < request->explain_size()) {
    Make<Explanation>("explain", explained, request->mutable_explain(explained),
                      table, reply->add_explained());
  } else {
    return false;
  }
  return true;
}

bool Inquiries::RunTurn(v1::SampleRequest* request, SessionTable* table,
                        Workspace* workspace, v1::SampleResponse* reply) {
  const bool is_new = now_.ok() && *now_ == nullptr;
  if (is_new && !Begin(request, table, reply)) return true;
  absl::StatusOr<bool> done = false;
  if (stopping_.load(std::memory_order_relaxed)) {
    done = absl::CancelledError("the call was cancelled, or the server stops");
  } else if (!now_.ok()) {
    done = now_.status();
  } else {
    done = (*now_)->RunTurn(workspace);
  }
  if (!done.ok()) fail_(done.status());
  if (!done.ok() || *done) now_ = nullptr;
  return false;
}

}  // namespace logitd
