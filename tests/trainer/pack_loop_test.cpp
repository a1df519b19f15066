#include "trainer/pack_loop.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"
#include "trainer/registry.hpp"

namespace trainer {
namespace {

using nlohmann::json;

const PackListener kSilent = {};
const json kSgd = {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}};

DataSet linear_orthogonal(int size) {
  return find_kind(data_set_kinds(), "linear_orthogonal")
      .load({{"segments", 4}, {"classes", 5}, {"size", size}, {"seed", 0}});
}

/// Mosaics of `segments` images of `size` x `size` pixels.
DataSet mosaics(int size, int segments, int train_size) {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 60, static_cast<std::uint32_t>(size), 10);
  return find_kind(data_set_kinds(), "mosaic")
      .load({{"root", folder.path().string()},
             {"segments", segments},
             {"foreground", {0, 1, 2}},
             {"train_size", train_size},
             {"test_size", 20}});
}

DataSet cifar_mosaics(int segments, int train_size) {
  const TemporaryFolder folder;
  write_cifar10_folder(folder.path(), 60);
  return find_kind(data_set_kinds(), "mosaic")
      .load({{"images", "cifar10"},
             {"root", folder.path().string()},
             {"segments", segments},
             {"train_size", train_size},
             {"test_size", 20}});
}

/// Posts of 3 to 7 tokens; batches of 16 have different lengths.
DataSet posts(int train_size) {
  return find_kind(data_set_kinds(), "generated_posts")
      .load({{"classes", 3},
             {"vocabulary", 40},
             {"longest", 7},
             {"train_size", train_size},
             {"test_size", 20},
             {"seed", 0},
             {"signal", 0.9}});
}

json default_settings(const Choice& choice) {
  json settings = {{"name", choice.name}};
  for (const auto& setting : choice.settings)
    settings[setting.key] = setting.declaration.default_value;
  return settings;
}

/// A loss with its default settings.
Loss loss_of(const std::string& name) {
  return make_loss(default_settings(find_kind(losses(), name).choice));
}

PackTask make_task(const DataSet& data, const std::string& model, const std::string& loss,
                   std::int64_t batch_size) {
  PackTask task = {
      .phases = {{.epochs = 2, .loss = loss_of(loss), .optimizer = kSgd}},
      .model = make_model(default_settings(find_kind(model_kinds(), model).choice), data.shape),
      .train = Batches(data.train, batch_size)};
  if (data.test) task.test = Batches(*data.test, batch_size);
  return task;
}

PackHistory train(const PackTask& task, const PackTrials& trials) {
  return train_pack(task, trials, torch::kCPU, kSilent).value();
}

/// The states of a pack after each of its steps.
std::vector<PackState> states_of(const PackTask& task, const PackTrials& trials) {
  auto listener = kSilent;
  listener.should_save = [] { return true; };
  std::vector<PackState> states;
  train_pack(task, trials, torch::kCPU, listener,
             {.save = [&](const PackState& state) { states.push_back(state); }});
  return states;
}

PackHistory go_on(const PackTask& task, const PackTrials& trials, const PackState& start) {
  return train_pack(task, trials, torch::kCPU, kSilent, {.start = &start}).value();
}

/// Bit for bit; two values that are not numbers are the same.
bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool is_same(const Metrics& a, const Metrics& b) {
  return is_same(a.logit_gap, b.logit_gap) && is_same(a.score_gap, b.score_gap) &&
         is_same(a.pull, b.pull) && std::ranges::all_of(kMetrics, [&](const MetricInfo& metric) {
           return is_same(a.*metric.value, b.*metric.value);
         });
}

/// Shapes: a, b [T, ...]
bool is_same(const torch::Tensor& a, std::size_t trial_of_a, const torch::Tensor& b,
             std::size_t trial_of_b) {
  const auto of_a = a[static_cast<std::int64_t>(trial_of_a)];
  const auto of_b = b[static_cast<std::int64_t>(trial_of_b)];
  return of_a.nan_to_num(-1).equal(of_b.nan_to_num(-1));
}

void expect_same_curve(const Curve& a, std::size_t trial_of_a, const Curve& b,
                       std::size_t trial_of_b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t epoch = 0; epoch < a.size(); ++epoch) {
    EXPECT_TRUE(is_same(a[epoch][trial_of_a], b[epoch][trial_of_b]))
        << "trial " << trial_of_a << ", epoch " << epoch;
  }
}

