#include "service/profile_watch.h"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "grpcpp/impl/codegen/proto_utils.h"
#include "service/status.h"

namespace logitd {
namespace {

class ProfileWatch final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  ProfileWatch(const absl::Status& status,
               const v1::WatchProfilesRequest& request, Catalog* catalog) {
    absl::Status wrong = status;
    if (wrong.ok()) {
      auto watcher =
          catalog->Watch(request.resume_token(), [this] { WriteNext(); });
      wrong = watcher.status();
      const std::lock_guard lock(mu_);
      if (watcher.ok()) watcher_ = *std::move(watcher);
    }
    if (wrong.ok()) {
      WriteNext();
    } else {
      const std::lock_guard lock(mu_);
      EndLocked(ToGrpcStatus(wrong));
    }
  }

 private:
  // The next event, unless one is on its way; without one the watcher calls
  // again.
  void WriteNext() {
    const std::lock_guard lock(mu_);
    if (writing_ || ended_ || watcher_ == nullptr) return;
    std::optional<WatchItem> item = watcher_->Next(absl::ZeroDuration());
    if (!item) return;
    v1::WatchProfilesResponse response;
    response.set_event(item->event);
    if (item->profile != nullptr) *response.mutable_profile() = *item->profile;
    response.set_resume_token(std::move(item->resume_token));
    bool own = false;
    const grpc::Status serialized =
        grpc::SerializationTraits<v1::WatchProfilesResponse>::Serialize(
            response, &outgoing_, &own);
    if (!serialized.ok()) return EndLocked(serialized);
    writing_ = true;
    StartWrite(&outgoing_);
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mu_);
      writing_ = false;
      outgoing_.Clear();
      if (!ok) return EndLocked(grpc::Status::CANCELLED);
    }
    WriteNext();
  }

  void OnCancel() override {
    const std::lock_guard lock(mu_);
    EndLocked(grpc::Status::CANCELLED);
  }

  void EndLocked(const grpc::Status& status) {
    if (ended_) return;
    ended_ = true;
    Finish(status);
  }

  void OnDone() override {
    // The watcher first: after that nobody wakes us.
    std::unique_ptr<Watcher> watcher;
    {
      const std::lock_guard lock(mu_);
      watcher = std::move(watcher_);
    }
    watcher.reset();
    delete this;
  }

  std::mutex mu_;  // guards what follows
  std::unique_ptr<Watcher> watcher_;
  grpc::ByteBuffer outgoing_;
  bool writing_ = false;
  bool ended_ = false;
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartProfileWatch(
    const absl::Status& status, const v1::WatchProfilesRequest& request,
    Catalog* catalog) {
  return new ProfileWatch(status, request, catalog);
}

}  // namespace logitd
