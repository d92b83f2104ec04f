#include "service/profiles/directory_store.h"

#include <openssl/sha.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "sampler/status_macros.h"
#include "service/log.h"
#include "service/profiles/directory_store_look.h"
#include "service/profiles/directory_store_shelf.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRevisionHexDigits = 16;
constexpr int kSwapTriesMax = 10;
constexpr int kFirstLooksMax = 3;
constexpr absl::Duration kLongAgo = absl::Seconds(2);
constexpr absl::Duration kLookGap = absl::Milliseconds(10);
constexpr uint32_t kEvents =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE |
    IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string RevisionOf(absl::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         digest);
  return absl::StrCat("sha256-", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<const char*>(digest),
                                     kRevisionHexDigits / 2)));
}

int PollMilliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 1, 3'600'000));
}

}  // namespace

class DirectoryStore::Follower {
 public:
  explicit Follower(const DirectoryOptions& options)
      : options_(options),
        shelf_(options.files_max),
        notify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
        stop_(eventfd(0, EFD_CLOEXEC)) {}

  ~Follower() {
    stopping_ = true;
    const uint64_t one = 1;
    (void)!write(stop_.fd(), &one, sizeof(one));
    if (thread_.joinable()) thread_.join();
  }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  absl::Status Start() {
    if (notify_.fd() < 0 || stop_.fd() < 0) {
      Log(LogLevel::kWarning, "profiles folder: no inotify, only rescans",
          {{"path", options_.path}});
    }
    LOGITD_RETURN_IF_ERROR(Look());
    // Files that were written just before the start.
    for (int i = 0; i < kFirstLooksMax && unsettled_; ++i) {
      absl::SleepFor(options_.settle);
      LOGITD_RETURN_IF_ERROR(Look());
    }
    thread_ = std::thread([this] { Follow(); });
    return absl::OkStatus();
  }

  DirectoryShelf& shelf() { return shelf_; }

 private:
  // What is known of a file.
  struct Tracked {
    FileStamp stamp;
    std::string target;  // the `..data` it was seen under
    Clock::time_point since;
    bool done = false;  // this stamp was read
    std::string error;
  };

  // What a look has found out, in force once it is known to be of one piece.
  struct Findings {
    std::vector<GoodFile> good;
    std::vector<std::string> gone;
    std::map<std::string, Tracked> tracked;
    bool unsettled = false;
  };

  void Follow() {
    while (!stopping_) {
      const absl::Duration nap = unsettled_
                                     ? std::max(options_.settle / 2, kLookGap)
                                     : options_.rescan;
      const Clock::time_point due =
          Clock::now() + absl::ToChronoNanoseconds(nap);
      while (!AwaitEvents(due)) {
      }
      if (stopping_) return;
      (void)Look();  // Health tells
    }
  }

  // True: it is time to look.
  bool AwaitEvents(Clock::time_point due) {
    pollfd waiting[] = {{stop_.fd(), POLLIN, 0}, {notify_.fd(), POLLIN, 0}};
    const auto left = absl::FromChrono(due - Clock::now());
    poll(waiting, 2, PollMilliseconds(left));
    if (stopping_) return true;
    poll(waiting, 1, PollMilliseconds(kLookGap));  // a burst is one look
    const bool is_ours = TakeEvents();
    return stopping_ || is_ours || Clock::now() >= due;
  }

  // ---- inotify --------------------------------------------------------------

  // True: there were events of what is looked at.
  bool TakeEvents() {
    alignas(inotify_event) char buffer[16 << 10];
    bool is_ours = false;
    while (true) {
      const ssize_t size = read(notify_.fd(), buffer, sizeof(buffer));
      if (size <= 0) return is_ours;
      for (const char* at = buffer; at < buffer + size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        if (event->len == 0 || IsLookedAt(event->name)) {
          is_ours = true;
          TakeEvent(*event);
        }
        at += sizeof(inotify_event) + event->len;
      }
    }
  }