void expect_same_split(const SplitHistory& a, std::size_t trial_of_a, const SplitHistory& b,
                       std::size_t trial_of_b) {
  expect_same_curve(a.own, trial_of_a, b.own, trial_of_b);
  ASSERT_EQ(a.by_rule.size(), b.by_rule.size());
  for (const auto& [rule, curve] : a.by_rule)
    expect_same_curve(curve, trial_of_a, b.by_rule.at(rule), trial_of_b);
  ASSERT_EQ(a.at_end.size(), b.at_end.size());
  for (const auto& [rule, metrics] : a.at_end)
    EXPECT_TRUE(is_same(metrics[trial_of_a], b.at_end.at(rule)[trial_of_b]));
  ASSERT_EQ(a.heat_maps.by_rule.size(), b.heat_maps.by_rule.size());
  if (a.heat_maps.by_rule.empty()) return;
  EXPECT_TRUE(is_same(a.heat_maps.focus_edges, trial_of_a, b.heat_maps.focus_edges, trial_of_b));
  for (const auto& [rule, maps] : a.heat_maps.by_rule) {
    const auto& others = b.heat_maps.by_rule.at(rule);
    EXPECT_TRUE(is_same(maps.fixed, trial_of_a, others.fixed, trial_of_b));
    EXPECT_TRUE(is_same(maps.data_range, trial_of_a, others.data_range, trial_of_b));
    EXPECT_TRUE(is_same(maps.score_edges, trial_of_a, others.score_edges, trial_of_b));
  }
}

void expect_same_trial(const PackHistory& a, std::size_t trial_of_a, const PackHistory& b,
                       std::size_t trial_of_b) {
  {
    SCOPED_TRACE("train");
    expect_same_split(a.train, trial_of_a, b.train, trial_of_b);
  }
  SCOPED_TRACE("test");
  expect_same_split(a.test, trial_of_a, b.test, trial_of_b);
}

/// Trains trials together and one by one, on one thread.
void expect_pack_equals_singles(const PackTask& task) {
  at::set_num_threads(1);
  const PackTrials trials = {.seeds = {0, 1, 2, 0, 7}, .learning_rates = {.1, .05, .2, .02, .01}};

  const auto pack = train(task, trials);

  for (std::size_t t = 0; t < trials.seeds.size(); ++t) {
    const auto alone =
        train(task, {.seeds = {trials.seeds[t]}, .learning_rates = {trials.learning_rates[t]}});
    expect_same_trial(pack, t, alone, 0);
  }
}

class EveryLoss : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(PackLoop, EveryLoss,
                         testing::Values("soft", "hard", "lvml", "lvml_em", "lvml_logits",
                                         "reinforce"),
                         [](const auto& loss) { return loss.param; });

// A batch of 23 and rows of 461 weights end between cache lines: where rounding would differ.
TEST_P(EveryLoss, TrainsALinearPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(linear_orthogonal(50), "linear", GetParam(), 23));
}

TEST_P(EveryLoss, TrainsAnMlpPackOfMnistShapeAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(28, 5, 300), "mlp", GetParam(), 250));
}

TEST_P(EveryLoss, TrainsALinearPackOfMnistShapeAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(28, 5, 300), "linear", GetParam(), 250));
}

TEST_P(EveryLoss, TrainsACnnPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(mosaics(12, 3, 50), "cnn", GetParam(), 20));
}

TEST_P(EveryLoss, TrainsACifar10PackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(cifar_mosaics(2, 20), "cifar10_cnn", GetParam(), 12));
}

TEST_P(EveryLoss, TrainsACifar100PackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(cifar_mosaics(2, 20), "cifar100_cnn", GetParam(), 12));
}

TEST_P(EveryLoss, TrainsAnEmbeddingPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(posts(50), "embedding", GetParam(), 20));
}

TEST_P(EveryLoss, TrainsATransformerPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_task(posts(50), "transformer", GetParam(), 20));
}

/// A transformer with every fault of the published code.
PackTask make_published_transformer() {
  const auto data = posts(50);
  auto task = make_task(data, "transformer", "soft", 20);
  auto settings = default_settings(find_kind(model_kinds(), "transformer").choice);
  settings.update({{"position", "batch"}, {"mask", "tiled"}, {"eval_dropout", true}});
  task.model = make_model(settings, data.shape);
  return task;
}

TEST(PackLoop, TrainsAPublishedTransformerPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_published_transformer());
}

