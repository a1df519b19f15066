#include "trainer/pack_loop.hpp"

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

/// Thrown where training was told to stop.
struct Stopped {};

/// The state of one pack in training.
class PackLoop {
 public:
  PackLoop(const PackTask& task, const PackTrials& trials, torch::Device device,
           const PackListener& listener);
  PackHistory run(const SavePack& save);
  PackState state() const;
  void restore(const PackState& state);

 private:
  Moment moment(std::int64_t batch_index, bool is_training) const;
  Pass forward(const Batch& batch, const Moment& moment) const;
  void train_rest_of_epoch(const SavePack& save);
  torch::Tensor update(const Batch& batch);
  void measure_after_update(const Batch& batch);
  RuleMetrics evaluate(const Batches& batches, std::span<const Rule> rules) const;
  TrialMetrics evaluate(const Batches& batches) const;
  void record();
  void mark_diverged(const TrialMetrics& train);
  bool have_all_diverged() const;
  void begin_phase();
  std::size_t phase_index() const;
  const Phase& phase() const { return task_.phases[phase_index_]; }
  int epoch() const { return static_cast<int>(history_.train.size()); }  // in progress; 0: none yet
  Tally make_tally() const { return {parameters_.theta().size(0), device_}; }

  const PackTask& task_;
  const PackTrials& trials_;
  const PackListener& listener_;
  torch::Device device_;
  Parameters parameters_;
  torch::Tensor seeds_;                        // [T] int64
  std::size_t phase_index_ = 0;                // of the epoch in progress
  std::unique_ptr<Optimizer> optimizer_ = {};  // this and the next begin anew with each phase
  torch::Tensor loss_memory_ = {};             // [T]
  torch::Tensor is_finite_;                    // [T] bool: every training loss so far
  std::optional<Tally> after_updates_ = {};    // of the epoch in progress
  std::int64_t next_batch_ = 0;                // of the epoch in progress
  PackHistory history_ = {};
};

/// Shapes: -> [T, 1]
torch::Tensor make_rates(const Phase& phase, const PackTrials& trials, torch::Device device) {
  auto rates = trials.learning_rates;
  if (phase.learning_rate) std::ranges::fill(rates, *phase.learning_rate);
  return torch::tensor(rates, torch::kFloat).unsqueeze(1).to(device);
}

PackLoop::PackLoop(const PackTask& task, const PackTrials& trials, torch::Device device,
                   const PackListener& listener)
    : task_(task),
      trials_(trials),
      listener_(listener),
      device_(device),
      parameters_(trials.seeds, {task.model.focus.weights, task.model.classifier.weights}, device),
      seeds_(torch::tensor(trials.seeds, torch::kLong).to(device)),
      is_finite_(torch::ones({std::ssize(trials.seeds)}, torch::kBool).to(device)) {
  history_.diverged_in.resize(trials.seeds.size());
  begin_phase();
}

/// The phase of the epoch in progress; before training the first, after it the last.
std::size_t PackLoop::phase_index() const {
  const auto ends = switch_epochs(task_);
  return static_cast<std::size_t>(
      std::ranges::count_if(ends, [this](int end) { return epoch() > end; }));
}

void PackLoop::begin_phase() {
  phase_index_ = phase_index();
  optimizer_ = make_optimizer(phase().optimizer, make_rates(phase(), trials_, device_));
  loss_memory_ = torch::zeros({parameters_.theta().size(0)}, parameters_.theta().options());
}

PackHistory PackLoop::run(const SavePack& save) {
  while (epoch() <= num_epochs(task_) && !have_all_diverged()) {
    if (epoch() > 0) train_rest_of_epoch(save);
    record();
  }
  if (task_.test) history_.test_by_rule = evaluate(*task_.test, kRules);
  return std::move(history_);
}

/// What is measured at the end belongs to the last epoch.
Moment PackLoop::moment(std::int64_t batch_index, bool is_training) const {
  return {.seeds = seeds_,
          .epoch = std::min(epoch(), num_epochs(task_)),
          .batch = batch_index,
          .is_training = is_training};
}

Pass PackLoop::forward(const Batch& batch, const Moment& moment) const {
  const auto& model = task_.model;
  const auto segments = model.encoder
                            ? model.encoder->forward(parameters_.network(0), batch, moment)
                            : batch.segments;  // [T or 1, d, m, B]
  const auto scores = model.focus.forward(parameters_.network(0), segments.flatten(2));
  const auto classify = [this, &model](const torch::Tensor& points) {
    return model.classifier.forward(parameters_.network(1), points);
  };
  return {scores.view({-1, segments.size(2), segments.size(3)}),
          segments,
          batch.labels,
          batch.num_inputs,
          classify,
          batch.absent};
}

