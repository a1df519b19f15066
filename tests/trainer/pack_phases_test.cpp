#include "tests/trainer/pack_training.hpp"

namespace trainer {
namespace {

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

}  // namespace
}  // namespace trainer
