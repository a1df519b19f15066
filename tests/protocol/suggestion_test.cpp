#include "protocol/suggestion.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace protocol {
namespace {

const std::vector<std::string> kKnown = {"learning_rate", "loss", "seed"};

TEST(ClosestName, FindsALetterMissingAddedOrReplaced) {
  EXPECT_EQ(closest_name("learning_rat", kKnown), "learning_rate");
  EXPECT_EQ(closest_name("losss", kKnown), "loss");
  EXPECT_EQ(closest_name("sead", kKnown), "seed");
}

TEST(ClosestName, PrefersTheSmallerDistance) {
  const std::vector<std::string> known = {"train_loss", "test_loss"};

  EXPECT_EQ(closest_name("tast_loss", known), "test_loss");  // 1 letter differs, against 2
}

TEST(ClosestName, KnowsWhenNothingIsClose) {
  EXPECT_EQ(closest_name("momentum", kKnown), std::nullopt);
  EXPECT_EQ(closest_name("", kKnown), std::nullopt);
}

TEST(ClosestName, DoesNotReplaceEveryLetterOfAShortName) {
  const std::vector<std::string> known = {"lr"};

  EXPECT_EQ(closest_name("xy", known), std::nullopt);  // distance 2 is allowed, but all of "lr"
}

TEST(SuggestName, AsksForTheClosest) {
  EXPECT_EQ(suggest_name("learning_rat", kKnown), "did you mean 'learning_rate'?");
}

TEST(SuggestName, ListsAllWhereNoneIsClose) {
  EXPECT_EQ(suggest_name("momentum", kKnown), "known are learning_rate, loss, seed");
}

TEST(SuggestName, SaysWhenNothingIsKnown) {
  EXPECT_EQ(suggest_name("loss", {}), "none is known here");
}

}  // namespace
}  // namespace protocol
