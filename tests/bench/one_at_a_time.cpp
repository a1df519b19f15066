/// What mpisweep is compared with, in LibTorch: ordinary modules and optimisers, one trial after
/// the other on one thread, samples outermost.
///
///   one_at_a_time mlp|cnn PART PARTS
///
/// trains every PARTS-th trial of a workload, from PART on, and prints one line of JSON.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "tests/bench/plain_modules.hpp"

namespace {

using bench::AttentionModel;
using bench::Outputs;
using torch::Tensor;

struct Trial {
  std::string loss;
  double learning_rate;
  std::uint64_t seed;
};

struct Data {
  Tensor mosaics;    // [N, m, ...]
  Tensor labels;     // [N]
  Tensor positions;  // [N], the foreground's segment
};

struct Workload {
  std::vector<Trial> trials;
  Data data;
  int epochs = 0;
  int batch = 0;
  int measured_at_once = 0;
  std::function<AttentionModel()> make_model;
  std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<Tensor>, double)> optimize;
};

struct Means {
  double loss = 0;
  double accuracy = 0;
  double focus_weight = 0;
  std::array<double, 4> by_focus_and_prediction = {};
};

Tensor predict(const std::string& loss, const Outputs& outputs) {
  const auto& [scores, log_p] = outputs;
  if (loss == "soft") return log_p.argmax(-1);
  if (loss == "hard") {
    const auto attended = scores.argmax(1).view({-1, 1, 1}).expand({-1, 1, log_p.size(2)});
    return log_p.gather(1, attended).squeeze(1).argmax(-1);
  }
  return (scores.softmax(1).unsqueeze(2) * log_p.exp()).sum(1).argmax(-1);
}

/// Over the training set.
Means measure(AttentionModel& model, const Workload& workload, const std::string& loss) {
  const torch::NoGradGuard no_grad;
  const auto& [all_mosaics, all_labels, all_positions] = workload.data;
  const auto N = all_labels.size(0);
  Tensor sums;
  for (std::int64_t begin = 0; begin < N; begin += workload.measured_at_once) {
    const auto count = std::min<std::int64_t>(workload.measured_at_once, N - begin);
    const auto labels = all_labels.narrow(0, begin, count);
    const auto positions = all_positions.narrow(0, begin, count);
    const auto outputs = forward(model, loss, all_mosaics.narrow(0, begin, count));
    const auto correct = predict(loss, outputs) == labels;
    const auto focused = outputs.scores.argmax(1) == positions;
    const auto weights = outputs.scores.softmax(1).gather(1, positions.unsqueeze(1));
    const auto batch =
        torch::stack({mean_loss(loss, outputs, labels) * count, correct.sum(), weights.sum(),
                      (focused & correct).sum(), (focused.logical_not() & correct).sum(),
                      (focused & correct.logical_not()).sum(),
                      (focused.logical_not() & correct.logical_not()).sum()});
    sums = sums.defined() ? sums + batch : batch;
  }
  const auto means = (sums / N).to(torch::kDouble);
  const std::span values(means.const_data_ptr<double>(), 7);
  return {.loss = values[0],
          .accuracy = values[1],
          .focus_weight = values[2],
          .by_focus_and_prediction = {values[3], values[4], values[5], values[6]}};
}

std::vector<Means> train(const Trial& trial, const Workload& workload) {
  torch::manual_seed(trial.seed);
  auto model = workload.make_model();
  const auto optimizer = workload.optimize(model.parameters(), trial.learning_rate);
  const auto batches = workload.data.mosaics.split(workload.batch);
  const auto labels = workload.data.labels.split(workload.batch);
  std::vector<Means> curve = {measure(model, workload, trial.loss)};
  for (int epoch = 0; epoch < workload.epochs; ++epoch) {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      optimizer->zero_grad();
      mean_loss(trial.loss, forward(model, trial.loss, batches[i]), labels[i]).backward();
      optimizer->step();
    }
    curve.push_back(measure(model, workload, trial.loss));
  }
  return curve;
}

// --- workloads: those of peers/workload.py and of peers_bench.py ---

Data gaussian_mosaics() {
  const std::int64_t N = 2000, m = 9, C = 10, d = 64;
  constexpr double kScale = 0.6, kNoise = 0.5;
  torch::manual_seed(0);
  const auto foregrounds = kScale * torch::randn({C, d});
  const auto backgrounds = kScale * torch::randn({C, d});
  Data data = {.mosaics = backgrounds.index({torch::randint(C, {N, m}, torch::kLong)}),
               .labels = torch::randint(C, {N}, torch::kLong),
               .positions = torch::randint(m, {N}, torch::kLong)};
  data.mosaics.index_put_({torch::arange(N), data.positions}, foregrounds.index({data.labels}));
  data.mosaics += kNoise * torch::randn({N, m, d});
  return data;
}

Data random_images(int N) {
  const std::int64_t m = 5, C = 3;
  torch::manual_seed(0);
  return {.mosaics = torch::rand({N, m, 3, 32, 32}) * 2 - 1,
          .labels = torch::randint(C, {N}, torch::kLong),
          .positions = torch::randint(m, {N}, torch::kLong)};
}

Workload mlp_workload() {
  Workload workload = {
      .trials = {},
      .data = gaussian_mosaics(),
      .epochs = 20,
      .batch = 200,
      .measured_at_once = 2000,
      .make_model = [] { return bench::make_mlp(64, /*hidden=*/50, 10); },
      .optimize = [](auto weights,
                     double rate) { return std::make_unique<torch::optim::Adam>(weights, rate); }};
  for (const auto* loss : {"soft", "hard", "lvml"})
    for (const double rate : {0.003, 0.01, 0.03, 0.1})
      for (std::uint64_t seed = 0; seed < 8; ++seed)
        workload.trials.push_back({loss, rate, seed});
  return workload;
}

Workload cnn_workload() {
  return {
      .trials = {{"soft", 0.01, 0}, {"soft", 0.01, 1}},
      .data = random_images(512),
      .epochs = 6,
      .batch = 256,
      .measured_at_once = 256,
      .make_model = [] { return bench::make_cnn(/*classes=*/3); },
      .optimize = [](auto weights,
                     double rate) { return std::make_unique<torch::optim::SGD>(weights, rate); }};
}

double unix_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: one_at_a_time mlp|cnn PART PARTS\n";
    return 2;
  }
  torch::set_num_threads(1);
  const auto workload = std::string(argv[1]) == "cnn" ? cnn_workload() : mlp_workload();
  const auto part = std::strtoul(argv[2], nullptr, 10), parts = std::strtoul(argv[3], nullptr, 10);
  std::vector<double> accuracies, weights;
  const double began = unix_time();
  for (auto i = part; i < workload.trials.size(); i += parts) {
    const auto last = train(workload.trials[i], workload).back();
    accuracies.push_back(last.accuracy);
    weights.push_back(last.focus_weight);
  }
  const nlohmann::json line = {{"began", began},
                               {"ended", unix_time()},
                               {"accuracies", accuracies},
                               {"focus_weights", weights}};
  std::cout << line << std::endl;
  return 0;
}