TEST(PackLoop, TrainsAPackWithANonlinearFocusAsItsTrialsOneByOne) {
  auto task = make_task(linear_orthogonal(50), "linear", "soft", 23);
  task.model = make_model({{"name", "nonlinear_focus"}, {"hidden", 50}},
                          {.segments = 4, .features = 6, .classes = 5});

  expect_pack_equals_singles(task);
}

PackTask in_bf16(PackTask task) {
  task.model.precision = Precision::bf16;
  return task;
}

TEST_P(EveryLoss, TrainsALinearPackInBf16AsItsTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(linear_orthogonal(50), "linear", GetParam(), 23)));
}

TEST_P(EveryLoss, TrainsAnMlpPackInBf16AsItsTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(mosaics(12, 3, 100), "mlp", GetParam(), 40)));
}

TEST(PackLoop, TrainsPacksOfOtherModelsInBf16AsTheirTrialsOneByOne) {
  expect_pack_equals_singles(in_bf16(make_task(mosaics(12, 3, 20), "cnn", "soft", 12)));
  expect_pack_equals_singles(in_bf16(make_task(posts(10), "embedding", "lvml", 6)));
  expect_pack_equals_singles(in_bf16(make_task(posts(10), "transformer", "hard", 6)));
}

PackTask make_fixed_focus_task(const std::string& loss, double focus) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", loss, 20);
  task.model = fix_focus(task.model, focus);
  return task;
}

TEST_P(EveryLoss, TrainsAPackOfFixedFocusAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_fixed_focus_task(GetParam(), 0.6));
}

TEST_P(EveryLoss, IsFiniteAtFullFocus) {
  const auto history =
      train(make_fixed_focus_task(GetParam(), 1), {.seeds = {0, 1}, .learning_rates = {.1, .05}});

  for (const auto& trials : history.train.own)
    for (const auto& metrics : trials)
      EXPECT_TRUE(std::isfinite(metrics.loss));
  EXPECT_EQ(history.diverged_in, std::vector<std::optional<int>>(2));
}

TEST(PackLoop, TrainsAPackUnderAllRulesAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.has_all_rules = true;

  expect_pack_equals_singles(task);
}

TEST(PackLoop, TrainsAnAdamPackAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};

  expect_pack_equals_singles(task);
}

TEST_P(EveryLoss, LeavesTheOthersUntouchedWhenATrialDiverges) {
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

TEST(PackLoop, EndsEarlyWhenEveryTrialHasDiverged) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "hard", 20);
  task.phases[0].epochs = 50;

  const auto history = train(task, {.seeds = {0, 1}, .learning_rates = {1e30, 1e30}});

  EXPECT_EQ(history.train.own.size(), 2U);  // before training and the first epoch
  EXPECT_EQ(history.diverged_in[0], 1);
}

void expect_same_pack(const PackHistory& a, const PackHistory& b) {
  ASSERT_EQ(a.diverged_in, b.diverged_in);
  for (std::size_t trial = 0; trial < a.diverged_in.size(); ++trial)
    expect_same_trial(a, trial, b, trial);
}

/// From the state after every step, training must go on as if nothing had happened.
void expect_same_from_every_state(const PackTask& task, const PackTrials& trials) {
  at::set_num_threads(1);
  const auto undisturbed = train(task, trials);

  const auto states = states_of(task, trials);

  ASSERT_EQ(states.size(), static_cast<std::size_t>(num_epochs(task.phases) * task.train.count()));
  for (const auto& state : states)
    expect_same_pack(go_on(task, trials, state), undisturbed);
}

const PackTrials kThreeTrials = {.seeds = {0, 1, 7}, .learning_rates = {.1, .05, .2}};

TEST_P(EveryLoss, GoesOnBitForBitFromTheStateAfterAnyStep) {
  expect_same_from_every_state(make_task(mosaics(12, 3, 50), "mlp", GetParam(), 20), kThreeTrials);
}

TEST_P(EveryLoss, GoesOnBitForBitWithATransformerFromTheStateAfterAnyStep) {
  auto task = make_task(posts(50), "transformer", GetParam(), 20);
  task.shuffle_seed = 5;
  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackLoop, GoesOnBitForBitWithAPublishedTransformer) {
  expect_same_from_every_state(make_published_transformer(), kThreeTrials);
}

