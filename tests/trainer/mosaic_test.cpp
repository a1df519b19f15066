#include "trainer/datasets/mosaic.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"
#include "trainer/datasets/batches.hpp"
#include "trainer/datasets/image_sources.hpp"

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

// The published pools over CIFAR-100 have 25,000 images each.
TEST(DrawMosaic, GivesTheTableOverCifar100) {
  const std::vector<Expected> table = {{0, {2732, 10799, 9845, 19648}, 13123, 3},
                                       {1, {235, 12172, 5192, 17289}, 10955, 0},
                                       {2, {23720, 2575, 6637, 11798}, 18898, 3}};

  for (const auto& expected : table) {
    const auto draw = draw_mosaic(expected.index, /*num_segments=*/5, 25000, 25000);
    EXPECT_EQ(draw.backgrounds, expected.backgrounds) << "mosaic " << expected.index;
    EXPECT_EQ(draw.foreground, expected.foreground) << "mosaic " << expected.index;
    EXPECT_EQ(draw.position, expected.position) << "mosaic " << expected.index;
  }
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
      const bool is_foreground = train.foreground[i][j].item<bool>();
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

// As identities were before mosaics had a split, a position and other images than MNIST's: trials
// that were trained then are still known.
TEST_F(Mosaic, OfMnistKeepsTheIdentityOfItsFirstVersion) {
  auto first_version = settings();
  first_version.erase("root");
  first_version["background"] = {0, 2, 3, 5};
  first_version["fingerprint"] = read_image_folder(folder_.path())->fingerprint;

  const auto identity_with = [&](const json& changes) {
    return mosaic_kind().describe(settings(changes)).identity;
  };

  EXPECT_EQ(identity_with(json::object()), first_version);
  EXPECT_EQ(identity_with({{"split", "images_test"}, {"position", "drawn"}}), first_version);
  EXPECT_NE(identity_with({{"split", "index_range"}}), first_version);
  EXPECT_NE(identity_with({{"position", "first"}}), first_version);
}

TEST_F(Mosaic, LabelsByTheFirstThreeClassesOfMnistUnlessToldOtherwise) {
  auto unnamed = settings();
  unnamed.erase("foreground");

  const auto summary = mosaic_kind().describe(unnamed);

  EXPECT_EQ(summary.identity,
            mosaic_kind().describe(settings({{"foreground", {0, 1, 2}}})).identity);
  EXPECT_EQ(summary.shape.classes, 3);
}

TEST_F(Mosaic, OfAnIndexRangeTestsOnTheNextMosaicsOfTheTrainingImages) {
  const auto data = mosaic_kind().load(settings({{"split", "index_range"}}));
  const auto longer = mosaic_kind().load(settings({{"train_size", 25}}));

  EXPECT_TRUE(data.test->points.is_same(data.train.points));
  EXPECT_TRUE(data.test->members.equal(longer.train.members.slice(0, 20, 25)));
  EXPECT_TRUE(data.test->labels.equal(longer.train.labels.slice(0, 20, 25)));
  EXPECT_TRUE(data.test->foreground.equal(longer.train.foreground.slice(0, 20, 25)));
}

TEST_F(Mosaic, OfTestImagesBeginsAgainWithMosaicZero) {
  const auto data = mosaic_kind().load(settings({{"split", "images_test"}}));

  EXPECT_TRUE(data.test->members.equal(data.train.members.slice(0, 0, 5)));
  EXPECT_FALSE(data.test->points.equal(data.train.points));
}

TEST_F(Mosaic, CanHaveItsForegroundInTheFirstSegment) {
  const auto drawn = mosaic_kind().load(settings()).train;
  const auto first = mosaic_kind().load(settings({{"position", "first"}})).train;

  EXPECT_TRUE(first.foreground.select(1, 0).all().item<bool>());
  EXPECT_FALSE(first.foreground.slice(1, 1).any().item<bool>());
  EXPECT_TRUE(first.labels.equal(drawn.labels));
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(std::get<0>(first.members[i].sort()).equal(std::get<0>(drawn.members[i].sort())));
  }
}

