#include "trainer/pack_loop.hpp"

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

/// The state of one pack in training.
class PackLoop {
 public:
  PackLoop(const PackTask& task, const PackTrials& trials, torch::Device device,
           const PackListener& listener);
  std::optional<PackHistory> run();

 private:
  Pass forward(const Batch& batch) const;
  void train_epoch();
  torch::Tensor update(const Batch& batch);
  void measure_after_update(const Batch& batch);
  RuleMetrics evaluate(const Batches& batches, std::span<const Rule> rules) const;
  TrialMetrics evaluate(const Batches& batches) const;
  void record();
  void mark_diverged();
  bool have_all_diverged() const;
  Tally make_tally() const { return {parameters_.theta().size(0), device_}; }

  const PackTask& task_;
  const PackListener& listener_;
  torch::Device device_;
  Parameters parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  torch::Tensor is_finite_;                  // [T] bool: every training loss so far
  std::optional<Tally> after_updates_ = {};  // of the epoch in progress
  int epoch_ = 0;
  PackHistory history_ = {};
};

torch::Tensor make_rates(const std::vector<double>& rates, torch::Device device) {
  return torch::tensor(rates, torch::kFloat).unsqueeze(1).to(device);  // [T, 1]
}

PackLoop::PackLoop(const PackTask& task, const PackTrials& trials, torch::Device device,
                   const PackListener& listener)
    : task_(task),
      listener_(listener),
      device_(device),
      parameters_(trials.seeds, {task.model.focus.weights, task.model.classifier.weights}, device),
      optimizer_(make_optimizer(task.optimizer, make_rates(trials.learning_rates, device))),
      is_finite_(torch::ones({std::ssize(trials.seeds)}, torch::kBool).to(device)) {
  history_.diverged_in.resize(trials.seeds.size());
}

std::optional<PackHistory> PackLoop::run() {
  record();
  for (epoch_ = 1; epoch_ <= task_.epochs && !have_all_diverged(); ++epoch_) {
    if (listener_.should_stop()) return std::nullopt;
    train_epoch();
    record();
    mark_diverged();
  }
  if (task_.test) history_.test_by_rule = evaluate(*task_.test, kRules);
  return std::move(history_);
}

Pass PackLoop::forward(const Batch& batch) const {
  const auto& model = task_.model;
  const auto scores = model.focus.forward(parameters_.network(0), batch.segments.flatten(2));
  const auto classify = [this, &model](const torch::Tensor& points) {
    return model.classifier.forward(parameters_.network(1), points);
  };
  return {scores.view({-1, batch.segments.size(2), batch.segments.size(3)}), batch.segments,
          batch.labels, batch.num_inputs, classify};
}

void PackLoop::train_epoch() {
  if (task_.measures_after_update) after_updates_ = make_tally();
  const auto batches =
      task_.shuffle_seed ? shuffle(task_.train, *task_.shuffle_seed, epoch_) : task_.train;
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    const auto batch = batches[i];
    is_finite_.logical_and_(update(batch).isfinite());
    if (after_updates_) measure_after_update(batch);
    listener_.on_step(epoch_ - 1, task_.epochs);
  }
}

/// One step of every trial.  Returns the losses before it.  Shapes: -> [T]
torch::Tensor PackLoop::update(const Batch& batch) {
  auto pass = forward(batch);
  const auto loss = task_.loss->value(pass);
  parameters_.differentiate(loss.sum());
  const torch::NoGradGuard no_grad;
  optimizer_->step(parameters_.theta(), parameters_.grad());
  return loss.detach();
}

void PackLoop::measure_after_update(const Batch& batch) {
  const torch::NoGradGuard no_grad;
  auto pass = forward(batch);
  after_updates_->add(pass, task_.loss->value(pass), predict(pass, task_.loss->rule),
                      batch.foreground, /*loss_weight=*/1);
}

RuleMetrics PackLoop::evaluate(const Batches& batches, std::span<const Rule> rules) const {
  const torch::NoGradGuard no_grad;
  std::map<Rule, Tally> tallies;
  for (const auto rule : rules)
    tallies.emplace(rule, make_tally());
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    const auto batch = batches[i];
    auto pass = forward(batch);
    const auto loss = task_.loss->value(pass);
    for (auto& [rule, tally] : tallies) {
      tally.add(pass, loss, predict(pass, rule), batch.foreground,
                static_cast<double>(batch.num_inputs));
    }
    listener_.on_step(epoch_, task_.epochs);
  }
  RuleMetrics metrics;
  for (const auto& [rule, tally] : tallies)
    metrics[rule] = tally.read();
  return metrics;
}

TrialMetrics PackLoop::evaluate(const Batches& batches) const {
  return evaluate(batches, {&task_.loss->rule, 1}).at(task_.loss->rule);
}

void PackLoop::record() {
  history_.train.push_back(after_updates_ ? after_updates_->read() : evaluate(task_.train));
  if (task_.test) history_.test.push_back(evaluate(*task_.test));
}

void PackLoop::mark_diverged() {
  const auto is_finite = is_finite_.cpu();
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    auto& diverged_in = history_.diverged_in[trial];
    const bool is_still_finite = is_finite[static_cast<std::int64_t>(trial)].item<bool>() &&
                                 std::isfinite(history_.train.back()[trial].loss);
    if (!diverged_in && !is_still_finite) diverged_in = epoch_;
  }
}

bool PackLoop::have_all_diverged() const {
  return std::ranges::all_of(history_.diverged_in, [](const auto& end) { return end.has_value(); });
}

}  // namespace

std::optional<PackHistory> train_pack(const PackTask& task, const PackTrials& trials,
                                      torch::Device device, const PackListener& listener) {
  return PackLoop(task, trials, device, listener).run();
}

}  // namespace trainer
