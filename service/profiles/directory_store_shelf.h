// What a directory store serves: the last revisions of each name, and what is
// wrong with the folder. Written by the thread that looks, read by all.
// Thread-safe; holds no lock while it calls the subscriber.
#ifndef LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_SHELF_H_
#define LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_SHELF_H_

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/profiles/store.h"

namespace logitd {

// A file that was read, parsed and found valid.
struct GoodFile {
  std::string file;  // "chat.yaml"
  std::string revision;
  v1::Profile content;  // with its name
  absl::Time modified;
};

class DirectoryShelf {
 public:
  explicit DirectoryShelf(size_t names_max) : names_max_(names_max) {}

  // Changes what is in force, at once, and tells the subscriber. A file at the
  // revision in force is no change.
  void Publish(const std::vector<GoodFile>& good,
               const std::vector<std::string>& gone);
  // The errors by file name. An OK folder: it can be read.
  void Report(const absl::Status& folder,
              const std::map<std::string, std::string>& errors);

  bool Has(absl::string_view name) const;
  bool IsBad(absl::string_view name) const;  // a file of it is
  std::vector<std::string> Names() const;    // in force

  LoadedStore Load() const;
  absl::StatusOr<StoredRevision> Get(absl::string_view name,
                                     absl::string_view revision) const;
  std::vector<StoredRevision> List(absl::string_view name,
                                   absl::string_view before,
                                   size_t count) const;
  void Subscribe(Store::Subscriber subscriber);
  absl::Status Health() const;

 private:
  struct Row {
    std::deque<StoredRevision> revisions;  // newest first, never empty
    bool deleted = false;
  };

  void PutLocked(const GoodFile& file, ChangeBatch* batch);
  void ForgetLocked();

  const size_t names_max_;
  mutable std::mutex mu_;  // guards what follows
  std::map<std::string, Row, std::less<>> rows_;
  uint64_t sequence_ = 0;
  absl::Status health_;
  std::set<std::string, std::less<>> bad_;  // names of bad files
  Store::Subscriber subscriber_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_SHELF_H_
