#include "service/client/demo/trigram_model.h"

#include <sphinxbase/err.h>
#include <sphinxbase/logmath.h>
#include <sphinxbase/ngram_model.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/client/demo/model_file.h"

namespace logitd::demo {
namespace {

// The base that the model file's numbers are stored in.
constexpr double kLogBase = 1.0001;
constexpr int kOrder = 3;
constexpr char kBegin[] = "<s>";
constexpr char kEnd[] = "</s>";

}  // namespace

struct TrigramModel::Loaded {
  ~Loaded() {
    if (model != nullptr) {
      ngram_model_free(model);
    }
    logmath_free(log_math);
  }
  logmath_t* log_math = nullptr;
  ngram_model_t* model = nullptr;
};

TrigramModel::TrigramModel(std::unique_ptr<Loaded> loaded)
    : loaded_(std::move(loaded)) {}

TrigramModel::~TrigramModel() = default;

absl::StatusOr<std::unique_ptr<TrigramModel>> TrigramModel::Load(
    const std::string& file) {
  if (access(file.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(
        "no language model at ", file, ": apt-get install ", kModelPackage));
  }
  err_set_logfp(nullptr);
  auto loaded = std::make_unique<Loaded>();
  loaded->log_math = logmath_init(kLogBase, 0, 0);
  loaded->model =
      ngram_model_read(nullptr, file.c_str(), NGRAM_BIN, loaded->log_math);
  ngram_model_t* const model = loaded->model;
  if (model == nullptr || ngram_model_get_size(model) != kOrder) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is not a binary trigram model"));
  }
  // The plain probabilities, without a speech recogniser's weights.
  ngram_model_apply_weights(model, 1.0F, 1.0F);
  std::unique_ptr<TrigramModel> result(new TrigramModel(std::move(loaded)));
  const std::int32_t begin = ngram_wid(model, kBegin);
  const std::int32_t end = ngram_wid(model, kEnd);
  if (begin < 0 || end < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " lacks ", kBegin, " or ", kEnd));
  }
  result->begin_id_ = static_cast<std::uint32_t>(begin);
  result->end_id_ = static_cast<std::uint32_t>(end);
  const std::uint32_t count = ngram_model_get_counts(model)[0];
  result->words_.reserve(count);
  for (std::uint32_t id = 0; id < count; ++id) {
    result->words_.emplace_back(
        ngram_word(model, static_cast<std::int32_t>(id)));
  }
  return result;
}

absl::StatusOr<History> TrigramModel::HistoryOf(
    absl::Span<const std::uint32_t> tokens) const {
  const auto begin = static_cast<std::int32_t>(begin_id_);
  History history = {kNoWord, begin};
  for (const std::uint32_t token : tokens) {
    if (token >= words_.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "token ", token, " is outside [0, ", words_.size(), ")"));
    }
    const bool boundary = token == begin_id_ || token == end_id_;
    history = boundary
                  ? History{kNoWord, begin}
                  : History{history.second, static_cast<std::int32_t>(token)};
  }
  return history;
}

std::vector<float> TrigramModel::Row(const History& history) const {
  // The library wants the last word first.
  std::int32_t words[] = {history.second, history.first};
  const int length = history.first == kNoWord ? 1 : 2;
  std::vector<float> row(words_.size());
  for (std::size_t id = 0; id < row.size(); ++id) {
    std::int32_t used;
    const std::int32_t score = ngram_ng_score(
        loaded_->model, static_cast<std::int32_t>(id), words, length, &used);
    row[id] = static_cast<float>(logmath_log_to_ln(loaded_->log_math, score));
  }
  row[begin_id_] = -std::numeric_limits<float>::infinity();
  return row;
}

absl::StatusOr<std::vector<std::uint32_t>> TrigramModel::Tokenize(
    absl::string_view text) const {
  std::vector<std::uint32_t> ids;
  const auto white_space = absl::ByAnyChar(" \t\r\n");
  for (const absl::string_view piece :
       absl::StrSplit(text, white_space, absl::SkipEmpty())) {
    const std::string word = absl::AsciiStrToLower(piece);
    const std::int32_t id = ngram_wid(loaded_->model, word.c_str());
    if (id < 0 || static_cast<std::size_t>(id) >= words_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown word: ", piece));
    }
    ids.push_back(static_cast<std::uint32_t>(id));
  }
  return ids;
}

}  // namespace logitd::demo
