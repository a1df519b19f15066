#include "trainer/pack_speed.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

PackTask task_of(const nlohmann::json& model, const DataShape& shape) {
  return {.phases = {{.loss = make_loss({{"name", "hard"}}),
                      .optimizer = {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}}}},
          .model = make_model(model, shape)};
}

TEST(MeasurePackSpeed, NeedsNoData) {
  const DataShape numbers = {.segments = 3, .features = 4, .classes = 2};
  const DataShape tokens = {.segments = 3, .features = 1, .classes = 2, .vocabulary = 30};
  const auto linear = task_of({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, numbers);
  const auto embedding = task_of({{"name", "embedding"}}, tokens);

  EXPECT_GT(measure_pack_speed(linear, numbers, /*batch_size=*/20, /*width=*/3, torch::kCPU), 0);
  EXPECT_GT(measure_pack_speed(embedding, tokens, /*batch_size=*/5, /*width=*/2, torch::kCPU), 0);
}

}  // namespace
}  // namespace trainer
