#include "sweep/packs_ahead.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

constexpr std::size_t kMany = 1'000'000;  // packs that wait

TEST(PacksAhead, IsOneOfLongPacksAndOfThoseThatNobodyKnows) {
  EXPECT_EQ(packs_ahead(/*pack_s=*/3600, kMany, 4), 1U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.05, kMany, 4), 1U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0, kMany, 4), 1U);
}

// 10 ms * 5 = 50 ms
TEST(PacksAhead, IsFiftyMillisecondsOfShortPacks) {
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, kMany, 4), 5U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.04, kMany, 4), 2U);
}

TEST(PacksAhead, IsBoundedHoweverShortThePacksAre) {
  EXPECT_EQ(packs_ahead(/*pack_s=*/1e-9, kMany, 4), 64U);
}

TEST(PacksAhead, IsNoMoreThanAWorkersShareOfWhatWaits) {
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, /*num_waiting=*/11, 4), 2U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/10, /*num_waiting=*/11, 4), 1U);
}

TEST(PacksAhead, IsNoneUnlessMorePacksWaitThanThereAreWorkers) {
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, /*num_waiting=*/5, 4), 1U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, /*num_waiting=*/4, 4), 0U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, /*num_waiting=*/0, 4), 0U);
  EXPECT_EQ(packs_ahead(/*pack_s=*/0.01, /*num_waiting=*/5, 0), 0U);
}

}  // namespace
}  // namespace sweep
