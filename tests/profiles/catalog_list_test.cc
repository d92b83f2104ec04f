// The catalog's lists: pages, tokens, filters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/profiles/catalog_fixture.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Catalogs, ListsInPagesThatStayInOrderWhileProfilesComeAndGo) {
  Open();
  for (const char* id : {"d", "b", "a", "c", "e"}) Create(id, 1);
  const auto first = catalog_->List(2, "", "");
  EXPECT_THAT(Names(first), ElementsAre("profiles/a", "profiles/b"));
  Create("aa", 1);
  ASSERT_TRUE(catalog_->Delete("c", "").ok());
  const auto second = catalog_->List(2, first->next_page_token, "");
  EXPECT_THAT(Names(second), ElementsAre("profiles/d", "profiles/e"));
  EXPECT_EQ(second->next_page_token, "");
  EXPECT_EQ(Names(catalog_->List(5000, "", "")).size(), 5u);
}

TEST_F(Catalogs, BadPagesAreRefused) {
  Open();
  for (const char* id : {"a", "b", "c"}) Create(id, 1);
  ASSERT_TRUE(Update("a", 2).ok());
  const auto code = [](const absl::StatusOr<ProfilePage>& page) {
    return Code(page.status());
  };
  const std::string token = catalog_->List(1, "", "")->next_page_token;
  const std::string other =
      catalog_->ListRevisions("a", 1, "")->next_page_token;
  EXPECT_EQ(code(catalog_->List(-1, "", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, "x", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, "!", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, token, "model=\"m\"")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, other, "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("b", 1, other)), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("a", -1, "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("zz", 1, "")), "NOT_FOUND");
}

TEST_F(Catalogs, PagesEndBeforeAClientsMessageIsFull) {
  Open();
  v1::Profile large;
  large.set_description(std::string(16'000, 'x'));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(catalog_->Create(absl::StrCat("p", i), large).ok());
  }
  std::string token;
  size_t count = 0, pages = 0;
  do {
    const auto page = catalog_->List(1000, token, "");
    size_t bytes = 0;
    for (const auto& profile : page->profiles) bytes += profile->ByteSizeLong();
    EXPECT_LE(bytes, 1u << 20);
    count += page->profiles.size();
    token = page->next_page_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(count, 100u);
  EXPECT_EQ(pages, 2u);
}

TEST_F(Catalogs, ListsRevisionsInPages) {
  Open();
  Create("a", 1);
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(Update("a", i).ok());
  std::string token;
  std::vector<std::string> seen;
  do {
    const auto page = catalog_->ListRevisions("a", 2, token);
    for (const auto& profile : page->profiles) {
      seen.push_back(profile->revision());
    }
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_THAT(seen, ElementsAre("5", "4", "3", "2", "1"));
}

TEST_F(Catalogs, Filters) {
  Open();
  const auto make = [&](absl::string_view id, const char* team,
                        std::vector<std::string> models) {
    v1::Profile content;
    if (team != nullptr) (*content.mutable_labels())["team"] = team;
    (*content.mutable_labels())["a.b/c"] = "q\"\\";
    for (auto& model : models) content.add_models(model);
    ASSERT_TRUE(catalog_->Create(id, content).ok());
  };
  make("a", "search", {"m", "n"});
  make("b", "search", {});
  make("c", "ads", {"m"});
  make("d", nullptr, {"n"});
  const auto names = [&](absl::string_view filter) {
    std::string joined;
    for (const auto& name : Names(catalog_->List(0, "", filter))) {
      joined += name.back();
    }
    return joined;
  };
  EXPECT_EQ(names(""), "abcd");
  EXPECT_EQ(names("  "), "abcd");
  EXPECT_EQ(names("labels.team=\"search\""), "ab");
  EXPECT_EQ(names("labels.team = \"search\"  AND\tmodel=\"m\" "), "ab");
  EXPECT_EQ(names("model=\"m\""), "abc");
  EXPECT_EQ(names("model=\"m\" AND model=\"n\""), "ab");
  EXPECT_EQ(names("model=\"m\" AND labels.team=\"ads\""), "c");
  EXPECT_EQ(names("labels.team=\"\""), "");
  EXPECT_EQ(names("labels.\"a.b/c\"=\"q\\\"\\\\\""), "abcd");
  EXPECT_EQ(names("labels.none=\"x\""), "");
}

TEST_F(Catalogs, BadFiltersNameTheColumn) {
  Open();
  const std::pair<std::string, const char*> bad[] = {
      {"x=\"y\"", "filter: labels or model is expected at column 1"},
      {"labels=\"y\"", "filter: a dot and a key is expected at column 7"},
      {"labels.=\"y\"", "filter: a key is expected at column 8"},
      {"labels.a:\"y\"", "filter: = is expected at column 9"},
      {"labels.a=y",
       "filter: a value in double quotes is expected at column 10"},
      {"labels.a=\"y", "filter: a closing quote is expected at column 12"},
      {"model=\"a\" OR model=\"b\"",
       "filter: AND or the end is expected at column 11"},
      {"model=\"a\" AND", "filter: a space is expected at column 11"},
      {"model=\"a\" AND ", "filter: labels or model is expected at column 15"},
      {"model=\"a\"AND model=\"b\"",
       "filter: AND or the end is expected at column 10"},
      {"labels.\"a", "filter: a closing quote is expected at column 10"},
  };
  for (const auto& [filter, error] : bad) {
    const auto page = catalog_->List(0, "", filter);
    EXPECT_EQ(Code(page.status()), "INVALID_ARGUMENT") << filter;
    EXPECT_EQ(std::string(page.status().message()), error) << filter;
  }
  EXPECT_EQ(Code(catalog_->List(0, "", std::string(2000, ' ')).status()),
            "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace logitd
