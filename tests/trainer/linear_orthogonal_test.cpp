#include "trainer/datasets/linear_orthogonal.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using nlohmann::json;

json settings(int size, int seed = 0) {
  return {{"kind", "linear_orthogonal"},
          {"segments", 20},
          {"classes", 20},
          {"size", size},
          {"seed", seed}};
}

DataSet load_with(const json& settings) {
  return linear_orthogonal_kind().load(settings);
}

std::vector<std::int64_t> to_vector(const torch::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(),
          tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

// Expected: index sequences of the published generator. Foregrounds of class c begin at row 2000 c,
// backgrounds at row 40000.
TEST(LinearOrthogonal, DrawsTheMosaicsOfThePublishedGenerator) {
  const auto train = load_with(settings(5000)).train;

  const auto first = to_vector(train.members[0].slice(0, 0, 5).contiguous());
  const auto last = to_vector(train.members[4999].slice(0, 0, 5).contiguous());
  EXPECT_EQ(first, (std::vector<std::int64_t>{12 * 2000 + 559, 41653, 41216, 40835, 40763}));
  EXPECT_EQ(last, (std::vector<std::int64_t>{8 * 2000 + 457, 40551, 41349, 40593, 41648}));
  EXPECT_EQ(to_vector(train.labels.slice(0, 0, 10)),
            (std::vector<std::int64_t>{12, 5, 8, 10, 14, 3, 10, 15, 3, 1}));
  EXPECT_EQ(to_vector(train.labels.bincount()),
            (std::vector<std::int64_t>{261, 262, 263, 231, 249, 263, 239, 282, 227, 248,
                                       247, 244, 241, 262, 253, 255, 262, 230, 251, 230}));
}

TEST(LinearOrthogonal, PutsForegroundsOnUnitVectorsAndBackgroundsOnTheLastAxis) {
  const auto points = load_with(settings(1)).train.points.view({21, 2000, 21});

  for (int c = 0; c < 20; ++c) {
    auto others = points[c].clone();
    others.select(1, c).zero_();
    EXPECT_EQ(others.abs().max().item<float>(), 0);
    EXPECT_NEAR(points[c].select(1, c).mean().item<float>(), 1, 1e-5);
    EXPECT_NEAR(points[c].select(1, c).std().item<float>(), 1e-5, 1e-6);
  }
  EXPECT_EQ(points[20].slice(1, 0, 20).abs().max().item<float>(), 0);
  EXPECT_NEAR(points[20].select(1, 20).mean().item<float>(), 0, 5 * 0.1 / std::sqrt(2000));
  EXPECT_NEAR(points[20].select(1, 20).std().item<float>(), 0.1, 0.01);
}

TEST(LinearOrthogonal, KeepsItsForegroundAtSegmentZeroAndHasNoTestSet) {
  const auto data = load_with(settings(10));

  EXPECT_EQ(data.train.foreground.sizes(), data.train.members.sizes());
  EXPECT_TRUE(data.train.foreground.select(1, 0).all().item<bool>());
  EXPECT_FALSE(data.train.foreground.slice(1, 1).any().item<bool>());
  EXPECT_FALSE(data.test.has_value());
  EXPECT_FALSE(data.shape.image.has_value());
  EXPECT_EQ(data.shape.features, 21);
}

TEST(LinearOrthogonal, DrawsItsPointsFromItsSeed) {
  EXPECT_TRUE(load_with(settings(1, 4)).train.points.equal(load_with(settings(1, 4)).train.points));
  EXPECT_FALSE(
      load_with(settings(1, 4)).train.points.equal(load_with(settings(1, 5)).train.points));
}

}  // namespace
}  // namespace trainer