TEST(PackLoop, GoesOnBitForBitWithAdam) {
  auto task = make_task(mosaics(12, 3, 50), "cnn", "soft", 20);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.1}};

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackLoop, GoesOnBitForBitInAShuffledOrderWithMetricsOfEachBatch) {
  auto task = make_task(linear_orthogonal(50), "linear", "lvml", 20);
  task.shuffle_seed = 5;
  task.measures_after_update = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackLoop, GoesOnBitForBitWithAFixedFocus) {
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

TEST_P(EveryLoss, ReplaysRecordedStepsBitForBit) {
  auto task = make_task(linear_orthogonal(120), "linear", GetParam(), 23);
  task.phases[0].optimizer = {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};
  expect_same_replayed(task);
}

TEST_P(EveryLoss, ReplaysRecordedStepsWithATransformerBitForBit) {
  auto task = make_task(posts(90), "transformer", GetParam(), 10);
  task.shuffle_seed = 5;
  expect_same_replayed(task);
}

// With casts of weights that were kept from one step to the next, replayed steps would differ.
TEST(PackLoop, ReplaysRecordedStepsInBf16BitForBit) {
  expect_same_replayed(in_bf16(make_task(mosaics(12, 3, 120), "mlp", "soft", 23)));
}

TEST(PackLoop, GoesOnBitForBitInBf16) {
  expect_same_from_every_state(in_bf16(make_task(mosaics(12, 3, 50), "mlp", "soft", 20)),
                               kThreeTrials);
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

TEST(PackLoop, ReplaysRecordedStepsOfEachPhaseBitForBit) {
  auto task = make_task(linear_orthogonal(120), "linear", "soft", 23);
  task.phases.push_back({.epochs = 2, .loss = loss_of("reinforce"), .optimizer = kSgd});
  task.measures_after_update = true;
  expect_same_replayed(task);
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

TEST(PackLoop, GoesOnBitForBitUnderAllRules) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "hard", 20);
  task.has_all_rules = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackLoop, GoesOnBitForBitUnderAllRulesWithMetricsOfEachBatch) {
  auto task = make_task(linear_orthogonal(50), "linear", "soft", 20);
  task.has_all_rules = true;
  task.measures_after_update = true;

  expect_same_from_every_state(task, kThreeTrials);
}

TEST(PackLoop, GoesOnWithADivergedTrial) {
  expect_same_from_every_state(make_task(mosaics(12, 3, 50), "mlp", "hard", 20),
                               {.seeds = {0, 1}, .learning_rates = {.1, 1e30}});
}

TEST(PackLoop, GoesOnWithSomeOfTheTrialsOfAState) {
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
TEST(PackLoop, SavesItsStateWhenItIsStoppedAndGoesOnFromThere) {
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

TEST(PackLoop, TrainsAPackWithEachBaselineOfReinforceAsItsTrialsOneByOne) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "reinforce", 20);
  for (const std::string baseline : {"none", "exact"}) {
    task.phases[0].loss =
        make_loss({{"name", "reinforce"}, {"baseline", baseline}, {"decay", 0.9}});
    expect_pack_equals_singles(task);
  }
}

const json kAdam = {
    {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};

/// Soft attention, sampled hard attention under Adam at a rate of its own, hard attention.
PackTask make_three_phases() {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.phases.push_back(
      {.epochs = 2, .loss = loss_of("reinforce"), .optimizer = kAdam, .learning_rate = 0.01});
  task.phases.push_back({.epochs = 1, .loss = loss_of("hard"), .optimizer = kSgd});
  return task;
}

TEST(PhasesOfAPack, TrainAPackAsItsTrialsOneByOne) {
  expect_pack_equals_singles(make_three_phases());
}

TEST(PhasesOfAPack, GoOnBitForBitFromTheStateAfterAnyStep) {
  expect_same_from_every_state(make_three_phases(), kThreeTrials);
}

// Stopped in every place, measuring at a switch among them.
TEST(PhasesOfAPack, GoOnBitForBitFromWhereTheyAreStopped) {
  at::set_num_threads(1);
  const auto task = make_three_phases();
  const auto undisturbed = train(task, kThreeTrials);
  int num_stops = 0;
  for (std::optional<PackHistory> history; !history; ++num_stops) {
    auto listener = kSilent;
    listener.should_stop = [left = num_stops]() mutable { return left-- == 0; };
    std::optional<PackState> saved;
    history = train_pack(task, kThreeTrials, torch::kCPU, listener,
                         {.save = [&](const PackState& state) { saved = state; }});
    if (!history) expect_same_pack(go_on(task, kThreeTrials, saved.value()), undisturbed);
  }
  EXPECT_GT(num_stops, 5 * 3);
}

PackTask only_phase(PackTask task, std::size_t index) {
  task.phases = {task.phases[index]};
  return task;
}

TEST(PhasesOfAPack, ReachTheSwitchWithTheWeightsOfTheFirstPhaseAlone) {
  at::set_num_threads(1);
  const auto task = make_three_phases();
  const auto alone = states_of(only_phase(task, 0), kThreeTrials);

  const auto states = states_of(task, kThreeTrials);

  for (std::size_t step = 0; step < alone.size(); ++step)
    EXPECT_TRUE(states[step].tensors.at("theta").equal(alone[step].tensors.at("theta")));
}

// Each later phase steps as a training of its own would, with a new optimiser and its own rate,
// from the weights at the switch.
TEST(PhasesOfAPack, BeginWithAFreshOptimizerAndTheirOwnRate) {
  at::set_num_threads(1);
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  task.phases.push_back(
      {.epochs = 2, .loss = loss_of("hard"), .optimizer = kSgd, .learning_rate = 0.03});
  const auto states = states_of(task, kThreeTrials);
  const std::size_t num_steps = states.size() / 2;
  auto start = states[num_steps - 1];
  start.next_batch = 0;
  start.tensors.erase("optimizer.0");
  for (const auto* split : {"train", "test"})
    start.tensors[split] = start.tensors[split].narrow(/*dim=*/1, 0, 1);
  auto second = only_phase(task, 1);
  second.phases[0].learning_rate.reset();
  auto listener = kSilent;
  listener.should_save = [] { return true; };
  std::vector<PackState> alone;

  train_pack(second, {.seeds = kThreeTrials.seeds, .learning_rates = {.03, .03, .03}}, torch::kCPU,
             listener,
             {.start = &start, .save = [&](const PackState& state) { alone.push_back(state); }});

  ASSERT_EQ(alone.size(), num_steps);
  for (std::size_t step = 0; step < num_steps; ++step) {
    EXPECT_TRUE(
        states[num_steps + step].tensors.at("theta").equal(alone[step].tensors.at("theta")));
  }
}

// At rate 0 the weights stay, and only the rule changes from phase to phase.
TEST(PhasesOfAPack, AreMeasuredUnderTheirOwnRule) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", "soft", 20);
  for (const auto* loss : {"hard", "lvml"}) {
    task.phases.push_back(
        {.epochs = 1, .loss = loss_of(loss), .optimizer = kSgd, .learning_rate = 0.0});
  }

  const auto history = train(task, {.seeds = {1}, .learning_rates = {0.1}});

  ASSERT_EQ(history.test.own.size(), 5U);
  const auto& by_rule = history.test.at_end;
  EXPECT_EQ(history.test.own[2][0].ftpt, by_rule.at(Rule::blend)[0].ftpt);
  EXPECT_EQ(history.test.own[3][0].ftpt, by_rule.at(Rule::argmax)[0].ftpt);
  EXPECT_EQ(history.test.own[4][0].ftpt, by_rule.at(Rule::mixture)[0].ftpt);
  EXPECT_LT(history.train.own[4][0].loss, history.train.own[3][0].loss);  // Jensen
}

TEST(PhasesOfAPack, HaveTheirOwnCurveAmongThoseOfAllRules) {
  auto task = make_three_phases();
  const PackTrials trials = {.seeds = {1}, .learning_rates = {0.1}};
  const auto own = train(task, trials);

  task.has_all_rules = true;
  const auto all = train(task, trials);

  const auto& test = all.test.by_rule;
  EXPECT_TRUE(own.test.by_rule.empty());
  ASSERT_EQ(test.size(), 3U);
  EXPECT_EQ(test.at(Rule::blend)[2][0].ftpt, own.test.own[2][0].ftpt);   // soft
  EXPECT_EQ(test.at(Rule::argmax)[4][0].ftpt, own.test.own[4][0].ftpt);  // reinforce
  EXPECT_EQ(test.at(Rule::argmax)[5][0].ftpt, own.test.own[5][0].ftpt);  // hard
  EXPECT_EQ(test.at(Rule::mixture)[5][0].loss, own.test.own[5][0].loss);
}

TEST(PhasesOfAPack, EndAtTheirSwitchEpochs) {
  const auto task = make_three_phases();

  EXPECT_EQ(num_epochs(task.phases), 5);
  EXPECT_EQ(switch_epochs(task), (std::vector<int>{2, 4}));
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
