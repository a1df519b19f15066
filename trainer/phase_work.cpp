#include "trainer/phase_work.hpp"

#include <utility>

namespace trainer {

PhaseWork::PhaseWork(const PackTask& task, const Phase& phase, PackModel& model, Trials trials)
    : task_(task),
      phase_(phase),
      model_(model),
      trials_(std::move(trials)),
      step_number_(torch::zeros({}, trials_.seeds.options())),
      loss_memory_(torch::zeros({model.num_trials()}, model.parameters().theta().options())),
      optimizer_(make_optimizer(phase.optimizer, trials_.rates)),
      after_updates_(make_tally(rules())),
      measured_(make_tally(rules())),
      train_([this](const Batch& batch) { step(batch); }, task.recorder),
      measure_(
          [this](const Batch& batch) {
            auto pass = look_at(batch);
            add(pass, batch, static_cast<double>(batch.num_inputs), measured_);
          },
          task.recorder) {}

void PhaseWork::begin_batch(std::int64_t epoch, std::int64_t batch_index) {
  step_number_.fill_(step_number(epoch, batch_index));
  batch_index_ = batch_index;
}

void PhaseWork::train(const Batch& batch) {
  optimizer_->begin_step();
  train_.run(batch);
}

void PhaseWork::step(const Batch& batch) {
  trials_.is_finite.logical_and_(update(batch).isfinite());
  if (!task_.measures_after_update) return;
  auto pass = look_at(batch);
  add(pass, batch, /*loss_weight=*/1, after_updates_);
}

/// Returns what the step descended, before it.  Shapes: -> [T]
torch::Tensor PhaseWork::update(const Batch& batch) {
  auto& parameters = model_.parameters();
  const auto descended = objective(batch);
  parameters.differentiate(descended.sum());
  const torch::NoGradGuard no_grad;
  optimizer_->apply_step(parameters.theta(), parameters.grad());
  return descended.detach();
}

/// With its graph.  Shapes: -> [T]
torch::Tensor PhaseWork::objective(const Batch& batch) {
  if (objective_ahead_.defined()) {
    TORCH_CHECK(batch_index_ == index_ahead_, "batch ", batch_index_, " follows where batch ",
                index_ahead_, " was measured ahead");
    return std::exchange(objective_ahead_, torch::Tensor());
  }
  const Step step = {.moment = moment(/*is_training=*/true), .memory = loss_memory_};
  auto pass = model_.forward(batch, step.moment);
  return objective_of(phase_.loss, pass, step);
}

void PhaseWork::measure(const Batch& batch) {
  measure_.run(batch);
}

void PhaseWork::measure_ahead(const Batch& batch) {
  if (!measures_as_it_trains()) return measure(batch);
  auto pass = model_.forward(batch, moment(/*is_training=*/false));
  objective_ahead_ = phase_.loss.value(pass);
  index_ahead_ = batch_index_;
  add(pass, batch, static_cast<double>(batch.num_inputs), measured_);
}

/// Recorded work stands apart; so does what draws or remembers.
bool PhaseWork::measures_as_it_trains() const {
  return !task_.recorder && !task_.model.encoder && !phase_.loss.objective;
}

Pass PhaseWork::look_at(const Batch& batch) const {
  const torch::NoGradGuard no_grad;
  return model_.forward(batch, moment(/*is_training=*/false));
}

void PhaseWork::add(Pass& pass, const Batch& batch, double loss_weight, Tally& tally) const {
  const torch::NoGradGuard no_grad;  // a pass computes what it is asked for when it is asked
  tally.add(pass, model_.losses_of(pass, phase_.loss, batch), batch.foreground, loss_weight);
}

Moment PhaseWork::moment(bool is_training) const {
  return {.seeds = trials_.seeds, .step = step_number_, .is_training = is_training};
}

std::span<const Rule> PhaseWork::rules() const {
  if (task_.has_all_rules) return kRules;
  return {&phase_.loss.rule, 1};
}

Tally PhaseWork::make_tally(std::span<const Rule> rules) const {
  return {model_.num_trials(), rules, trials_.seeds.device()};
}

std::map<std::string, torch::Tensor> PhaseWork::state() const {
  std::map<std::string, torch::Tensor> state = {{"loss_memory", loss_memory_.clone()}};
  if (task_.measures_after_update) state["after_updates"] = after_updates_.state();
  const auto memory = optimizer_->state();
  for (std::size_t i = 0; i < memory.size(); ++i)
    state["optimizer." + std::to_string(i)] = memory[i].clone();
  return state;
}

void PhaseWork::restore(const std::map<std::string, torch::Tensor>& state) {
  objective_ahead_.reset();
  loss_memory_.copy_(state.at("loss_memory"));
  if (const auto tally = state.find("after_updates"); tally != state.end())
    after_updates_.restore(tally->second);
  std::vector<torch::Tensor> memory;
  for (auto part = state.find("optimizer.0"); part != state.end();
       part = state.find("optimizer." + std::to_string(memory.size()))) {
    memory.push_back(part->second);
  }
  optimizer_->restore(memory, trials_.seeds.device());
}

}  // namespace trainer
