#include "tests/trainer/pack_training.hpp"

namespace trainer {
namespace {

class PackOfEveryLoss : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Pack, PackOfEveryLoss,
                         testing::Values("soft", "hard", "lvml", "lvml_em", "lvml_logits",
                                         "reinforce"),
                         [](const auto& loss) { return loss.param; });

// A batch of 23 and rows of 461 weights end between cache lines: where rounding would differ.
TEST_P(PackOfEveryLoss, TrainsALinearPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(linear_orthogonal(50), "linear", GetParam(), 23));
}

TEST_P(PackOfEveryLoss, TrainsAnMlpPackOfMnistShapeAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(28, 5, 300), "mlp", GetParam(), 250));
}

TEST_P(PackOfEveryLoss, TrainsALinearPackOfMnistShapeAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(28, 5, 300), "linear", GetParam(), 250));
}

TEST_P(PackOfEveryLoss, TrainsACnnPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(12, 3, 50), "cnn", GetParam(), 20));
}

TEST_P(PackOfEveryLoss, TrainsACifar10PackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(cifar_mosaics(2, 20), "cifar10_cnn", GetParam(), 12));
}

TEST_P(PackOfEveryLoss, TrainsACifar100PackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(cifar_mosaics(2, 20), "cifar100_cnn", GetParam(), 12));
}

TEST_P(PackOfEveryLoss, TrainsAnEmbeddingPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(posts(50), "embedding", GetParam(), 20));
}

TEST_P(PackOfEveryLoss, TrainsATransformerPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(posts(50), "transformer", GetParam(), 20));
}

TEST(Pack, TrainsAPublishedTransformerPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_published_transformer());
}

TEST(Pack, TrainsAPackWithANonlinearFocusAsItsTrialsOneByOne) {
  auto task = make_task(linear_orthogonal(50), "linear", "soft", 23);
  task.model = make_model({{"name", "nonlinear_focus"}, {"hidden", 50}},
                          {.segments = 4, .features = 6, .classes = 5});

  expect_pack_equals_singles(task);
}

TEST_P(PackOfEveryLoss, TrainsALinearPackInBf16AsItsTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(linear_orthogonal(50), "linear", GetParam(), 23)));
}

TEST_P(PackOfEveryLoss, TrainsAnMlpPackInBf16AsItsTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(mosaics(12, 3, 100), "mlp", GetParam(), 40)));
}

TEST(Pack, TrainsPacksOfOtherModelsInBf16AsTheirTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(mosaics(12, 3, 20), "cnn", "soft", 12)));
  expect_pack_equals_singles(in_bf16(make_task(posts(10), "embedding", "lvml", 6)));
  expect_pack_equals_singles(in_bf16(make_task(posts(10), "transformer", "hard", 6)));
}

TEST_P(PackOfEveryLoss, TrainsAPackOfFixedFocusAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_fixed_focus_task(GetParam(), 0.6));
}

TEST_P(PackOfEveryLoss, IsFiniteAtFullFocus) {
  const auto history =
      train(make_fixed_focus_task(GetParam(), 1), {.seeds = {0, 1}, .learning_rates = {.1, .05}});

  for (const auto& trials : history.train.own)
    for (const auto& metrics : trials)
      EXPECT_TRUE(std::isfinite(metrics.loss));
  EXPECT_EQ(history.diverged_in, std::vector<std::optional<int>>(2));
}

TEST(Pack, TrainsAPackUnderAllRulesAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.has_all_rules = true;

  expect_pack_equals_singles(task);
}

TEST(Pack, TrainsAnAdamPackAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};

  expect_pack_equals_singles(task);
}

TEST_P(PackOfEveryLoss, LeavesTheOthersUntouchedWhenATrialDiverges) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", GetParam(), 20);
  task.phases[0].epochs = 3;
  const PackTrials trials = {.seeds = {0, 1, 2}, .learning_rates = {.1, 1e30, .05}};

  const auto pack = train(task, trials);

  EXPECT_EQ(pack.diverged_in[1], 1);
  for (const std::size_t t : {0U, 2U}) {
    EXPECT_FALSE(pack.diverged_in[t].has_value());
    const auto alone =
        train(task, {.seeds = {trials.seeds[t]}, .learning_rates = {trials.learning_rates[t]}});
    expect_same_trial(pack, t, alone, 0);
  }
}

TEST(Pack, TrainsAPackWithEachBaselineOfReinforceAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "reinforce", 20);
  for (const std::string baseline : {"none", "exact"}) {
    task.phases[0].loss =
        make_loss({{"name", "reinforce"}, {"baseline", baseline}, {"decay", 0.9}});
    expect_pack_equals_singles(task);
  }
}

}  // namespace
}  // namespace trainer
