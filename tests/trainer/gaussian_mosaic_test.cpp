#include "trainer/datasets/gaussian_mosaic.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using nlohmann::json;

json settings(const json& changes = json::object()) {
  json all = {{"kind", "mosaic"}, {"images", "gaussian"}, {"segments", 9},
              {"classes", 10},    {"backgrounds", 10},    {"dimension", 64},
              {"size", 2000},     {"scale", 0.6},         {"noise", 0.5},
              {"seed", 0}};
  all.update(changes);
  return all;
}

Split load(const json& changes = json::object()) {
  return find_data_set_kind(settings(changes)).load(settings(changes)).train;
}

/// The points of the segments in a mask.  Shapes: mask [N, m] -> [segments, d]
torch::Tensor points_of(const Split& split, const torch::Tensor& mask) {
  return split.points.index_select(0, split.members.masked_select(mask));
}

double mean_square(const torch::Tensor& values) {
  return values.square().mean().item<double>();
}

TEST(GaussianMosaic, IsWhatMosaicMeansWithGaussianImages) {
  EXPECT_EQ(find_data_set_kind(settings()).describe, gaussian_mosaic_kind().describe);
  EXPECT_NE(find_data_set_kind({{"kind", "mosaic"}, {"images", "mnist"}}).describe,
            gaussian_mosaic_kind().describe);
}

TEST(GaussianMosaic, HasOneForegroundSegmentAtAUniformPosition) {
  const auto split = load();

  EXPECT_EQ(split.members.sizes(), torch::IntArrayRef({2000, 9}));
  EXPECT_TRUE(split.foreground.sum(1).eq(1).all().item<bool>());
  const auto at_position = split.foreground.sum(0);  // 2000 / 9 = 222, deviation 14
  EXPECT_GT(at_position.min().item<std::int64_t>(), 222 - 5 * 14);
  EXPECT_LT(at_position.max().item<std::int64_t>(), 222 + 5 * 14);
}

TEST(GaussianMosaic, HasUniformLabels) {
  const auto counts = torch::bincount(load().labels);  // 200 each, deviation 13.4

  ASSERT_EQ(counts.size(0), 10);
  EXPECT_GT(counts.min().item<std::int64_t>(), 200 - 5 * 14);
  EXPECT_LT(counts.max().item<std::int64_t>(), 200 + 5 * 14);
}

TEST(GaussianMosaic, SpreadsTheForegroundOfALabelByTheNoiseAroundItsMean) {
  const auto split = load();
  auto means = torch::zeros({10, 64});
  for (std::int64_t label = 0; label < 10; ++label) {
    const auto is_label = split.labels.eq(label).unsqueeze(1);
    const auto points = points_of(split, split.foreground.logical_and(is_label));
    means[label] = points.mean(0);
    EXPECT_NEAR(mean_square(points - means[label]), 0.5 * 0.5, 0.01) << label;
  }
  EXPECT_NEAR(mean_square(means), 0.6 * 0.6, 0.1);  // of 640 draws: deviation 0.02
}

TEST(GaussianMosaic, DrawsTheBackgroundFromOtherMeans) {
  const auto split = load({{"classes", 2}, {"backgrounds", 1}, {"noise", 0.0}});
  const auto background = points_of(split, split.foreground.logical_not());
  const auto foreground = points_of(split, split.foreground);

  EXPECT_TRUE(background.eq(background[0]).all().item<bool>());
  EXPECT_FALSE(foreground.eq(background[0]).all(1).any().item<bool>());
}

TEST(GaussianMosaic, TellsHowManyInputsATrialTrainsOn) {
  const auto told = gaussian_mosaic_kind().describe(settings({{"size", 123}}));

  EXPECT_EQ(told.train_size, 123);
  EXPECT_EQ(told.shape.classes, 10);
}

TEST(GaussianMosaic, FollowsFromItsSeed) {
  EXPECT_TRUE(torch::equal(load().points, load().points));
  EXPECT_TRUE(torch::equal(load().labels, load().labels));
  EXPECT_FALSE(torch::equal(load().points, load({{"seed", 1}}).points));
  EXPECT_FALSE(torch::equal(load().labels, load({{"seed", 1}}).labels));
}

}  // namespace
}  // namespace trainer