TEST_F(Mosaic, TellsTheMemoryOfImagesAndBatches) {
  const auto summary = mosaic_kind().describe(settings());
  const auto large = mosaic_kind().describe(settings({{"train_size", 1'000'000'000}}));

  EXPECT_EQ(summary.size_bytes, (12 + 12) * 4 + (20 + 5) * 3 * 4);
  EXPECT_EQ(large.size_bytes, (12 + 12) * 4 + 5 * 3 * 4) << "batches are built when asked for";
}

// Expected: the sorted names of all classes, of which the paper's code lists the foreground.
TEST(ImageSources, TakeAnimalsAndPeopleOfCifar100AsForeground) {
  const std::vector<std::string> foreground = {
      "beaver",  "dolphin",    "otter",       "seal",      "whale",  "aquarium_fish", "flatfish",
      "ray",     "shark",      "trout",       "bee",       "beetle", "butterfly",     "bear",
      "leopard", "lion",       "caterpillar", "cockroach", "tiger",  "wolf",          "camel",
      "cattle",  "chimpanzee", "elephant",    "kangaroo",  "fox",    "possum",        "porcupine",
      "raccoon", "skunk",      "crab",        "lobster",   "snail",  "spider",        "worm",
      "baby",    "boy",        "girl",        "man",       "woman",  "crocodile",     "dinosaur",
      "lizard",  "snake",      "turtle",      "hamster",   "mouse",  "rabbit",        "shrew",
      "squirrel"};
  std::vector<std::string> all = {
      "orchid",     "poppy",      "rose",       "sunflower", "tulip",       "bottle",
      "bowl",       "can",        "cup",        "plate",     "apple",       "mushroom",
      "orange",     "pear",       "clock",      "keyboard",  "lamp",        "sweet_pepper",
      "telephone",  "television", "bed",        "chair",     "couch",       "table",
      "wardrobe",   "bridge",     "castle",     "house",     "road",        "skyscraper",
      "cloud",      "forest",     "mountain",   "plain",     "sea",         "maple_tree",
      "oak_tree",   "palm_tree",  "pine_tree",  "bicycle",   "willow_tree", "bus",
      "motorcycle", "train",      "lawn_mower", "rocket",    "streetcar",   "pickup_truck",
      "tank",       "tractor"};
  all.insert(all.end(), foreground.begin(), foreground.end());
  std::ranges::sort(all);
  std::vector<int> expected;
  for (int label = 0; label < 100; ++label) {
    const auto& name = all[static_cast<std::size_t>(label)];
    if (std::ranges::find(foreground, name) != foreground.end()) expected.push_back(label);
  }

  const auto& classes = find_image_source("cifar100").foreground;

  ASSERT_EQ(all.size(), 100U);
  EXPECT_EQ(classes, expected);
  EXPECT_EQ(std::ranges::find(classes, 99) - classes.begin(), 49) << "worm";
}

TEST(Mosaic100, HasFiftyClassesAndFiftyBackgrounds) {
  const TemporaryFolder folder;
  write_cifar100_folder(folder.path());
  const json settings = {{"images", "cifar100"},
                         {"root", folder.path().string()},
                         {"segments", 5},
                         {"train_size", 300},
                         {"test_size", 10}};

  const auto summary = mosaic_kind().describe(settings);
  const auto data = mosaic_kind().load(settings);

  EXPECT_EQ(summary.shape.classes, 50);
  EXPECT_EQ(summary.shape.features, 3072);
  EXPECT_EQ(summary.shape.image->channels, 3);
  EXPECT_EQ(summary.identity.at("split"), "index_range");
  EXPECT_EQ(summary.identity.at("background").size(), 50U);
  const auto images = data.train.members.masked_select(data.train.foreground);
  for (std::int64_t i = 0; i < 300; ++i) {  // image c is of class c
    if (images[i].item<int>() != 99) continue;
    EXPECT_EQ(data.train.labels[i].item<int>(), 49) << "worm";
    return;
  }
  FAIL() << "no mosaic of a worm";
}

// Expected: records, labels and sums of the sample, measured with NumPy's generator.
class CifarMosaic : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("MPISWEEP_DATA");
    const auto root =
        std::filesystem::path(data == nullptr ? DATA_FOLDER : data) / "cifar10_sample";
    const auto file = root / "data_batch_1.bin";
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file;
    settings_ = {{"images", "cifar10"},
                 {"root", root.string()},
                 {"segments", 5},
                 {"train_size", 39'999},
                 {"test_size", 1}};
    data_ = mosaic_kind().load(settings_);
  }

  struct Row {
    std::int64_t index;
    std::vector<std::int64_t> records;
    int label;
    double mean;
    double sum_of_squares;
  };

  static void expect_row(const Split& split, std::int64_t index, const Row& row) {
    const auto mosaic = Batches(reorder(split, torch::tensor({index})), 1)[0];
    const auto pixels = mosaic.segments.select(/*dim=*/3, 0).to(torch::kDouble);  // [1, d, m]
    EXPECT_TRUE(split.members[index].equal(torch::tensor(row.records)));
    EXPECT_EQ(split.labels[index].item<int>(), row.label);
    EXPECT_NEAR(pixels.mean().item<double>(), row.mean, 1e-5);
    EXPECT_NEAR(pixels.square().sum().item<double>(), row.sum_of_squares, 1e-2);
  }

  json settings_ = {};
  DataSet data_ = {};
};

TEST_F(CifarMosaic, HasTheRecordsLabelsAndSumsOfThePublishedRecipe) {
  const std::vector<Row> table = {{0, {3874, 3693, 2315, 2883, 4620}, 0, -0.024431, 2857.188},
                                  {1, {7338, 334, 5646, 3123, 7387}, 0, 0.064095, 4404.953},
                                  {2, {3642, 9439, 7869, 8128, 5114}, 0, -0.117962, 5342.472}};

  for (const auto& row : table)
    expect_row(data_.train, row.index, row);
  expect_row(*data_.test, 0, {39999, {7373, 6304, 5472, 4259, 7216}, 1, 0.063015, 3451.302});
}

TEST_F(CifarMosaic, HasItsPositionsAndLabelsAsOftenAsPublished) {
  const auto positions = data_.train.foreground.slice(0, 0, 2000).sum(0);
  const auto labels = data_.train.labels.slice(0, 0, 2000).bincount();

  EXPECT_TRUE(positions.equal(torch::tensor({420, 388, 401, 396, 395}, torch::kLong))) << positions;
  EXPECT_TRUE(labels.equal(torch::tensor({670, 599, 731}, torch::kLong))) << labels;
}

TEST_F(CifarMosaic, CanBeTestedOnTestImages) {
  settings_.update({{"split", "images_test"}, {"test_size", 100}});

  const auto data = mosaic_kind().load(settings_);

  EXPECT_EQ(data.test->points.size(0), 2000);
  EXPECT_FALSE(mosaic_kind().describe(settings_).identity.contains("split"));
}

}  // namespace
}  // namespace trainer
