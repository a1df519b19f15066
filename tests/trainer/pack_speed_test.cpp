#include "trainer/pack_speed.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

PackTask task_of(const nlohmann::json& model, const DataShape& shape) {
  return {.phases = {{.loss = make_loss({{"name", "hard"}}),
                      .optimizer = {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}}}},
          .model = make_model(model, shape)};
}

TEST(MadeUpPackSpeed, NeedsNoData) {
  const DataShape numbers = {.segments = 3, .features = 4, .classes = 2};
  const DataShape tokens = {.segments = 3, .features = 1, .classes = 2, .vocabulary = 30};
  const auto linear = task_of({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, numbers);
  const auto embedding = task_of({{"name", "embedding"}}, tokens);

  EXPECT_GT(measure_speed({.task = linear, .shape = numbers, .batch_size = 20, .width = 3}), 0);
  EXPECT_GT(measure_speed({.task = embedding, .shape = tokens, .batch_size = 5, .width = 2}), 0);
}

TEST(MadeUpPackSpeed, IsOfAsManyStepsAsAreAskedFor) {
  const DataShape shape = {.segments = 3, .features = 4, .classes = 2};
  auto task = task_of({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, shape);
  int num_replays = 0;
  task.recorder = [&](const std::function<void()>& /*work*/) {
    return [&num_replays] { ++num_replays; };
  };

  train(MadeUpPack{.task = task, .shape = shape, .batch_size = 20, .width = 3}, /*num_steps=*/7);

  EXPECT_EQ(num_replays, 7 - 2);  // the first two are direct
}

}  // namespace
}  // namespace trainer
