#include "protocol/suggestion.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace protocol {
namespace {

const std::vector<std::string> known_names = {"learning_rate", "loss", "seed"};

TEST(ClosestName, FindsALetterMissingAddedOrReplaced) {
  EXPECT_EQ(closest_name("learning_rat", known_names), "learning_rate");
  EXPECT_EQ(closest_name("losss", known_names), "loss");
  EXPECT_EQ(closest_name("sead", known_names), "seed");
}

TEST(ClosestName, PrefersTheSmallerDistance) {
  const std::vector<std::string> known = {"train_loss", "test_loss"};

  EXPECT_EQ(closest_name("tast_loss", known), "test_loss");  // 1 letter differs, against 2
}

TEST(ClosestName, KnowsWhenNothingIsClose) {
  EXPECT_EQ(closest_name("momentum", known_names), std::nullopt);
  EXPECT_EQ(closest_name("", known_names), std::nullopt);
}

TEST(ClosestName, DoesNotReplaceEveryLetterOfAShortName) {
  const std::vector<std::string> known = {"lr"};

  EXPECT_EQ(closest_name("xy", known), std::nullopt);  // distance 2 is allowed, but all of "lr"
}

TEST(SuggestName, AsksForTheClosest) {
  EXPECT_EQ(suggest_name("learning_rat", known_names), "did you mean 'learning_rate'?");
}

TEST(SuggestName, ListsAllWhereNoneIsClose) {
  EXPECT_EQ(suggest_name("momentum", known_names), "known are learning_rate, loss, seed");
}

TEST(SuggestName, SaysWhenNothingIsKnown) {
  EXPECT_EQ(suggest_name("loss", {}), "none is known here");
}

}  // namespace
}  // namespace protocol