void PackLoop::train_rest_of_epoch(const SavePack& save) {
  if (task_.measures_after_update && next_batch_ == 0) after_updates_ = make_tally();
  const auto batches =
      task_.shuffle_seed ? shuffle(task_.train, *task_.shuffle_seed, epoch()) : task_.train;
  while (next_batch_ < batches.count()) {
    const auto batch = batches[next_batch_];
    is_finite_.logical_and_(update(batch).isfinite());
    if (after_updates_) measure_after_update(batch);
    ++next_batch_;
    listener_.on_step(epoch() - 1, num_epochs(task_));
    if (listener_.should_stop()) throw Stopped();
    if (listener_.should_save()) save(state());
  }
}

/// One step of every trial.  Returns what it descended, before it.  Shapes: -> [T]
torch::Tensor PackLoop::update(const Batch& batch) {
  const Step step = {.moment = moment(next_batch_, /*is_training=*/true), .memory = loss_memory_};
  auto pass = forward(batch, step.moment);
  const auto objective = objective_of(phase().loss, pass, step);
  parameters_.differentiate(objective.sum());
  const torch::NoGradGuard no_grad;
  optimizer_->step(parameters_.theta(), parameters_.grad());
  return objective.detach();
}

void PackLoop::measure_after_update(const Batch& batch) {
  const torch::NoGradGuard no_grad;
  auto pass = forward(batch, moment(next_batch_, /*is_training=*/false));
  const auto& loss = phase().loss;
  after_updates_->add(pass, loss.value(pass), predict(pass, loss.rule), batch.foreground,
                      /*loss_weight=*/1);
}

RuleMetrics PackLoop::evaluate(const Batches& batches, std::span<const Rule> rules) const {
  const torch::NoGradGuard no_grad;
  std::map<Rule, Tally> tallies;
  for (const auto rule : rules)
    tallies.emplace(rule, make_tally());
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    const auto batch = batches[i];
    auto pass = forward(batch, moment(i, /*is_training=*/false));
    const auto loss = phase().loss.value(pass);
    for (auto& [rule, tally] : tallies) {
      tally.add(pass, loss, predict(pass, rule), batch.foreground,
                static_cast<double>(batch.num_inputs));
    }
    listener_.on_step(epoch(), num_epochs(task_));
    if (listener_.should_stop()) throw Stopped();
  }
  RuleMetrics metrics;
  for (const auto& [rule, tally] : tallies)
    metrics[rule] = tally.read();
  return metrics;
}

TrialMetrics PackLoop::evaluate(const Batches& batches) const {
  const auto rule = phase().loss.rule;
  return evaluate(batches, {&rule, 1}).at(rule);
}

/// Ends the epoch in progress. Changes nothing before all of it is known: a stop may come between.
void PackLoop::record() {
  auto train = after_updates_ ? after_updates_->read() : evaluate(task_.train);
  if (task_.test) history_.test.push_back(evaluate(*task_.test));
  if (epoch() > 0) mark_diverged(train);
  history_.train.push_back(std::move(train));
  after_updates_.reset();
  next_batch_ = 0;
  if (phase_index() != phase_index_) begin_phase();
}

void PackLoop::mark_diverged(const TrialMetrics& train) {
  const auto is_finite = is_finite_.cpu();
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    auto& diverged_in = history_.diverged_in[trial];
    const bool is_still_finite = is_finite[static_cast<std::int64_t>(trial)].item<bool>() &&
                                 std::isfinite(train[trial].loss);
    if (!diverged_in && !is_still_finite) diverged_in = epoch();
  }
}

bool PackLoop::have_all_diverged() const {
  return std::ranges::all_of(history_.diverged_in, [](const auto& end) { return end.has_value(); });
}

// --- its state ---

/// Shapes: -> [T, E, metrics] double
torch::Tensor to_tensor(const std::vector<TrialMetrics>& curves, std::size_t num_trials) {
  auto tensor = torch::empty(
      {std::ssize(curves), static_cast<std::int64_t>(num_trials), std::ssize(kMetrics)},
      torch::kDouble);
  auto values = tensor.accessor<double, 3>();
  for (std::size_t epoch = 0; epoch < curves.size(); ++epoch) {
    for (std::size_t trial = 0; trial < num_trials; ++trial) {
      for (std::size_t k = 0; k < kMetrics.size(); ++k) {
        values[static_cast<int>(epoch)][static_cast<int>(trial)][static_cast<int>(k)] =
            curves[epoch][trial].*kMetrics[k].value;
      }
    }
  }
  return tensor.transpose(0, 1).contiguous();
}

