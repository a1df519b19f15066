#include "trainer/pack_loop.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer/pack_model.hpp"
#include "trainer/phase_work.hpp"

namespace trainer {
namespace {

/// Thrown where training was told to stop.
struct Stopped {};

/// What looks at each batch of a split.
using Visit = std::function<void(Pass& pass, const Batch& batch)>;

/// What was measured of a split between two epochs.
struct Entry {
  TrialMetrics own = {};                      // under the rule of the phase
  std::map<Rule, TrialMetrics> by_rule = {};  // under each; empty unless asked for
};

/// The state of one pack in training.
class PackLoop {
 public:
  PackLoop(const PackTask& task, const PackTrials& trials, torch::Device device,
           const PackListener& listener);
  PackHistory run(const SavePack& save);
  PackState state() const;
  void restore(const PackState& state);

 private:
  void train_rest_of_epoch(const SavePack& save);
  void look_at_each(const Batches& batches, const Visit& visit, std::int64_t begin = 0);
  void finish_measuring() const;
  Entry measure_training();
  Entry measure_before_updates();
  Entry measure(const Batches& batches, SplitHistory& split);
  void evaluate_at_end(const Batches& batches, SplitHistory& split);
  Entry entry_of(const std::map<Rule, TrialMetrics>& by_rule) const;
  Entry read(const Tally& tally) const;
  void record();
  void mark_diverged(const TrialMetrics& train);
  bool have_all_diverged() const;
  void begin_phase();
  std::size_t phase_index() const;
  int epoch() const;
  int epoch_measured() const { return std::min(epoch(), num_epochs(task_.phases)); }

