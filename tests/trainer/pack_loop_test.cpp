#include "trainer/pack_loop.hpp"

#include "tests/trainer/pack_training.hpp"

namespace trainer {
namespace {

TEST(PackLoop, EndsEarlyWhenEveryTrialHasDiverged) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "hard", 20);
  task.phases[0].epochs = 50;

  const auto history = train(task, {.seeds = {0, 1}, .learning_rates = {1e30, 1e30}});

  EXPECT_EQ(history.train.own.size(), 2U);  // before training and the first epoch
  EXPECT_EQ(history.diverged_in[0], 1);
}

// LibTorch allows TF32 in convolutions unless it is told not to.
TEST(PackLoop, TrainsWithTf32OnlyIfThatIsThePrecision) {
  auto task = make_task(mosaics(12, 3, 50), "linear", "soft", 20);
  const auto& context = at::globalContext();
  ASSERT_TRUE(context.allowTF32CuDNN());
  for (const auto precision : {Precision::float32, Precision::tf32, Precision::bf16}) {
    task.model.precision = precision;
    auto listener = kSilent;
    listener.on_step = [&](int, int) {
      EXPECT_EQ(context.allowTF32CuDNN(), precision == Precision::tf32);
      EXPECT_EQ(context.allowTF32CuBLAS(), precision == Precision::tf32);
    };

    train_pack(task, kThreeTrials, torch::kCPU, listener);

    EXPECT_TRUE(context.allowTF32CuDNN());
    EXPECT_FALSE(context.allowTF32CuBLAS());
  }
}

TEST(PackLoop, TellsOfNoEpochBeyondTheLast) {
  const auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  auto listener = kSilent;
  int last = 0;
  listener.on_step = [&](int epoch, int epochs) {
    EXPECT_LE(epoch, epochs);
    last = epoch;
  };

  train_pack(task, kThreeTrials, torch::kCPU, listener);

  EXPECT_EQ(last, num_epochs(task.phases));
}

TEST(PackLoop, RecordsOneEntryBeforeTrainingAndOnePerEpoch) {
  const auto history = train(make_task(mosaics(12, 3, 50), "linear", "soft", 20),
                             {.seeds = {0, 1}, .learning_rates = {.1, .1}});

  EXPECT_EQ(history.train.own.size(), 3U);
  EXPECT_EQ(history.test.own.size(), 3U);
  EXPECT_EQ(history.train.own[0].size(), 2U);
  EXPECT_EQ(history.test.at_end.size(), 3U);
}

/// How often it looks at a batch, without a test split.
int count_passes(PackTask task) {
  int count = 0;
  task.model.focus.forward = [&count,
                              forward = task.model.focus.forward](const auto&... arguments) {
    ++count;
    return forward(arguments...);
  };
  task.test.reset();
  train(task, kThreeTrials);
  return count;
}

// Three batches in two epochs: nine to measure and six to train, if none is for both.
TEST(PackLoop, LooksOnceAtABatchThatIsMeasuredAndThenTrainedOn) {
  const auto task = make_task(mosaics(12, 3, 50), "mlp", "hard", 20);
  ASSERT_EQ(task.train.count(), 3);

  EXPECT_EQ(count_passes(task), 15 - 2);
  auto shuffled = task;
  shuffled.shuffle_seed = 1;
  EXPECT_EQ(count_passes(shuffled), 15);  // another batch comes next
  const auto drawing = make_task(mosaics(12, 3, 50), "mlp", "reinforce", 20);
  EXPECT_EQ(count_passes(drawing), 15);  // does not train on what it measures
}

// With the whole set in one batch, to measure after the update is to measure at the epoch's end.
TEST(PackLoop, MeasuresAfterUpdatesWhatTheEpochsEndShowsForASingleBatch) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "lvml", 50);
  const PackTrials trials = {.seeds = {3}, .learning_rates = {.1}};
  const auto at_end = train(task, trials);

  task.measures_after_update = true;
  const auto after_updates = train(task, trials);

  expect_same_trial(after_updates, 0, at_end, 0);
}

TEST(PackLoop, AShuffledOrderIsTheSameForEveryTrialAndDiffersFromTheShared) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  const PackTrials trials = {.seeds = {3, 3}, .learning_rates = {.1, .1}};
  const auto shared = train(task, trials);

  task.shuffle_seed = 5;
  const auto shuffled = train(task, trials);

  expect_same_trial(shuffled, 0, shuffled, 1);
  EXPECT_NE(shuffled.train.own.back()[0].loss, shared.train.own.back()[0].loss);
}

// Of three classes and posts of ten tokens with two marked ones, chance is right a third of the
// time and looks at a marked one a fifth. Seven posts of eight have a rationale to look at.
TEST(PackLoop, LearnsToReadPosts) {
  const auto data = find_kind(data_set_kinds(), "generated_posts")
                        .load({{"classes", 3},
                               {"vocabulary", 60},
                               {"longest", 17},
                               {"train_size", 600},
                               {"test_size", 200},
                               {"seed", 0},
                               {"signal", 1.0}});
  for (const std::string model : {"embedding", "transformer"}) {
    auto task = make_task(data, model, "lvml", 50);
    task.phases[0].epochs = 15;

    const auto history = train(task, {.seeds = {0}, .learning_rates = {.05}});

    EXPECT_GT(history.test.own.back()[0].accuracy, 0.8) << model;
    EXPECT_GT(history.test.own.back()[0].focus_score, 0.6) << model;
  }
}

TEST(PackLoop, LearnsWhatALinearModelCanSolve) {
  auto task = make_task(linear_orthogonal(500), "linear", "lvml", 50);
  task.phases[0].epochs = 30;

  const auto history = train(task, {.seeds = {0}, .learning_rates = {.5}});

  EXPECT_GT(history.train.own.back()[0].accuracy, 0.99);
  EXPECT_GT(history.train.own.back()[0].ftpt, 0.99);
}

}  // namespace
}  // namespace trainer
