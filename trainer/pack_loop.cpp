#include "trainer/pack_loop.hpp"

#include <algorithm>
#include <cmath>

#include "trainer/pack_model.hpp"

namespace trainer {
namespace {

/// Thrown where training was told to stop.
struct Stopped {};

/// What looks at each batch of a split.
using Visit = std::function<void(Pass& pass, const Batch& batch)>;

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
  void train_rest_of_epoch(const SavePack& save);
  torch::Tensor update(const Batch& batch);
  void add(Pass& pass, const Batch& batch, double loss_weight, Tally& tally) const;
  void measure_after_update(const Batch& batch);
  Tally measure_before_updates() const;
  void for_each_batch(const Batches& batches, const Visit& visit, std::int64_t begin = 0) const;
  Tally evaluate(const Batches& batches) const;
  void evaluate_at_end(const Batches& batches, SplitHistory& split) const;
  void append(const Tally& tally, SplitHistory& split) const;
  Tally measure_training() const;
  void record();
  void mark_diverged(const TrialMetrics& train);
  bool have_all_diverged() const;
  void begin_phase();
  std::size_t phase_index() const;
  Parameters& parameters() { return model_.parameters(); }
  const Parameters& parameters() const { return model_.parameters(); }
  const Phase& phase() const { return task_.phases[phase_index_]; }
  int epoch() const;
  std::span<const Rule> rules() const;
  Tally make_tally(std::span<const Rule> rules) const;

