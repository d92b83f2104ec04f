#include "service/client/demo/trigram_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "service/client/demo/demo_server.h"
#include "service/client/demo/model_file.h"
#include "service/client/demo/row_cache.h"

namespace logitd::demo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrigramModelTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto model = TrigramModel::Load(kModelFile);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = model->release();
  }
  static void TearDownTestSuite() {
    delete model_;
    model_ = nullptr;
  }

  static std::uint32_t Id(absl::string_view word) {
    return model_->Tokenize(word)->front();
  }
  static std::vector<float> RowAfter(absl::string_view text) {
    return model_->Row(*model_->HistoryOf(*model_->Tokenize(text)));
  }

  static TrigramModel* model_;
};

TrigramModel* TrigramModelTest::model_ = nullptr;

TEST_F(TrigramModelTest, KnowsItsWords) {
  EXPECT_EQ(model_->words().size(), 72547);
  EXPECT_EQ(model_->words()[model_->begin_id()], "<s>");
  EXPECT_EQ(model_->words()[model_->end_id()], "</s>");
}

TEST_F(TrigramModelTest, GivesProbabilitiesThatSumToOne) {
  for (const char* text : {"", "the", "united states", "i want to"}) {
    double sum = 0;
    for (const float logit : RowAfter(text)) {
      EXPECT_LE(logit, 0);
      sum += std::exp(logit);
    }
    EXPECT_NEAR(sum, 1, 1e-3) << text;
  }
}

TEST_F(TrigramModelTest, NeverPredictsTheBeginning) {
  EXPECT_EQ(RowAfter("the")[model_->begin_id()],
            -std::numeric_limits<float>::infinity());
  EXPECT_GT(RowAfter("united states")[model_->end_id()], -3);
}

TEST_F(TrigramModelTest, KnowsEnglish) {
  const std::vector<float> row = RowAfter("thank");
  EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), Id("you"));
  // The word before the last one matters.
  EXPECT_GT(RowAfter("the united")[Id("states")],
            RowAfter("united")[Id("cat")]);
  EXPECT_NE(RowAfter("in the"), RowAfter("on the"));
}

TEST_F(TrigramModelTest, LooksAtTheLastTwoWordsOfTheSentence) {
  const auto none = static_cast<std::int32_t>(model_->begin_id());
  const std::uint32_t the = Id("the");
  const std::uint32_t end = model_->end_id();
  const auto word = static_cast<std::int32_t>(the);
  EXPECT_EQ(*model_->HistoryOf({}), (History{kNoWord, none}));
  EXPECT_EQ(*model_->HistoryOf({the}), (History{none, word}));
  EXPECT_EQ(*model_->HistoryOf({5, the, the}), (History{word, word}));
  // A sentence that ended is forgotten; so is an explicit beginning.
  EXPECT_EQ(*model_->HistoryOf({5, 6, end}), (History{kNoWord, none}));
  EXPECT_EQ(*model_->HistoryOf({5, end, the}), (History{none, word}));
  EXPECT_EQ(*model_->HistoryOf({model_->begin_id(), the}),
            (History{none, word}));
}

TEST_F(TrigramModelTest, RefusesIdsOutsideItsWords) {
  const auto history = model_->HistoryOf({5, 72547});
  EXPECT_EQ(history.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(history.status().message(), HasSubstr("72547"));
}

TEST_F(TrigramModelTest, TokenizesWords) {
  EXPECT_EQ(*model_->Tokenize("The  CAT\n"),
            (std::vector<std::uint32_t>{Id("the"), Id("cat")}));
  EXPECT_TRUE(model_->Tokenize(" ")->empty());
  const auto unknown = model_->Tokenize("the Xyzzyq");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.status().message(), HasSubstr("Xyzzyq"));
}

TEST_F(TrigramModelTest, GivesTheSameRowAgain) {
  EXPECT_EQ(RowAfter("of the"), RowAfter("of the"));
}

TEST(TrigramModelLoad, NamesThePackageThatIsMissing) {
  const auto model = TrigramModel::Load("/nowhere/en-us.lm.bin");
  EXPECT_EQ(model.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(model.status().message(),
              HasSubstr("apt-get install pocketsphinx-en-us"));
}

TEST(TrigramModelLoad, RefusesAFileThatIsNoModel) {
  const std::string file = ::testing::TempDir() + "/logitd_not_a_model.bin";
  std::ofstream(file) << "this is not a language model";
  const auto model = TrigramModel::Load(file);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(model.status().message(), HasSubstr(file));
  std::filesystem::remove(file);
}

TEST(RowCache, ForgetsTheRowNotAskedForLongest) {
  RowCache cache(2);
  const auto row = [](float value) {
    return std::make_shared<const std::vector<float>>(1, value);
  };
  cache.Put({1, 1}, row(1));
  cache.Put({2, 2}, row(2));
  EXPECT_NE(cache.Get({1, 1}), nullptr);
  cache.Put({3, 3}, row(3));
  EXPECT_EQ(cache.Get({2, 2}), nullptr);
  EXPECT_THAT(*cache.Get({1, 1}), ElementsAre(1));
  EXPECT_THAT(*cache.Get({3, 3}), ElementsAre(3));
  EXPECT_EQ(cache.Get({1, 2}), nullptr);
}

TEST(RowCache, MayKeepNothing) {
  RowCache cache(0);
  cache.Put({1, 1}, std::make_shared<const std::vector<float>>());
  EXPECT_EQ(cache.Get({1, 1}), nullptr);
}

TEST(CheckSocketPath, SaysWhatIsWrong) {
  const std::string folder = ::testing::TempDir() + "/logitd_socket_path";
  std::filesystem::create_directory(folder);
  EXPECT_TRUE(CheckSocketPath(folder + "/model.sock").ok());
  EXPECT_THAT(CheckSocketPath("/nowhere/model.sock").message(),
              HasSubstr("no folder /nowhere"));
  EXPECT_THAT(CheckSocketPath(folder + "/" + std::string(120, 'x')).message(),
              HasSubstr("at most 107 bytes"));
  std::ofstream(folder + "/file") << "x";
  EXPECT_THAT(CheckSocketPath(folder + "/file").message(),
              HasSubstr("is not a socket"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace logitd::demo