  void TakeEvent(const inotify_event& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) being_written_.clear();
    const bool is_gone = (event.mask & IN_IGNORED) != 0;
    if (is_gone && event.wd == watch_) watched_inode_ = 0;
    if (event.len == 0 || event.wd != watch_) return;  // of a folder before
    // A file that is written in place counts when its writer has closed it.
    if ((event.mask & IN_MODIFY) != 0) {
      being_written_.insert(event.name);
    } else if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                              IN_DELETE)) != 0) {
      being_written_.erase(event.name);
    }
  }

  // The folder may have been replaced by another of its name.
  void WatchFolder(uint64_t inode) {
    if (inode == watched_inode_ || notify_.fd() < 0) return;
    if (watch_ >= 0) inotify_rm_watch(notify_.fd(), watch_);
    watch_ = inotify_add_watch(notify_.fd(), options_.path.c_str(), kEvents);
    watched_inode_ = watch_ >= 0 ? inode : 0;
    being_written_.clear();
    if (watch_ >= 0) return;
    Log(LogLevel::kWarning, "profiles folder: cannot be watched, only rescans",
        {{"path", options_.path}, {"error", std::strerror(errno)}});
  }

  // ---- looking --------------------------------------------------------------

  absl::Status Look() {
    for (int i = 0; i < kSwapTriesMax; ++i) {
      auto look = FolderLook::At(options_.path, 2 * options_.files_max);
      if (look.ok() && look->inode() != watched_inode_ && notify_.fd() >= 0) {
        WatchFolder(look->inode());
        if (watch_ >= 0) continue;  // what changed before it is seen now
      }
      absl::Status status = look.ok() ? CheckSame(*look) : look.status();
      if (!status.ok()) {
        LogOnce(status);
        shelf_.Report(status, {});
        return status;
      }
      Findings findings = Examine(*look);
      if (!look->target().empty() && look->HasMoved()) continue;
      Accept(std::move(findings), *look);
      return absl::OkStatus();
    }
    unsettled_ = true;  // it is swapped faster than we read: later
    return absl::OkStatus();
  }

  // A file system that is not mounted is an empty folder, and says nothing of
  // profiles.
  absl::Status CheckSame(const FolderLook& look) const {
    const bool is_lost = folder_id_ && *folder_id_ != look.id() &&
                         look.files().empty() && !shelf_.Names().empty();
    if (!is_lost) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("store: ", options_.path,
                     ": is another folder than before, and an empty one"));
  }

  Findings Examine(const FolderLook& look) {
    Findings findings;
    std::set<std::string> ids;
    std::map<std::string, std::string> file_of = Owners(look);  // by id
    size_t names = shelf_.Names().size();
    for (const SeenFile& seen : look.files()) {
      Tracked tracked = Track(seen, look);
      const bool is_new = !shelf_.Has(absl::StrCat("profiles/", seen.id));
      const auto other = file_of.find(seen.id);
      ids.insert(seen.id);
      if (other != file_of.end() && other->second != seen.file) {
        tracked.done = false;  // its turn may come
        tracked.error =
            absl::StrCat("name: ", other->second, " has it already");
      } else if (is_new && names >= options_.files_max) {
        tracked.done = false;
        tracked.error = absl::StrCat("profile: there are ", options_.files_max,
                                     " already (--max_profiles)");
      } else if (!tracked.done && !IsSettled(seen, tracked, look)) {
        findings.unsettled = true;
      } else if (!tracked.done && Examine(seen, look, &tracked, &findings)) {
        if (is_new) ++names;
      }
      if (tracked.done && tracked.error.empty()) {
        file_of.emplace(seen.id, seen.file);
      }
      findings.tracked.emplace(seen.file, std::move(tracked));
    }
    FindGone(ids, look, &findings);
    return findings;
  }

  // The file of each id that is in force, as long as it is there: while it is
  // written, and when it is bad, no other one takes its place.
  std::map<std::string, std::string> Owners(const FolderLook& look) const {
    std::map<std::string, std::string> owners;
    for (const SeenFile& seen : look.files()) {
      const auto owner = owner_.find(seen.id);
      if (owner != owner_.end() && owner->second == seen.file) {
        owners.insert(*owner);
      }
    }
    return owners;
  }

  Tracked Track(const SeenFile& seen, const FolderLook& look) const {
    const auto known = tracked_.find(seen.file);
    if (known != tracked_.end() && known->second.stamp == seen.stamp &&
        known->second.target == look.target()) {
      return known->second;
    }
    Tracked tracked{seen.stamp, look.target(), Clock::now(), false, ""};
    // Told until the new content is known to be good.
    if (known != tracked_.end()) tracked.error = known->second.error;
    return tracked;
  }

  bool IsSettled(const SeenFile& seen, const Tracked& tracked,
                 const FolderLook& look) const {
    if (!look.target().empty() || !seen.error.empty()) return true;
    if (being_written_.count(seen.file) > 0) return false;
    const absl::Duration age =
        absl::Now() -
        absl::FromUnixNanos(std::max(seen.stamp.modified, seen.stamp.changed));
    return age > std::max(kLongAgo, options_.settle) ||
           absl::FromChrono(Clock::now() - tracked.since) >= options_.settle;
  }

  // True: it is good.
  bool Examine(const SeenFile& seen, const FolderLook& look, Tracked* tracked,
               Findings* findings) {
    auto good = ReadFile(seen, look);
    if (absl::IsAborted(good.status())) {
      tracked->since = Clock::now();
      findings->unsettled = true;
      return false;
    }
    // What the system would not read is tried again at the next look.
    tracked->done = !absl::IsUnavailable(good.status());
    if (good.ok()) {
      tracked->error.clear();
      findings->good.push_back(*std::move(good));
      return true;
    }
    tracked->error = std::string(good.status().message());
    return false;
  }

  absl::StatusOr<GoodFile> ReadFile(const SeenFile& seen,
                                    const FolderLook& look) const {
    if (!seen.error.empty()) {
      return absl::UnavailableError(absl::StrCat("file: ", seen.error));
    }
    LOGITD_ASSIGN_OR_RETURN(const std::string bytes,
                            look.Read(seen, kProfileFileBytesMax));
    GoodFile good;
    good.file = seen.file;
    good.revision = RevisionOf(bytes);
    good.modified = absl::FromUnixNanos(seen.stamp.modified);
    LOGITD_ASSIGN_OR_RETURN(good.content, ParseProfile(bytes, seen.id));
    LOGITD_RETURN_IF_ERROR(CheckProfileBytes(good.content.ByteSizeLong(),
                                             options_.profile_bytes_max));
    if (options_.validate) {
      LOGITD_RETURN_IF_ERROR(options_.validate(good.content));
    }
    return good;
  }

  // In a plain folder a name may be missing for a moment.
  void FindGone(const std::set<std::string>& ids, const FolderLook& look,
                Findings* findings) {
    std::map<std::string, Clock::time_point> missing;
    for (const std::string& name : shelf_.Names()) {
      const std::string id = name.substr(name.find('/') + 1);
      if (ids.count(id) > 0 || look.left_out() > 0) continue;
      const auto since = missing_.emplace(id, Clock::now()).first->second;
      if (!look.target().empty() ||
          absl::FromChrono(Clock::now() - since) >= options_.settle) {
        findings->gone.push_back(name);
      } else {
        missing.emplace(id, since);
        findings->unsettled = true;
      }
    }
    missing_ = std::move(missing);
  }

  void Accept(Findings findings, const FolderLook& look) {
    for (const auto& [file, tracked] : findings.tracked)
      LogError(file, tracked);
    tracked_ = std::move(findings.tracked);
    unsettled_ = findings.unsettled;
    folder_error_.clear();
    folder_id_ = look.id();
    for (const std::string& name : findings.gone) {
      owner_.erase(name.substr(name.find('/') + 1));
    }
    for (const GoodFile& good : findings.good) {
      owner_[IdOfProfileFile(good.file)] = good.file;
    }
    std::map<std::string, std::string> errors;
    if (look.left_out() > 0) {
      errors.emplace("*", absl::StrCat(look.left_out(),
                                       " profile files are too many to look "
                                       "at (--max_profiles)"));
    }
    for (const auto& [file, tracked] : tracked_) {
      if (!tracked.error.empty()) errors.emplace(file, tracked.error);
    }
    shelf_.Report(absl::OkStatus(), errors);
    shelf_.Publish(findings.good, findings.gone);
  }

  // Once, until it is another one.
  void LogError(const std::string& file, const Tracked& tracked) const {
    const auto before = tracked_.find(file);
    const bool is_known =
        before != tracked_.end() && before->second.error == tracked.error;
    if (tracked.error.empty() || is_known) return;
    Log(LogLevel::kWarning, "bad profile file",
        {{"file", file}, {"error", tracked.error}});
  }

  void LogOnce(const absl::Status& status) {
    if (status.message() == folder_error_) return;
    folder_error_ = std::string(status.message());
    Log(LogLevel::kError, "profiles folder cannot be read",
        {{"error", folder_error_}});
  }

  const DirectoryOptions options_;
  DirectoryShelf shelf_;
  const FolderHandle notify_;
  const FolderHandle stop_;
  std::atomic<bool> stopping_ = false;

  // Confined to Start, then to the thread.
  int watch_ = -1;
  uint64_t watched_inode_ = 0;
  std::optional<FolderLook::Id> folder_id_;   // that was looked into last
  std::map<std::string, std::string> owner_;  // files in force, by id
  bool unsettled_ = false;
  std::map<std::string, Tracked> tracked_;            // by file
  std::map<std::string, Clock::time_point> missing_;  // by id
  std::set<std::string> being_written_;               // files
  std::string folder_error_;

  std::thread thread_;
};

