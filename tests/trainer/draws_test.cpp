#include "trainer/datasets/draws.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace trainer {
namespace {

TEST(DrawBelow, ConsumesNothingWhereThereIsNoChoice) {
  std::mt19937 rng(3);
  std::mt19937 untouched(3);

  EXPECT_EQ(draw_below(1, rng), 0U);

  EXPECT_EQ(rng, untouched);
}

TEST(DrawBelow, TakesMaskedBitsAndDrawsAgainWhileTheyAreTooLarge) {
  std::mt19937 rng(11);
  std::mt19937 same(11);

  const auto drawn = draw_below(5, rng);

  std::uint32_t expected = same() & 7U;  // 4 = 0b100 needs three bits
  while (expected > 4)
    expected = same() & 7U;
  EXPECT_EQ(drawn, expected);
  EXPECT_EQ(rng, same);
}

TEST(DrawBelow, ReachesBothEndsOfAPowerOfTwo) {
  std::mt19937 rng(0);
  std::vector<int> counts(4);

  for (int i = 0; i < 4000; ++i)
    ++counts[draw_below(4, rng)];

  for (const auto count : counts)
    EXPECT_NEAR(count, 1000, 5 * 27);  // five standard deviations
}

}  // namespace
}  // namespace trainer
