#pragma once

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"
#include "trainer/pack_loop.hpp"
#include "trainer/registry.hpp"

/// Small packs that are trained in tests, and what it means that two of them are the same.
namespace trainer {

using nlohmann::json;

inline const PackListener kSilent = {};
inline const json kSgd = {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}};

inline DataSet linear_orthogonal(int size) {
  return find_kind(data_set_kinds(), "linear_orthogonal")
      .load({{"segments", 4}, {"classes", 5}, {"size", size}, {"seed", 0}});
}

/// Mosaics of `segments` images of `size` x `size` pixels.
inline DataSet mosaics(int size, int segments, int train_size) {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 60, static_cast<std::uint32_t>(size), 10);
  return find_kind(data_set_kinds(), "mosaic")
      .load({{"root", folder.path().string()},
             {"segments", segments},
             {"foreground", {0, 1, 2}},
             {"train_size", train_size},
             {"test_size", 20}});
}

inline DataSet cifar_mosaics(int segments, int train_size) {
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
inline DataSet posts(int train_size) {
  return find_kind(data_set_kinds(), "generated_posts")
      .load({{"classes", 3},
             {"vocabulary", 40},
             {"longest", 7},
             {"train_size", train_size},
             {"test_size", 20},
             {"seed", 0},
             {"signal", 0.9}});
}

inline json default_settings(const Choice& choice) {
  json settings = {{"name", choice.name}};
  for (const auto& setting : choice.settings)
    settings[setting.key] = setting.declaration.default_value;
  return settings;
}

/// A loss with its default settings.
inline Loss loss_of(const std::string& name) {
  return make_loss(default_settings(find_kind(losses(), name).choice));
}

inline PackTask make_task(const DataSet& data, const std::string& model, const std::string& loss,
                          std::int64_t batch_size) {
  PackTask task = {
      .phases = {{.epochs = 2, .loss = loss_of(loss), .optimizer = kSgd}},
      .model = make_model(default_settings(find_kind(model_kinds(), model).choice), data.shape),
      .train = Batches(data.train, batch_size)};
  if (data.test) task.test = Batches(*data.test, batch_size);
  return task;
}

inline PackHistory train(const PackTask& task, const PackTrials& trials) {
  return train_pack(task, trials, torch::kCPU, kSilent).value();
}

/// The states of a pack after each of its steps.
inline std::vector<PackState> states_of(const PackTask& task, const PackTrials& trials) {
  auto listener = kSilent;
  listener.should_save = [] { return true; };
  std::vector<PackState> states;
  train_pack(task, trials, torch::kCPU, listener,
             {.save = [&](const PackState& state) { states.push_back(state); }});
  return states;
}

inline PackHistory go_on(const PackTask& task, const PackTrials& trials, const PackState& start) {
  return train_pack(task, trials, torch::kCPU, kSilent, {.start = &start}).value();
}

/// Bit for bit; two values that are not numbers are the same.
inline bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

inline bool is_same(const Metrics& a, const Metrics& b) {
  return is_same(a.logit_gap, b.logit_gap) && is_same(a.score_gap, b.score_gap) &&
         is_same(a.pull, b.pull) && std::ranges::all_of(kMetrics, [&](const MetricInfo& metric) {
           return is_same(a.*metric.value, b.*metric.value);
         });
}

/// Shapes: a, b [T, ...]
inline bool is_same(const torch::Tensor& a, std::size_t trial_of_a, const torch::Tensor& b,
                    std::size_t trial_of_b) {
  const auto of_a = a[static_cast<std::int64_t>(trial_of_a)];
  const auto of_b = b[static_cast<std::int64_t>(trial_of_b)];
  return of_a.nan_to_num(-1).equal(of_b.nan_to_num(-1));
}

inline void expect_same_curve(const Curve& a, std::size_t trial_of_a, const Curve& b,
                              std::size_t trial_of_b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t epoch = 0; epoch < a.size(); ++epoch) {
    EXPECT_TRUE(is_same(a[epoch][trial_of_a], b[epoch][trial_of_b]))
        << "trial " << trial_of_a << ", epoch " << epoch;
  }
}

inline void expect_same_split(const SplitHistory& a, std::size_t trial_of_a, const SplitHistory& b,
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

inline void expect_same_trial(const PackHistory& a, std::size_t trial_of_a, const PackHistory& b,
                              std::size_t trial_of_b) {
  {
    SCOPED_TRACE("train");
    expect_same_split(a.train, trial_of_a, b.train, trial_of_b);
  }
  SCOPED_TRACE("test");
  expect_same_split(a.test, trial_of_a, b.test, trial_of_b);
}

/// Trains trials together and one by one, on one thread.
inline void expect_pack_equals_singles(const PackTask& task) {
  at::set_num_threads(1);
  const PackTrials trials = {.seeds = {0, 1, 2, 0, 7}, .learning_rates = {.1, .05, .2, .02, .01}};

  const auto pack = train(task, trials);

  for (std::size_t t = 0; t < trials.seeds.size(); ++t) {
    const auto alone =
        train(task, {.seeds = {trials.seeds[t]}, .learning_rates = {trials.learning_rates[t]}});
    expect_same_trial(pack, t, alone, 0);
  }
}

/// A transformer with every fault of the published code.
inline PackTask make_published_transformer() {
  const auto data = posts(50);
  auto task = make_task(data, "transformer", "soft", 20);
  auto settings = default_settings(find_kind(model_kinds(), "transformer").choice);
  settings.update({{"position", "batch"}, {"mask", "tiled"}, {"eval_dropout", true}});
  task.model = make_model(settings, data.shape);
  return task;
}

inline PackTask in_bf16(PackTask task) {
  task.model.precision = Precision::bf16;
  return task;
}

inline PackTask make_fixed_focus_task(const std::string& loss, double focus) {
  auto task = make_task(mosaics(12, 3, 50), "mlp", loss, 20);
  task.model = fix_focus(task.model, focus);
  return task;
}

inline const PackTrials kThreeTrials = {.seeds = {0, 1, 7}, .learning_rates = {.1, .05, .2}};

inline void expect_same_pack(const PackHistory& a, const PackHistory& b) {
  ASSERT_EQ(a.diverged_in, b.diverged_in);
  for (std::size_t trial = 0; trial < a.diverged_in.size(); ++trial)
    expect_same_trial(a, trial, b, trial);
}

/// From the state after every step, training must go on as if nothing had happened.
inline void expect_same_from_every_state(const PackTask& task, const PackTrials& trials) {
  at::set_num_threads(1);
  const auto undisturbed = train(task, trials);

  const auto states = states_of(task, trials);

  ASSERT_EQ(states.size(), static_cast<std::size_t>(num_epochs(task.phases) * task.train.count()));
  for (const auto& state : states)
    expect_same_pack(go_on(task, trials, state), undisturbed);
}

}  // namespace trainer
