#include "trainer/datasets/batches.hpp"

#include <set>

#include <gtest/gtest.h>

namespace trainer {
namespace {

/// Five inputs of two segments with three features; segment j of input i is point 2 i + j, and
/// point p has the features 10 p, 10 p + 1, 10 p + 2.
Split make_split(torch::ScalarType type = torch::kFloat) {
  const auto points = 10 * torch::arange(10).unsqueeze(1) + torch::arange(3);
  return {.points = points.to(type),
          .members = torch::arange(10).view({5, 2}),
          .labels = torch::arange(5),
          .foreground = torch::one_hot(torch::arange(5) % 2, 2).to(torch::kBool)};
}

TEST(Batches, CutASplitInItsOwnOrderWithAShortLastBatch) {
  const Batches batches(make_split(), /*batch_size=*/2);

  ASSERT_EQ(batches.count(), 3);
  EXPECT_EQ(batches[1].num_inputs, 2);
  EXPECT_EQ(batches[2].num_inputs, 1);
  EXPECT_EQ(batches[1].labels[0].item<std::int64_t>(), 2);
  EXPECT_EQ(batches[1].labels[1].item<std::int64_t>(), 3);
  EXPECT_TRUE(batches[2].foreground[0][0].item<bool>());
  EXPECT_FALSE(batches[2].foreground[1][0].item<bool>());
}

TEST(Batches, HaveSamplesInnermost) {
  const auto segments = Batches(make_split(), 2)[1].segments;  // inputs 2 and 3

  for (int k = 0; k < 3; ++k)
    for (int j = 0; j < 2; ++j)
      for (int b = 0; b < 2; ++b)
        EXPECT_EQ(segments[0][k][j][b].item<float>(), 10 * (2 * (2 + b) + j) + k);
}

TEST(Batches, AreFilledUpWithBlanksToWholeCacheLines) {
  const auto batch = Batches(make_split(), 2)[0];

  EXPECT_EQ(batch.segments.sizes(), torch::IntArrayRef({1, 3, 2, 16}));
  EXPECT_TRUE(batch.segments.is_contiguous());
  EXPECT_EQ(batch.labels.size(0), 16);
  EXPECT_EQ(batch.foreground.sizes(), torch::IntArrayRef({2, 16}));
  EXPECT_FALSE(batch.foreground.slice(/*dim=*/1, 2).any().item<bool>());
  EXPECT_EQ(batch.segments.slice(/*dim=*/3, 2).abs().max().item<float>(), 0);
}

TEST(Batches, HoldSegmentsInTheirOrderWhereNoBlanksAreNeededToo) {
  auto split = make_split();
  split.members = (torch::arange(32) % 10).view({16, 2});
  split.labels = torch::arange(16) % 5;
  split.foreground = torch::one_hot(torch::arange(16) % 2, 2).to(torch::kBool);

  const auto batch = Batches(split, 16)[0];

  EXPECT_EQ(batch.segments.size(3), 16);
  EXPECT_TRUE(batch.segments.is_contiguous());
}

TEST(Batches, TurnBytesIntoNumbersFromMinusOneToOne) {
  auto split = make_split(torch::kByte);
  split.points[0] = torch::tensor({0, 51, 255}, torch::kByte);

  const auto segments = Batches(split, 5)[0].segments;

  EXPECT_EQ(segments[0][0][0][0].item<float>(), -1);
  EXPECT_FLOAT_EQ(segments[0][1][0][0].item<float>(), 2 * 51 / 255.0F - 1);
  EXPECT_EQ(segments[0][2][0][0].item<float>(), 1);
}

/// Posts of 2, 1, 4 and 3 tokens; token j of post i is 10 i + j + 1, the last one is its
/// foreground.
Split make_posts() {
  const auto lengths = torch::tensor({2, 1, 4, 3}, torch::kLong).unsqueeze(1);
  const auto positions = torch::arange(4).unsqueeze(0);
  const auto absent = positions >= lengths;
  const auto tokens = 10 * torch::arange(4).unsqueeze(1) + positions + 1;
  return {.points = torch::arange(50).unsqueeze(1),
          .members = tokens.masked_fill(absent, 0),
          .labels = torch::arange(4),
          .foreground = positions == lengths - 1,
          .absent = absent};
}

TEST(BatchesOfPosts, HoldExactTokensAndTheLengthOfTheirLongest) {
  const Batches batches(make_posts(), /*batch_size=*/2);

  const auto first = batches[0];
  const auto second = batches[1];

  EXPECT_EQ(first.segments.scalar_type(), torch::kLong);
  ASSERT_EQ(first.segments.sizes(), torch::IntArrayRef({1, 1, 2, 16}));
  ASSERT_EQ(second.segments.sizes(), torch::IntArrayRef({1, 1, 4, 16}));
  const auto expected = torch::tensor({21, 31, 22, 32, 23, 33, 24, 0}, torch::kLong).view({4, 2});
  EXPECT_TRUE(second.segments[0][0].narrow(1, 0, 2).equal(expected));
  EXPECT_TRUE(second.absent.narrow(1, 0, 2).equal(expected == 0));
  EXPECT_TRUE(second.foreground.narrow(1, 0, 2).equal((expected == 24).logical_or(expected == 33)));
  EXPECT_TRUE(first.absent.narrow(1, 0, 2).equal(
      torch::tensor({0, 0, 0, 1}, torch::kLong).view({2, 2}).to(torch::kBool)));
}

TEST(BatchesOfPosts, LackNoSegmentWhereTheyAreBlank) {
  const auto batch = Batches(make_posts(), 2)[0];

  EXPECT_EQ(batch.absent.sizes(), torch::IntArrayRef({2, 16}));
  EXPECT_FALSE(batch.absent.slice(/*dim=*/1, 2).any().item<bool>());
}

TEST(Batches, KnowOfNoAbsentSegmentsWhereEveryInputHasAll) {
  EXPECT_FALSE(Batches(make_split(), 2)[0].absent.defined());
}

TEST(Shuffle, KeepsPostsWhole) {
  const auto shuffled = shuffle(Batches(make_posts(), 4), /*seed=*/1, /*epoch=*/1)[0];

  for (int b = 0; b < 4; ++b) {
    const auto post = shuffled.labels[b].item<std::int64_t>();
    EXPECT_EQ(shuffled.segments[0][0][0][b].item<std::int64_t>(), 10 * post + 1);
    EXPECT_TRUE(shuffled.absent.select(1, b).equal(shuffled.segments[0][0].select(1, b) == 0));
  }
}

TEST(Shuffle, DrawsAnotherOrderForEachEpochAndTheSameOneAgain) {
  const Batches batches(make_split(), 5);

  const auto first = shuffle(batches, /*seed=*/7, /*epoch=*/1)[0].labels;

  EXPECT_TRUE(first.equal(shuffle(batches, 7, 1)[0].labels));
  EXPECT_FALSE(first.equal(shuffle(batches, 7, 2)[0].labels));
  EXPECT_FALSE(first.equal(shuffle(batches, 8, 1)[0].labels));
}

TEST(Shuffle, KeepsEveryInputOnceAndWhole) {
  const auto shuffled = shuffle(Batches(make_split(), 5), /*seed=*/1, /*epoch=*/1)[0];

  std::set<std::int64_t> seen;
  for (int b = 0; b < 5; ++b) {
    const auto input = shuffled.labels[b].item<std::int64_t>();
    seen.insert(input);
    EXPECT_EQ(shuffled.foreground[0][b].item<bool>(), input % 2 == 0);
    EXPECT_EQ(shuffled.foreground[1][b].item<bool>(), input % 2 == 1);
    EXPECT_EQ(shuffled.segments[0][0][0][b].item<float>(), 20 * static_cast<float>(input));
  }
  EXPECT_EQ(seen.size(), 5U);
}

}  // namespace
}  // namespace trainer
