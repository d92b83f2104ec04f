// The catalog's lists, in pages.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/profiles/catalog.h"
#include "service/profiles/catalog_filter.h"
#include "service/profiles/catalog_name.h"

namespace logitd {
namespace {

constexpr int kPageSizeDefault = 50;
constexpr int kPageSizeMax = 1000;
constexpr size_t kPageBytesMax = size_t{1} << 20;

absl::StatusOr<size_t> PageSize(int asked) {
  if (asked < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "page_size: ", asked, " is outside [0, ", kPageSizeMax, "]"));
  }
  const int size = asked == 0 ? kPageSizeDefault : asked;
  return static_cast<size_t>(std::min(size, kPageSizeMax));
}

// A token names the list it is of and the last element given.
std::string MakeToken(absl::string_view list, absl::string_view last) {
  return absl::WebSafeBase64Escape(absl::StrCat(list.size(), ":", list, last));
}

absl::StatusOr<std::string> ReadToken(absl::string_view token,
                                      absl::string_view list) {
  std::string text;
  absl::string_view last;
  if (absl::WebSafeBase64Unescape(token, &text)) {
    last = text;
    if (absl::ConsumePrefix(&last, absl::StrCat(list.size(), ":", list))) {
      return std::string(last);
    }
  }
  return absl::InvalidArgumentError("page_token: is not of this list");
}

// Takes profiles until the page is full.
class PageBuilder {
 public:
  explicit PageBuilder(size_t size) : size_(size) {}

  // False: it belongs to the next page.
  bool Add(ProfilePtr profile) {
    bytes_ += profile->ByteSizeLong();
    const auto& profiles = page_.profiles;
    const bool is_full = profiles.size() == size_ ||
                         (!profiles.empty() && bytes_ > kPageBytesMax);
    if (!is_full) page_.profiles.push_back(std::move(profile));
    return !is_full;
  }
  bool is_empty() const { return page_.profiles.empty(); }
  const v1::Profile& last() const { return *page_.profiles.back(); }
  ProfilePage Take(std::string next_page_token) {
    page_.next_page_token = std::move(next_page_token);
    return std::move(page_);
  }

 private:
  const size_t size_;
  size_t bytes_ = 0;
  ProfilePage page_;
};

// Reads a few revisions at a time, for a page may be full of bytes long before
// it has its number. True: it is full, and there are more.
absl::StatusOr<bool> AddRevisions(Store* store, const std::string& name,
                                  std::string before, PageBuilder* page) {
  constexpr size_t kAtOnce = 32;
  while (true) {
    LOGITD_ASSIGN_OR_RETURN(std::vector<StoredRevision> listed,
                            store->ListRevisions(name, before, kAtOnce));
    for (StoredRevision& stored : listed) {
      before = stored.profile.revision();
      auto profile =
          std::make_shared<const v1::Profile>(std::move(stored.profile));
      if (!page->Add(std::move(profile))) return true;
    }
    if (listed.size() < kAtOnce) return false;
  }
}

}  // namespace

absl::StatusOr<ProfilePage> Catalog::List(int page_size,
                                          absl::string_view page_token,
                                          absl::string_view filter) const {
  LOGITD_ASSIGN_OR_RETURN(const size_t size, PageSize(page_size));
  LOGITD_ASSIGN_OR_RETURN(const ProfileFilter wanted,
                          ProfileFilter::Parse(filter));
  std::string after;
  if (!page_token.empty()) {
    LOGITD_ASSIGN_OR_RETURN(after, ReadToken(page_token, filter));
  }
  PageBuilder page(size);
  // The lock is not held while profiles are compared.
  for (ProfilePtr& profile : Snapshot().profiles) {
    if (profile->name() <= after || !wanted.Matches(*profile)) continue;
    if (!page.Add(std::move(profile))) {
      return page.Take(MakeToken(filter, page.last().name()));
    }
  }
  return page.Take("");
}

absl::StatusOr<ProfilePage> Catalog::ListRevisions(
    absl::string_view name, int page_size, absl::string_view page_token) const {
  LOGITD_ASSIGN_OR_RETURN(const std::string plain, ParsePlainName(name));
  LOGITD_ASSIGN_OR_RETURN(const size_t size, PageSize(page_size));
  std::string before;
  if (!page_token.empty()) {
    LOGITD_ASSIGN_OR_RETURN(before, ReadToken(page_token, plain));
  }
  for (Store* store : StoresFor(plain)) {
    PageBuilder page(size);
    LOGITD_ASSIGN_OR_RETURN(const bool is_full,
                            AddRevisions(store, plain, before, &page));
    if (is_full) return page.Take(MakeToken(plain, page.last().revision()));
    // The first store that has any: of another one's the revisions differ.
    if (!page.is_empty()) return page.Take("");
  }
  if (!before.empty()) return ProfilePage{};  // dropped since the last page
  return NoSuchProfile(plain);
}

}  // namespace logitd
