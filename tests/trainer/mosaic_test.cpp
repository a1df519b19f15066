#include "trainer/datasets/mosaic.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/idx_writer.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Draws = std::vector<std::uint32_t>;

// The published pools over CIFAR-10.
constexpr std::uint32_t kBackgrounds = 35000;
constexpr std::uint32_t kForegrounds = 15000;

struct Expected {
  std::uint32_t index;
  Draws backgrounds;
  std::uint32_t foreground;
  std::uint32_t position;
};

TEST(DrawMosaic, GivesTheTableOfThePublishedRecipe) {
  const std::vector<Expected> table = {{0, {2732, 21243, 30403, 32103}, 9225, 3},
                                       {1, {33003, 12172, 5192, 32511}, 905, 3},
                                       {2, {23720, 6637, 30280, 31019}, 2514, 3},
                                       {17, {10863, 34959, 33174, 25631}, 14660, 4},
                                       {9999, {9469, 22910, 25457, 30061}, 4406, 4},
                                       {30000, {1669, 27698, 22139, 12428}, 13462, 3},
                                       {39999, {21453, 20698, 2117, 17429}, 11812, 0},
                                       {59999, {5461, 17323, 14931, 17688}, 8806, 0}};

  for (const auto& expected : table) {
    const auto draw = draw_mosaic(expected.index, /*num_segments=*/5, kBackgrounds, kForegrounds);
    EXPECT_EQ(draw.backgrounds, expected.backgrounds) << "mosaic " << expected.index;
    EXPECT_EQ(draw.foreground, expected.foreground) << "mosaic " << expected.index;
    EXPECT_EQ(draw.position, expected.position) << "mosaic " << expected.index;
  }
}

TEST(DrawMosaic, GivesTheTableForTwentySegments) {
  const auto draw = draw_mosaic(1, /*num_segments=*/20, kBackgrounds, kForegrounds);

  EXPECT_EQ(draw.backgrounds,
            (Draws{33003, 12172, 5192, 32511, 7813, 21440, 32912, 20609, 7751, 31228, 32025, 21758,
                   8444, 19946, 22926, 27204, 31959, 24535, 19433}));
  EXPECT_EQ(draw.foreground, 753U);
  EXPECT_EQ(draw.position, 0U);
}

TEST(DrawMosaic, PlacesForegroundsAsThePublishedHistogramSays) {
  std::vector<int> train(5);
  std::vector<int> test(5);

  for (std::uint32_t i = 0; i < 40000; ++i) {
    ++(i < 30000 ? train : test)[draw_mosaic(i, 5, kBackgrounds, kForegrounds).position];
  }

  EXPECT_EQ(train, (std::vector<int>{6110, 5943, 5950, 5921, 6076}));
  EXPECT_EQ(test, (std::vector<int>{2069, 1966, 2002, 2025, 1938}));
}

/// Twelve images of six classes in turn, 2 x 2.
class Mosaic : public testing::Test {
 protected:
  Mosaic() { write_image_folder(folder_.path(), 12, 2, 6); }

  json settings(const json& changes = json::object()) const {
    json all = {{"kind", "mosaic"}, {"images", "mnist"},    {"root", folder_.path().string()},
                {"segments", 3},    {"foreground", {4, 1}}, {"train_size", 20},
                {"test_size", 5}};
    all.update(changes);
    return all;
  }

  std::string problem_key(const json& changes) const {
    try {
      mosaic_kind().describe(settings(changes));
    } catch (const SettingError& error) {
      return error.problem().key;
    }
    return "none";
  }

  TemporaryFolder folder_;
};

TEST_F(Mosaic, LabelsAMosaicWithThePositionOfItsForegroundClass) {
  const auto train = mosaic_kind().load(settings()).train;

  ASSERT_EQ(train.size(), 20);
  for (std::int64_t i = 0; i < 20; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      const auto image_class = train.members[i][j].item<std::int64_t>() % 6;
      const bool is_foreground = j == train.foreground[i].item<std::int64_t>();
      EXPECT_EQ(image_class == 4 || image_class == 1, is_foreground);
      if (!is_foreground) continue;
      EXPECT_EQ(train.labels[i].item<std::int64_t>(), image_class == 4 ? 0 : 1);
    }
  }
}

// Foreground pool: images 1 4 7 10 (classes 1 4 1 4); background pool: the eight others in order.
TEST_F(Mosaic, FillsSegmentsFromThePoolsInTheOrderOfTheDraws) {
  const std::vector<std::int64_t> foregrounds = {1, 4, 7, 10};
  const std::vector<std::int64_t> backgrounds = {0, 2, 3, 5, 6, 8, 9, 11};
  const auto draw = draw_mosaic(2, /*num_segments=*/3, 8, 4);
  std::vector<std::int64_t> expected = {backgrounds[draw.backgrounds[0]],
                                        backgrounds[draw.backgrounds[1]]};
  expected.insert(expected.begin() + draw.position, foregrounds[draw.foreground]);

  const auto members = mosaic_kind().load(settings()).train.members[2];

  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_EQ(members[static_cast<std::int64_t>(j)].item<std::int64_t>(), expected[j]);
  }
}

TEST_F(Mosaic, IsIdentifiedByItsContentNotByItsPath) {
  const TemporaryFolder copy;
  write_image_folder(copy.path(), 12, 2, 6);

  const auto identity = mosaic_kind().describe(settings()).identity;
  const auto other = mosaic_kind().describe(settings({{"root", copy.path().string()}})).identity;

  EXPECT_EQ(identity, other);
  EXPECT_FALSE(identity.contains("root"));
}

TEST_F(Mosaic, WritesOutItsBackgroundClasses) {
  const auto identity = mosaic_kind().describe(settings()).identity;
  const auto named = mosaic_kind().describe(settings({{"background", {5, 3, 2, 0}}})).identity;

  EXPECT_EQ(identity.at("background"), (json{0, 2, 3, 5}));
  EXPECT_EQ(named, identity);
}

TEST_F(Mosaic, RefusesClassesThatDoNotFitTheImages) {
  EXPECT_EQ(problem_key({{"foreground", {1, 9}}}), "dataset.foreground");
  EXPECT_EQ(problem_key({{"foreground", {1, 1}}}), "dataset.foreground");
  EXPECT_EQ(problem_key({{"foreground", {1}}}), "dataset.foreground");
  EXPECT_EQ(problem_key({{"background", {1, 2}}}), "dataset.background");
  EXPECT_EQ(problem_key({{"background", {7}}}), "dataset.background");
  EXPECT_EQ(problem_key({{"foreground", {0, 1, 2, 3, 4, 5}}}), "dataset.background");
}

TEST_F(Mosaic, SaysWhatToPutIntoAFolderThatLacksTheFiles) {
  try {
    mosaic_kind().describe(settings({{"root", "/no/such/folder"}}));
    FAIL() << "nothing was thrown";
  } catch (const SettingError& error) {
    EXPECT_EQ(error.problem().key, "dataset.root");
    EXPECT_EQ(error.problem().problem,
              "/no/such/folder/train-images-idx3-ubyte[.gz] does not exist");
    EXPECT_NE(error.problem().hint.find("./dev data mnist"), std::string::npos);
  }
}

}  // namespace
}  // namespace trainer
