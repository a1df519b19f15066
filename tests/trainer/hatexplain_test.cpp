#include "trainer/datasets/hatexplain.hpp"

#include <gtest/gtest.h>

#include "tests/trainer/hatexplain_writer.hpp"

namespace trainer {
namespace {

using nlohmann::json;

/// The six posts, read from a folder that is gone.
DataSet write_and_load(const std::string& measured = "test") {
  const TemporaryFolder folder;
  write_hatexplain(folder.path());
  return hatexplain_kind().load({{"root", folder.path().string()}, {"measured", measured}});
}

DataSummary describe(const json& posts = six_posts(), const json& divisions = six_divisions(),
                     const std::string& measured = "test") {
  const TemporaryFolder folder;
  write_hatexplain(folder.path(), posts, divisions);
  return hatexplain_kind().describe({{"root", folder.path().string()}, {"measured", measured}});
}

using Numbers = std::vector<std::vector<std::int64_t>>;

void expect_rows(const torch::Tensor& tensor, const Numbers& expected) {
  ASSERT_EQ(tensor.size(0), std::ssize(expected));
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const auto row = tensor[static_cast<std::int64_t>(n)].to(torch::kLong);
    EXPECT_TRUE(row.equal(torch::tensor(expected[n], torch::kLong))) << "row " << n << row;
  }
}

// By hand, after PAD, EOS and UNK: bad 3, "" 4, people 5, here 6, you 7, are 8, hello 9 of
// training, new 10 of test, only 11, seen 12 of validation.
TEST(HateXplain, NumbersTheWordsOfTrainingThenTestThenValidation) {
  const auto data = write_and_load();
  const auto validation = write_and_load("validation");

  expect_rows(data.train.members, {{3, 3, 4, 5, 6}, {7, 8, 3, 0, 0}, {9, 7, 0, 0, 0}});
  expect_rows(data.test->members, {{8, 7, 10, 6}, {10, 5, 0, 0}});
  expect_rows(validation.test->members, {{11, 12, 6}});
  EXPECT_EQ(data.shape.vocabulary, 13);
  EXPECT_TRUE(data.train.points.equal(torch::arange(13).unsqueeze(1)));
}

TEST(HateXplain, KnowsWhichTokensOnlyFillUpShortPosts) {
  const auto data = write_and_load();

  expect_rows(data.train.absent, {{0, 0, 0, 0, 0}, {0, 0, 0, 1, 1}, {0, 0, 1, 1, 1}});
  expect_rows(data.test->absent, {{0, 0, 0, 0}, {0, 0, 1, 1}});
}

TEST(HateXplain, HasLabelAndRationaleOfTheFirstAnnotator) {
  const auto data = write_and_load();

  EXPECT_TRUE(data.train.labels.equal(torch::tensor({0, 2, 1}, torch::kLong)));
  EXPECT_TRUE(data.test->labels.equal(torch::tensor({2, 0}, torch::kLong)));
  expect_rows(data.train.foreground, {{1, 0, 0, 1, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 0, 0}});
  expect_rows(data.test->foreground, {{0, 0, 0, 0}, {0, 1, 0, 0}});
}

TEST(HateXplain, HasTheShapeOfItsLongestPost) {
  const auto shape = describe().shape;

  EXPECT_EQ(shape.segments, 5);
  EXPECT_EQ(shape.features, 1);
  EXPECT_EQ(shape.classes, 3);
  EXPECT_EQ(shape.vocabulary, 13);
}

TEST(HateXplain, IsIdentifiedByItsContentWhereverItLies) {
  auto other_word = six_posts();
  other_word["p5"]["post_tokens"][0] = "old";
  auto other_label = six_posts();
  other_label["p2"]["annotators"][0]["label"] = "offensive";
  auto other_second_opinion = six_posts();
  other_second_opinion["p2"]["annotators"][1]["label"] = "normal";
  auto other_rationale = six_posts();
  other_rationale["p1"]["rationales"][0] = {1, 0, 1};
  auto other_order = six_divisions();
  other_order["train"] = {"p1", "p3", "p2"};

  const auto identity = describe().identity;

  EXPECT_FALSE(identity.contains("root"));
  EXPECT_EQ(identity, describe().identity);
  EXPECT_EQ(identity, describe(other_second_opinion).identity);
  EXPECT_NE(identity, describe(other_word).identity);
  EXPECT_NE(identity, describe(other_label).identity);
  EXPECT_NE(identity, describe(other_rationale).identity);
  EXPECT_NE(identity, describe(six_posts(), other_order).identity);
  EXPECT_NE(identity, describe(six_posts(), six_divisions(), "validation").identity);
}

TEST(HateXplain, TellsWhereTheFilesComeFrom) {
  try {
    hatexplain_kind().describe({{"root", "/no/such/folder"}, {"measured", "test"}});
    FAIL();
  } catch (const SettingError& error) {
    EXPECT_EQ(error.problem().key, "dataset.root");
    EXPECT_NE(error.problem().problem.find("/no/such/folder/dataset.json"), std::string::npos);
    EXPECT_NE(error.problem().hint.find("./dev data hatexplain"), std::string::npos);
  }
}

}  // namespace
}  // namespace trainer
