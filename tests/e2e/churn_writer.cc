#include "tests/e2e/churn_writer.h"

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/client/status.h"

namespace logitd::testing {
namespace {

// Makes events large, so that few of them fit into what gRPC buffers for a
// watcher that does not read.
constexpr size_t kDescriptionBytes = 1000;

bool Same(const v1::SamplingParams& a, const v1::SamplingParams& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

template <class Request, class Response>
absl::Status ChurnWriter::Call(
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request, Response* reply) {
  grpc::ClientContext context;
  context.set_deadline(client::DeadlineAfter(absl::Minutes(1)));
  return client::ToStatus((stub_.get()->*method)(&context, request, reply));
}

// No two are equal, so that no two revisions are but for a rollback.
double ChurnWriter::NextTemperature() {
  constexpr uint64_t kPrime = 7919;
  return 0.3 +
         1.2 / kPrime * static_cast<double>(++temperatures_ * 31 % kPrime);
}

absl::Status ChurnWriter::Begin() {
  for (size_t i = 0; i < kChurnedProfiles; ++i) {
    books_[i].id = absl::StrCat("p", i);
    LOGITD_RETURN_IF_ERROR(Create(&books_[i]));
    for (size_t n = 1; n < kFirstRevisions; ++n) {
      LOGITD_RETURN_IF_ERROR(Update(&books_[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status ChurnWriter::ChangeOne() {
  Book* const book = &books_[turn_++ % kChurnedProfiles];
  if (!book->exists) return Create(book);
  const uint32_t chance = dice_.Below(100);
  if (chance < 10) return Delete(book);
  if (chance < 25) return Rollback(book);
  return Update(book);
}

absl::Status ChurnWriter::End() {
  Book last;
  last.id = kTheEnd;
  return Create(&last);
}

absl::Status ChurnWriter::Create(Book* book) {
  v1::CreateProfileRequest request;
  request.set_profile_id(book->id);
  book->params.set_temperature(NextTemperature());
  book->params.set_frequency_penalty(0.4);
  *request.mutable_profile()->mutable_default_params() = book->params;
  request.mutable_profile()->set_description(
      std::string(kDescriptionBytes, '.'));
  v1::Profile reply;
  LOGITD_RETURN_IF_ERROR(Call(&Stub::CreateProfile, request, &reply));
  book->exists = true;
  return Enter(reply, book);
}

absl::Status ChurnWriter::Update(Book* book) {
  v1::UpdateProfileRequest request;
  v1::Profile* const profile = request.mutable_profile();
  profile->set_name("profiles/" + book->id);
  profile->set_etag(book->etag);
  book->params.set_temperature(NextTemperature());
  request.mutable_update_mask()->add_paths("default_params.temperature");
  if (dice_.Below(2) == 0) {
    book->params.set_top_k(20 + dice_.Below(400));
    request.mutable_update_mask()->add_paths("default_params.top_k");
  }
  *profile->mutable_default_params() = book->params;
  v1::Profile reply;
  LOGITD_RETURN_IF_ERROR(Call(&Stub::UpdateProfile, request, &reply));
  return Enter(reply, book);
}

absl::Status ChurnWriter::Rollback(Book* book) {
  const uint32_t index =
      dice_.Below(static_cast<uint32_t>(book->revisions.size()));
  // What is in force already would make no revision.
  if (Same(book->revisions[index], book->params)) return Update(book);
  v1::RollbackProfileRequest request;
  request.set_name("profiles/" + book->id);
  request.set_revision(absl::StrCat(index + 1));
  request.set_etag(book->etag);
  book->params = book->revisions[index];
  v1::Profile reply;
  LOGITD_RETURN_IF_ERROR(Call(&Stub::RollbackProfile, request, &reply));
  return Enter(reply, book);
}

absl::Status ChurnWriter::Delete(Book* book) {
  v1::DeleteProfileRequest request;
  request.set_name("profiles/" + book->id);
  request.set_etag(book->etag);
  google::protobuf::Empty nothing;
  LOGITD_RETURN_IF_ERROR(Call(&Stub::DeleteProfile, request, &nothing));
  book->exists = false;
  ledger_->Add({v1::WATCH_EVENT_DELETED,
                request.name(),
                absl::StrCat(book->revisions.size()),
                {}});
  return absl::OkStatus();
}

absl::Status ChurnWriter::Enter(const v1::Profile& reply, Book* book) {
  book->revisions.push_back(book->params);
  book->etag = reply.etag();
  const Change written = {v1::WATCH_EVENT_REVISION, "profiles/" + book->id,
                          absl::StrCat(book->revisions.size()), book->params};
  ledger_->Add(written);
  if (reply.name() == written.name && reply.revision() == written.revision &&
      Same(reply.default_params(), written.params)) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("wrote ", TextOf(written), ", got ",
                                          reply.ShortDebugString()));
}

}  // namespace logitd::testing