/// Shapes: tensor [T, E, metrics]
std::vector<TrialMetrics> curves_from(const torch::Tensor& tensor) {
  const auto values = tensor.accessor<double, 3>();
  std::vector<TrialMetrics> curves(static_cast<std::size_t>(tensor.size(1)));
  for (std::size_t epoch = 0; epoch < curves.size(); ++epoch) {
    curves[epoch].resize(static_cast<std::size_t>(tensor.size(0)));
    for (std::size_t trial = 0; trial < curves[epoch].size(); ++trial) {
      for (std::size_t k = 0; k < kMetrics.size(); ++k) {
        curves[epoch][trial].*kMetrics[k].value =
            values[static_cast<int>(trial)][static_cast<int>(epoch)][static_cast<int>(k)];
      }
    }
  }
  return curves;
}

constexpr std::int64_t kNotDiverged = -1;

PackState PackLoop::state() const {
  const auto num_trials = history_.diverged_in.size();
  auto diverged_in =
      torch::full({static_cast<std::int64_t>(num_trials)}, kNotDiverged, torch::kLong);
  for (std::size_t trial = 0; trial < num_trials; ++trial) {
    if (const auto epoch = history_.diverged_in[trial]) {
      diverged_in[static_cast<std::int64_t>(trial)] = *epoch;
    }
  }
  PackState state = {.next_batch = next_batch_,
                     .tensors = {{"theta", parameters_.theta().clone()},
                                 {"is_finite", is_finite_.clone()},
                                 {"loss_memory", loss_memory_.clone()},
                                 {"train", to_tensor(history_.train, num_trials)},
                                 {"test", to_tensor(history_.test, num_trials)},
                                 {"diverged_in", diverged_in}}};
  if (after_updates_) state.tensors["after_updates"] = after_updates_->state();
  const auto memory = optimizer_->state();
  for (std::size_t i = 0; i < memory.size(); ++i)
    state.tensors["optimizer." + std::to_string(i)] = memory[i].clone();
  return state;
}

void PackLoop::restore(const PackState& state) {
  const auto& tensors = state.tensors;
  next_batch_ = state.next_batch;
  parameters_.theta().copy_(tensors.at("theta"));
  is_finite_.copy_(tensors.at("is_finite"));
  history_.train = curves_from(tensors.at("train"));
  if (task_.test) history_.test = curves_from(tensors.at("test"));
  begin_phase();
  loss_memory_.copy_(tensors.at("loss_memory"));
  const auto& diverged_in = tensors.at("diverged_in");
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    const auto epoch = diverged_in[static_cast<std::int64_t>(trial)].item<std::int64_t>();
    if (epoch != kNotDiverged) history_.diverged_in[trial] = static_cast<int>(epoch);
  }
  if (const auto tally = tensors.find("after_updates"); tally != tensors.end()) {
    after_updates_ = make_tally();
    after_updates_->restore(tally->second);
  }
  std::vector<torch::Tensor> memory;
  for (auto part = tensors.find("optimizer.0"); part != tensors.end();
       part = tensors.find("optimizer." + std::to_string(memory.size()))) {
    memory.push_back(part->second);
  }
  optimizer_->restore(memory, device_);
}

}  // namespace

int num_epochs(const PackTask& task) {
  int sum = 0;
  for (const auto& phase : task.phases)
    sum += phase.epochs;
  return sum;
}

std::vector<int> switch_epochs(const PackTask& task) {
  std::vector<int> ends;
  int end = 0;
  for (std::size_t i = 0; i + 1 < task.phases.size(); ++i)
    ends.push_back(end += task.phases[i].epochs);
  return ends;
}

std::optional<PackHistory> train_pack(const PackTask& task, const PackTrials& trials,
                                      torch::Device device, const PackListener& listener,
                                      const PackState* start, const SavePack& save) {
  PackLoop loop(task, trials, device, listener);
  if (start != nullptr) loop.restore(*start);
  try {
    return loop.run(save);
  } catch (const Stopped&) {
    save(loop.state());
    return std::nullopt;
  }
}

}  // namespace trainer
