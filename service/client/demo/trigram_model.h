// A trigram language model of English: for the last two words, the log
// probability of every next word. Reads the binary file that Debian's package
// pocketsphinx-en-us installs, through libsphinxbase.
// Knows no gRPC. Prints nothing: libsphinxbase is silenced for the process.
// Threads: not thread-safe, for libsphinxbase remembers its last lookup; give
// each thread a model or hold one mutex around it.
// Ownership: a model owns what it loaded; words() lives as long as the model.
// Cost: Load reads 27 MB; a row takes milliseconds (one lookup for each word).

#ifndef LOGITD_SERVICE_CLIENT_DEMO_TRIGRAM_MODEL_H_
#define LOGITD_SERVICE_CLIENT_DEMO_TRIGRAM_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace logitd::demo {

inline constexpr std::int32_t kNoWord = -1;

// The two words that a row depends on; first is kNoWord at the beginning of a
// sentence. Equal histories have equal rows.
struct History {
  std::int32_t first;
  std::int32_t second;
  bool operator==(const History&) const = default;
};

class TrigramModel {
 public:
  // No such file: NOT_FOUND naming the package; not a model of order 3:
  // INVALID_ARGUMENT.
  static absl::StatusOr<std::unique_ptr<TrigramModel>> Load(
      const std::string& file);
  ~TrigramModel();
  TrigramModel(const TrigramModel&) = delete;
  TrigramModel& operator=(const TrigramModel&) = delete;

  // The word of each id.
  const std::vector<std::string>& words() const { return words_; }
  // The word that begins a sentence. It is never predicted: -inf in every row.
  std::uint32_t begin_id() const { return begin_id_; }
  // The word that ends a sentence.
  std::uint32_t end_id() const { return end_id_; }

  // The history that these tokens make: the last two, counted from the last
  // begin or end of a sentence. An id >= words().size(): INVALID_ARGUMENT.
  absl::StatusOr<History> HistoryOf(
      absl::Span<const std::uint32_t> tokens) const;

  // ln P(word | history) of every word, in id order.
  std::vector<float> Row(const History& history) const;

  // Ids of the words in `text`, split at white space, case ignored. Unknown
  // words: INVALID_ARGUMENT naming the first.
  absl::StatusOr<std::vector<std::uint32_t>> Tokenize(
      absl::string_view text) const;

 private:
  struct Loaded;
  explicit TrigramModel(std::unique_ptr<Loaded> loaded);

  std::unique_ptr<Loaded> loaded_;
  std::vector<std::string> words_;
  std::uint32_t begin_id_ = 0;
  std::uint32_t end_id_ = 0;
};

}  // namespace logitd::demo

#endif  // LOGITD_SERVICE_CLIENT_DEMO_TRIGRAM_MODEL_H_