  const PackTask& task_;
  const PackTrials& trials_;
  const PackListener& listener_;
  torch::Device device_;
  PackModel model_;
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
      model_(task.model, trials.seeds, device),
      seeds_(torch::tensor(trials.seeds, torch::kLong).to(device)),
      is_finite_(torch::ones({std::ssize(trials.seeds)}, torch::kBool).to(device)) {
  history_.diverged_in.resize(trials.seeds.size());
  begin_phase();
}

/// In progress; 0 before training.
int PackLoop::epoch() const {
  return static_cast<int>(history_.train.own.size());
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
  loss_memory_ = torch::zeros({model_.num_trials()}, parameters().theta().options());
}

PackHistory PackLoop::run(const SavePack& save) {
  while (epoch() <= num_epochs(task_) && !have_all_diverged()) {
    if (epoch() > 0) train_rest_of_epoch(save);
    record();
  }
  evaluate_at_end(task_.train, history_.train);
  if (task_.test) evaluate_at_end(*task_.test, history_.test);
  return std::move(history_);
}

/// What is measured at the end belongs to the last epoch.
Moment PackLoop::moment(std::int64_t batch_index, bool is_training) const {
  return {.seeds = seeds_,
          .epoch = std::min(epoch(), num_epochs(task_)),
          .batch = batch_index,
          .is_training = is_training};
}

void PackLoop::train_rest_of_epoch(const SavePack& save) {
  if (task_.measures_after_update && next_batch_ == 0) after_updates_ = make_tally(rules());
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
  auto pass = model_.forward(batch, step.moment);
  const auto objective = objective_of(phase().loss, pass, step);
  parameters().differentiate(objective.sum());
  const torch::NoGradGuard no_grad;
  optimizer_->step(parameters().theta(), parameters().grad());
  return objective.detach();
}

void PackLoop::add(Pass& pass, const Batch& batch, double loss_weight, Tally& tally) const {
  tally.add(pass, model_.losses_of(pass, phase().loss, batch), batch.foreground, loss_weight);
}

void PackLoop::measure_after_update(const Batch& batch) {
  const torch::NoGradGuard no_grad;
  auto pass = model_.forward(batch, moment(next_batch_, /*is_training=*/false));
  add(pass, batch, /*loss_weight=*/1, *after_updates_);
}

/// What measuring after updates would give with updates of nothing.
Tally PackLoop::measure_before_updates() const {
  auto tally = make_tally(rules());
  const auto visit = [&](Pass& pass, const Batch& batch) {
    add(pass, batch, /*loss_weight=*/1, tally);
  };
  for_each_batch(task_.train, visit, task_.starts_with_last_batch ? task_.train.count() - 1 : 0);
  return tally;
}

/// The rules whose curves are wanted.
std::span<const Rule> PackLoop::rules() const {
  if (task_.has_all_rules) return kRules;
  return {&phase().loss.rule, 1};
}

Tally PackLoop::make_tally(std::span<const Rule> rules) const {
  return {model_.num_trials(), rules, device_};
}

/// Throws: Stopped.
void PackLoop::for_each_batch(const Batches& batches, const Visit& visit,
                              std::int64_t begin) const {
  const torch::NoGradGuard no_grad;
  for (std::int64_t i = begin; i < batches.count(); ++i) {
    const auto batch = batches[i];
    auto pass = model_.forward(batch, moment(i, /*is_training=*/false));
    visit(pass, batch);
    listener_.on_step(std::min(epoch(), num_epochs(task_)), num_epochs(task_));
    if (listener_.should_stop()) throw Stopped();
  }
}

Tally PackLoop::evaluate(const Batches& batches) const {
  auto tally = make_tally(rules());
  for_each_batch(batches, [&](Pass& pass, const Batch& batch) {
    add(pass, batch, static_cast<double>(batch.num_inputs), tally);
  });
  return tally;
}

void PackLoop::evaluate_at_end(const Batches& batches, SplitHistory& split) const {
  auto tally = make_tally(kRules);
  HeatPoints points;
  for_each_batch(batches, [&](Pass& pass, const Batch& batch) {
    add(pass, batch, static_cast<double>(batch.num_inputs), tally);
    points.add(pass, batch.foreground);
  });
  for (const auto rule : kRules)
    split.at_end[rule] = tally.read(rule);
  split.heat_maps = points.maps();
}

/// The next entry of the curves of a split.
void PackLoop::append(const Tally& tally, SplitHistory& split) const {
  split.own.push_back(tally.read(phase().loss.rule));
  if (!task_.has_all_rules) return;
  for (const auto rule : kRules)
    split.by_rule[rule].push_back(tally.read(rule));
}

/// Of the epoch in progress.
Tally PackLoop::measure_training() const {
  if (!task_.measures_after_update) return evaluate(task_.train);
  return after_updates_ ? *after_updates_ : measure_before_updates();
}

/// Ends the epoch in progress. Changes nothing before all of it is known: a stop may come between.
void PackLoop::record() {
  const auto train = measure_training();
  if (task_.test) append(evaluate(*task_.test), history_.test);
  if (epoch() > 0) mark_diverged(train.read(phase().loss.rule));
  append(train, history_.train);
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
                     .tensors = {{"theta", parameters().theta().clone()},
                                 {"is_finite", is_finite_.clone()},
                                 {"loss_memory", loss_memory_.clone()},
                                 {"diverged_in", diverged_in}}};
  state.tensors.merge(to_tensors(history_.train, "train", num_trials));
  state.tensors.merge(to_tensors(history_.test, "test", num_trials));
  if (after_updates_) state.tensors["after_updates"] = after_updates_->state();
  const auto memory = optimizer_->state();
  for (std::size_t i = 0; i < memory.size(); ++i)
    state.tensors["optimizer." + std::to_string(i)] = memory[i].clone();
  return state;
}

void PackLoop::restore(const PackState& state) {
  const auto& tensors = state.tensors;
  next_batch_ = state.next_batch;
  parameters().theta().copy_(tensors.at("theta"));
  is_finite_.copy_(tensors.at("is_finite"));
  history_.train = curves_from(tensors, "train");
  if (task_.test) history_.test = curves_from(tensors, "test");
  begin_phase();
  loss_memory_.copy_(tensors.at("loss_memory"));
  const auto& diverged_in = tensors.at("diverged_in");
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    const auto epoch = diverged_in[static_cast<std::int64_t>(trial)].item<std::int64_t>();
    if (epoch != kNotDiverged) history_.diverged_in[trial] = static_cast<int>(epoch);
  }
  if (const auto tally = tensors.find("after_updates"); tally != tensors.end()) {
    after_updates_ = make_tally(rules());
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
                                      const PackStates& states) {
  PackLoop loop(task, trials, device, listener);
  if (states.start != nullptr) loop.restore(*states.start);
  try {
    return loop.run(states.save);
  } catch (const Stopped&) {
    states.save(loop.state());
    return std::nullopt;
  }
}

}  // namespace trainer
