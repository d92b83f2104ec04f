// Words and their ids, and how tokens become text. Knows no gRPC.
// Threads: immutable after construction; TextWriter is confined to its user.
// Ownership: a TextWriter must not outlive its vocabulary. Cost: O(1) a token.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_VOCABULARY_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace logitd::logitctl {

class Vocabulary {
 public:
  Vocabulary(std::vector<std::string> words, std::uint32_t end_id);

  std::uint32_t size() const {
    return static_cast<std::uint32_t>(words_.size());
  }
  std::uint32_t end_id() const { return end_id_; }
  // The word of an id; "#123" for an id outside.
  std::string Word(std::uint32_t id) const;
  // A word (case ignored) or an id in digits. Neither: a usage error.
  absl::StatusOr<std::uint32_t> Resolve(absl::string_view token) const;

 private:
  std::vector<std::string> words_;
  absl::flat_hash_map<std::string, std::uint32_t> ids_;
  std::uint32_t end_id_;
};

// Turns tokens into text one by one: words between spaces; each sentence begins
// a line of its own.
class TextWriter {
 public:
  explicit TextWriter(const Vocabulary* vocabulary) : vocabulary_(vocabulary) {}
  // What this token adds to the text; an end of sentence adds nothing yet.
  std::string Next(std::uint32_t id);

 private:
  const Vocabulary* vocabulary_;
  std::string separator_;
};

// The text of all tokens.
std::string TextOf(const Vocabulary& vocabulary,
                   absl::Span<const std::uint32_t> ids);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_VOCABULARY_H_