  const PackTask& task_;
  const PackTrials& trials_;
  const PackListener& listener_;
  torch::Device device_;
  PackModel model_;
  torch::Tensor seeds_;                 // [T] int64
  torch::Tensor is_finite_;             // [T] bool: every training loss so far
  std::size_t phase_index_ = 0;         // of the epoch in progress
  std::optional<PhaseWork> work_ = {};  // of that phase
  std::int64_t next_batch_ = 0;         // of the epoch in progress
  PackHistory history_ = {};
};

/// Shapes: -> [T, 1]
torch::Tensor make_rates(const Phase& phase, const PackTrials& trials, torch::Device device) {
  auto rates = trials.learning_rates;
  if (phase.learning_rate) std::ranges::fill(rates, *phase.learning_rate);
  return torch::tensor(rates, torch::kFloat).unsqueeze(1).to(device);
}

/// Whether other work follows the epoch.
bool ends_phase(const PackTask& task, int epoch) {
  const auto ends = switch_epochs(task);
  return std::ranges::find(ends, epoch) != ends.end();
}

/// The next entry of the curves of a split.
void append(Entry entry, SplitHistory& split) {
  split.own.push_back(std::move(entry.own));
  for (auto& [rule, metrics] : entry.by_rule)
    split.by_rule[rule].push_back(std::move(metrics));
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
  const auto& phase = task_.phases[phase_index_];
  work_.emplace(
      task_, phase, model_,
      PhaseWork::Trials{
          .seeds = seeds_, .rates = make_rates(phase, trials_, device_), .is_finite = is_finite_});
}

PackHistory PackLoop::run(const SavePack& save) {
  while (epoch() <= num_epochs(task_.phases) && !have_all_diverged()) {
    if (epoch() > 0) train_rest_of_epoch(save);
    record();
  }
  evaluate_at_end(task_.train, history_.train);
  if (task_.test) evaluate_at_end(*task_.test, history_.test);
  return std::move(history_);
}

void PackLoop::train_rest_of_epoch(const SavePack& save) {
  if (next_batch_ == 0) work_->after_updates().clear();
  const auto batches =
      task_.shuffle_seed ? shuffle(task_.train, *task_.shuffle_seed, epoch()) : task_.train;
  while (next_batch_ < batches.count()) {
    work_->begin_batch(epoch(), next_batch_);
    work_->train(batches[next_batch_]);
    ++next_batch_;
    listener_.on_step(epoch() - 1, num_epochs(task_.phases));
    if (listener_.should_stop()) throw Stopped();
    if (listener_.should_save()) save(state());
  }
}

/// To be called after every batch that was measured.  Throws: Stopped.
void PackLoop::finish_measuring() const {
  listener_.on_step(epoch_measured(), num_epochs(task_.phases));
  if (listener_.should_stop()) throw Stopped();
}

/// Throws: Stopped.
void PackLoop::look_at_each(const Batches& batches, const Visit& visit, std::int64_t begin) {
  for (std::int64_t i = begin; i < batches.count(); ++i) {
    const auto batch = batches[i];
    work_->begin_batch(epoch_measured(), i);
    auto pass = work_->look_at(batch);
    visit(pass, batch);
    finish_measuring();
  }
}

/// Of the epoch in progress.  Throws: Stopped.
Entry PackLoop::measure_training() {
  if (!task_.measures_after_update) return measure(task_.train, history_.train);
  return epoch() > 0 ? read(work_->after_updates()) : measure_before_updates();
}

/// What measuring after updates would give with updates of nothing.
Entry PackLoop::measure_before_updates() {
  auto& tally = work_->measured();
  tally.clear();
  const auto visit = [&](Pass& pass, const Batch& batch) {
    work_->add(pass, batch, /*loss_weight=*/1, tally);
  };
  look_at_each(task_.train, visit, task_.starts_with_last_batch ? task_.train.count() - 1 : 0);
  return read(tally);
}

/// After the last epoch, what is told of the end tells this as well.
Entry PackLoop::measure(const Batches& batches, SplitHistory& split) {
  if (epoch() == num_epochs(task_.phases)) {
    evaluate_at_end(batches, split);
    return entry_of(split.at_end);
  }
  const bool trains_on_first =
      &batches == &task_.train && !task_.shuffle_seed && !ends_phase(task_, epoch());
  work_->measured().clear();
  for (auto i = batches.count() - 1; i >= 0; --i) {
    work_->begin_batch(epoch_measured(), i);
    if (trains_on_first && i == 0) {
      work_->measure_ahead(batches[i]);
    } else {
      work_->measure(batches[i]);
    }
    finish_measuring();
  }
  return read(work_->measured());
}

/// Unless that is known already.
void PackLoop::evaluate_at_end(const Batches& batches, SplitHistory& split) {
  if (!split.at_end.empty()) return;
  auto tally = work_->make_tally(kRules);
  HeatPoints points;
  look_at_each(batches, [&](Pass& pass, const Batch& batch) {
    work_->add(pass, batch, static_cast<double>(batch.num_inputs), tally);
    points.add(pass, batch.foreground);
  });
  split.at_end = tally.read();
  split.heat_maps = points.maps();
}

Entry PackLoop::entry_of(const std::map<Rule, TrialMetrics>& by_rule) const {
  Entry entry = {.own = by_rule.at(work_->phase().loss.rule)};
  if (task_.has_all_rules) {
    entry.by_rule = by_rule;
    return entry;
  }
  for (auto& metrics : entry.own)
    metrics.logit_gap = Metrics().logit_gap;  // known of the last epoch alone
  return entry;
}

/// Waits for the device.
Entry PackLoop::read(const Tally& tally) const {
  return entry_of(tally.read());
}

/// Ends the epoch in progress. Changes nothing before all of it is known: a stop may come between.
void PackLoop::record() {
  std::optional<Entry> test;
  if (task_.test) test = measure(*task_.test, history_.test);
  auto train = measure_training();
  if (test) append(std::move(*test), history_.test);
  if (epoch() > 0) mark_diverged(train.own);
  append(std::move(train), history_.train);
  next_batch_ = 0;
  if (phase_index() != phase_index_) begin_phase();
}

void PackLoop::mark_diverged(const TrialMetrics& train) {
  const auto is_finite = is_finite_.cpu();
  const auto* are_finite = is_finite.const_data_ptr<bool>();
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    auto& diverged_in = history_.diverged_in[trial];
    const bool is_still_finite = are_finite[trial] && std::isfinite(train[trial].loss);
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
                     .tensors = {{"theta", model_.parameters().theta().clone()},
                                 {"is_finite", is_finite_.clone()},
                                 {"diverged_in", diverged_in}}};
  state.tensors.merge(work_->state());
  state.tensors.merge(to_tensors(history_.train, "train", num_trials));
  state.tensors.merge(to_tensors(history_.test, "test", num_trials));
  return state;
}

void PackLoop::restore(const PackState& state) {
  const auto& tensors = state.tensors;
  next_batch_ = state.next_batch;
  model_.parameters().theta().copy_(tensors.at("theta"));
  is_finite_.copy_(tensors.at("is_finite"));
  history_.train = curves_from(tensors, "train");
  if (task_.test) history_.test = curves_from(tensors, "test");
  begin_phase();
  work_->restore(tensors);
  const auto& diverged_in = tensors.at("diverged_in");
  for (std::size_t trial = 0; trial < history_.diverged_in.size(); ++trial) {
    const auto epoch = diverged_in[static_cast<std::int64_t>(trial)].item<std::int64_t>();
    if (epoch != kNotDiverged) history_.diverged_in[trial] = static_cast<int>(epoch);
  }
}

}  // namespace

int num_epochs(const std::vector<Phase>& phases) {
  int sum = 0;
  for (const auto& phase : phases)
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
  const Tf32Guard tf32(task.model.precision);
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
