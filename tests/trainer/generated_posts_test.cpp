#include "trainer/datasets/generated_posts.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using nlohmann::json;

json settings(const json& changes = json::object()) {
  json all = {{"kind", "generated_posts"}, {"classes", 3},     {"vocabulary", 50}, {"longest", 10},
              {"train_size", 800},         {"test_size", 100}, {"seed", 0},        {"signal", 1.0}};
  all.update(changes);
  return all;
}

DataSet load(const json& changes = json::object()) {
  return generated_posts_kind().load(settings(changes));
}

/// The class whose word a token is: words 3 .. 6 are of class 0, 7 .. 10 of class 1, and so on.
torch::Tensor class_of(const torch::Tensor& tokens) {
  return (tokens - 3).div(4, "floor");
}

double share_of(const torch::Tensor& mask) {
  return mask.to(torch::kDouble).mean().item<double>();
}

TEST(GeneratedPosts, MarkWordsOfTheLabelsClassAndNoOthers) {
  const auto train = load().train;

  const auto labels = train.labels.unsqueeze(1).expand_as(train.members);
  EXPECT_TRUE(
      class_of(train.members).eq(labels).masked_select(train.foreground).all().item<bool>());
  const auto plain = train.members >= 15;
  const auto has_rationale = train.foreground.any(/*dim=*/1);
  const auto rest = train.foreground.logical_or(train.absent).logical_not();
  EXPECT_TRUE(plain.masked_select(rest.logical_and(has_rationale.unsqueeze(1))).all().item<bool>());
}

// Of 800 posts one in eight is without, give or take 5 standard deviations of 0.012.
TEST(GeneratedPosts, HaveOneToThreeMarkedTokensAndNoneInOnePostOfEight) {
  const auto num_marked = load().train.foreground.sum(/*dim=*/1);

  EXPECT_NEAR(share_of(num_marked == 0), 0.125, 0.06);
  EXPECT_EQ(num_marked.max().item<std::int64_t>(), 3);
}

// 1400 marked tokens or so; 5 standard deviations are 0.06.
TEST(GeneratedPosts, TellTheLabelAsOftenAsTheSignalSays) {
  for (const double signal : {0.0, 0.7}) {
    const auto train = load({{"signal", signal}}).train;
    const auto labels = train.labels.unsqueeze(1).expand_as(train.members);
    const auto tells = class_of(train.members).eq(labels).masked_select(train.foreground);
    EXPECT_NEAR(share_of(tells), signal, 0.06);
  }
}

TEST(GeneratedPosts, HaveThreeTokensAtLeastAndThenAbsentOnesOnly) {
  const auto train = load().train;

  const auto lengths = train.absent.logical_not().sum(/*dim=*/1);
  EXPECT_EQ(lengths.min().item<std::int64_t>(), 3);
  EXPECT_EQ(lengths.max().item<std::int64_t>(), 10);
  const auto positions = torch::arange(10).unsqueeze(0);
  EXPECT_TRUE(train.absent.equal(positions >= lengths.unsqueeze(1)));
  EXPECT_TRUE((train.members == 0).equal(train.absent));
  EXPECT_LT(train.members.max().item<std::int64_t>(), 50);
}

TEST(GeneratedPosts, FollowFromSeedAndIndexAlone) {
  const auto data = load();
  const auto fewer = load({{"train_size", 700}, {"test_size", 200}});

  EXPECT_TRUE(fewer.train.members.equal(data.train.members.narrow(0, 0, 700)));
  EXPECT_TRUE(fewer.test->members.narrow(0, 100, 100).equal(data.test->members));
  EXPECT_FALSE(load({{"seed", 1}}).train.members.equal(data.train.members));
  EXPECT_FALSE(load({{"seed", 1LL << 32}}).train.members.equal(data.train.members));
}

TEST(GeneratedPosts, NeedWordsThatTellNothing) {
  EXPECT_NO_THROW(load({{"vocabulary", 16}}));
  EXPECT_THROW(load({{"vocabulary", 15}}), SettingError);
}

}  // namespace
}  // namespace trainer
