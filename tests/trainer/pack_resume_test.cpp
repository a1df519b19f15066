#include "tests/trainer/pack_training.hpp"

namespace trainer {
namespace {

class ResumeUnderEveryLoss : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(PackResume, ResumeUnderEveryLoss,
                         testing::Values("soft", "hard", "lvml", "lvml_em", "lvml_logits",
                                         "reinforce"),
                         [](const auto& loss) { return loss.param; });

TEST_P(ResumeUnderEveryLoss, GoesOnBitForBitFromTheStateAfterAnyStep) {
  expect_same_from_every_state(make_task(mosaics(12, 3, 50), "mlp", GetParam(), 20), kThreeTrials);
}

TEST_P(ResumeUnderEveryLoss, GoesOnBitForBitWithATransformerFromTheStateAfterAnyStep) {
  auto task = make_task(posts(50), "transformer", GetParam(), 20);
  task.shuffle_seed = 5;
  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackResume, GoesOnBitForBitWithAPublishedTransformer) {
  expect_same_from_every_state(make_published_transformer(), kThreeTrials);
}

TEST(PackResume, GoesOnBitForBitWithAdam) {
  auto task = make_task(mosaics(12, 3, 50), "cnn", "soft", 20);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.1}};

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackResume, GoesOnBitForBitInAShuffledOrderWithMetricsOfEachBatch) {
  auto task = make_task(linear_orthogonal(50), "linear", "lvml", 20);
  task.shuffle_seed = 5;
  task.measures_after_update = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackResume, GoesOnBitForBitWithAFixedFocus) {
  auto task = make_fixed_focus_task("lvml", 0.6);
  task.measures_after_update = true;

  expect_same_from_every_state(task, kThreeTrials);
}

/// Stands in for a GPU: to replay recorded work is to do it again.
Recorder recorder_on_cpu(int& num_replays) {
  return [&num_replays](const std::function<void()>& work) -> Replay {
    return [&num_replays, work] {
      ++num_replays;
      work();
    };
  };
}

void expect_same_replayed(PackTask task) {
  at::set_num_threads(1);
  const auto direct = train(task, kThreeTrials);
  const auto states = states_of(task, kThreeTrials);
  int num_replays = 0;
  task.recorder = recorder_on_cpu(num_replays);

  expect_same_pack(train(task, kThreeTrials), direct);
  expect_same_pack(go_on(task, kThreeTrials, states[1]), direct);

  EXPECT_GT(num_replays, 0);
}

TEST_P(ResumeUnderEveryLoss, ReplaysRecordedStepsBitForBit) {
  auto task = make_task(linear_orthogonal(120), "linear", GetParam(), 23);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};
  expect_same_replayed(task);
}

TEST_P(ResumeUnderEveryLoss, ReplaysRecordedStepsWithATransformerBitForBit) {
  auto task = make_task(posts(90), "transformer", GetParam(), 10);
  task.shuffle_seed = 5;
  expect_same_replayed(task);
}

// With casts of weights that were kept from one step to the next, replayed steps would differ.
TEST(PackResume, ReplaysRecordedStepsInBf16BitForBit) {
  expect_same_replayed(in_bf16(make_task(mosaics(12, 3, 120), "mlp", "soft", 23)));
}

TEST(PackResume, GoesOnBitForBitInBf16) {
  expect_same_from_every_state(in_bf16(make_task(mosaics(12, 3, 50), "mlp", "soft", 20)),
                               kThreeTrials);
}

TEST(PackResume, ReplaysRecordedStepsOfEachPhaseBitForBit) {
  auto task = make_task(linear_orthogonal(120), "linear", "soft", 23);
  task.phases.push_back({.epochs = 2, .loss = loss_of("reinforce"), .optimizer = kSgd});
  task.measures_after_update = true;
  expect_same_replayed(task);
}

TEST(PackResume, GoesOnBitForBitUnderAllRules) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "hard", 20);
  task.has_all_rules = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackResume, GoesOnBitForBitUnderAllRulesWithMetricsOfEachBatch) {
  auto task = make_task(linear_orthogonal(50), "linear", "soft", 20);
  task.has_all_rules = true;
  task.measures_after_update = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackResume, GoesOnWithADivergedTrial) {
  expect_same_from_every_state(make_task(mosaics(12, 3, 50), "mlp", "hard", 20),
                               {.seeds = {0, 1}, .learning_rates = {.1, 1e30}});
}

TEST(PackResume, GoesOnWithSomeOfTheTrialsOfAState) {
  at::set_num_threads(1);
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.has_all_rules = true;
  auto state = states_of(task, kThreeTrials).at(3);
  for (auto& [name, tensor] : state.tensors)
    tensor = tensor.narrow(/*dim=*/0, 2, 1);

  const auto alone = go_on(task, {.seeds = {7}, .learning_rates = {.2}}, state);

  expect_same_trial(alone, 0, train(task, kThreeTrials), 2);
}

// Wherever it is stopped, be it while it trains or while it measures, nothing of the rest differs.
TEST(PackResume, SavesItsStateWhenItIsStoppedAndGoesOnFromThere) {
  at::set_num_threads(1);
  const auto task = make_task(mosaics(12, 3, 50), "linear", "soft", 20);
  const auto undisturbed = train(task, kThreeTrials);
  for (int calls_before_stop = 0;; ++calls_before_stop) {
    auto listener = kSilent;
    listener.should_stop = [left = calls_before_stop]() mutable { return left-- == 0; };
    std::optional<PackState> saved;

    const auto history = train_pack(task, kThreeTrials, torch::kCPU, listener,
                                    {.save = [&](const PackState& state) { saved = state; }});

    if (history) {
      EXPECT_EQ(calls_before_stop, 2 * 3 + 3 * (3 + 1)) << "batches to train and to measure";
      return;
    }
    ASSERT_TRUE(saved.has_value());
    expect_same_pack(go_on(task, kThreeTrials, *saved), undisturbed);
  }
}

}  // namespace
}  // namespace trainer