DirectoryStore::DirectoryStore(std::unique_ptr<Follower> follower)
    : follower_(std::move(follower)) {}

DirectoryStore::~DirectoryStore() = default;

absl::StatusOr<std::unique_ptr<DirectoryStore>> DirectoryStore::Open(
    const DirectoryOptions& options) {
  auto follower = std::make_unique<Follower>(options);
  const absl::Status started = follower->Start();
  if (!started.ok()) return absl::FailedPreconditionError(started.message());
  return std::unique_ptr<DirectoryStore>(
      new DirectoryStore(std::move(follower)));
}

bool DirectoryStore::Claims(absl::string_view name) const {
  return follower_->shelf().IsBad(name);
}

absl::StatusOr<LoadedStore> DirectoryStore::Load() {
  return follower_->shelf().Load();
}

absl::StatusOr<StoredRevision> DirectoryStore::Commit(const Change& change) {
  return absl::FailedPreconditionError(
      absl::StrCat("name: ", change.name, " belongs to a read-only store"));
}

absl::StatusOr<StoredRevision> DirectoryStore::GetRevision(
    absl::string_view name, absl::string_view revision) {
  return follower_->shelf().Get(name, revision);
}

absl::StatusOr<std::vector<StoredRevision>> DirectoryStore::ListRevisions(
    absl::string_view name, absl::string_view before, size_t count) {
  return follower_->shelf().List(name, before, count);
}

void DirectoryStore::Subscribe(Subscriber subscriber) {
  follower_->shelf().Subscribe(std::move(subscriber));
}

absl::Status DirectoryStore::Health() const {
  return follower_->shelf().Health();
}

}  // namespace logitd
