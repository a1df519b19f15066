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

namespace {

namespace nn = torch::nn;
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

/// One network scores the segments, the other classifies segments or their blend.
struct AttentionModel {
  nn::Sequential focus;
  nn::Sequential classifier;
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

struct Outputs {
  Tensor scores;  // [B, m]
  Tensor log_p;   // [B, C] of the blend for the soft loss, else [B, m, C]
};

struct Means {
  double loss = 0;
  double accuracy = 0;
  double focus_weight = 0;
  std::array<double, 4> by_focus_and_prediction = {};
};

Outputs forward(AttentionModel& model, const std::string& loss, const Tensor& mosaics) {
  const auto B = mosaics.size(0), m = mosaics.size(1);
  const auto scores = model.focus->forward(mosaics.flatten(0, 1)).view({B, m});
  if (loss == "soft") {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(mosaics.dim()), 1);
    sizes[0] = B;
    sizes[1] = m;
    const auto blend = (scores.softmax(1).view(sizes) * mosaics).sum(1);  // [B, ...]
    return {scores, model.classifier->forward(blend).log_softmax(-1)};
  }
  const auto log_p = model.classifier->forward(mosaics.flatten(0, 1)).log_softmax(-1);
  return {scores, log_p.view({B, m, -1})};
}

Tensor mean_loss(const std::string& loss, const Outputs& outputs, const Tensor& labels) {
  const auto& [scores, log_p] = outputs;
  if (loss == "soft") return torch::nll_loss(log_p, labels);
  const auto index = labels.view({-1, 1, 1}).expand({-1, scores.size(1), 1});
  const auto log_p_label = log_p.gather(2, index).squeeze(2);  // [B, m]
  if (loss == "hard") return -(scores.softmax(1) * log_p_label).sum(1).mean();
  return -torch::logsumexp(scores.log_softmax(1) + log_p_label, 1).mean();
}

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
  auto weights = model.focus->parameters();
  const auto others = model.classifier->parameters();
  weights.insert(weights.end(), others.begin(), others.end());
  const auto optimizer = workload.optimize(weights, trial.learning_rate);
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

nn::Linear unbiased(std::int64_t in, std::int64_t out) {
  return nn::Linear(nn::LinearOptions(in, out).bias(false));
}

nn::Conv2d unbiased(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).bias(false));
}

AttentionModel make_mlp() {
  constexpr int kHidden = 50;
  return {nn::Sequential(nn::Linear(64, kHidden), nn::Tanh(), nn::Linear(kHidden, 1)),
          nn::Sequential(nn::Linear(64, kHidden), nn::Tanh(), nn::Linear(kHidden, 10))};
}

/// Source: Vashisht and Ramaswamy, ECAI 2023, their Focus_cnn and Classification_cnn
AttentionModel make_cnn() {
  return {
      nn::Sequential(unbiased(3, 32, 3), nn::ReLU(), nn::MaxPool2d(2),   // [32, 15, 15]
                     unbiased(32, 64, 3), nn::ReLU(), nn::MaxPool2d(2),  // [64, 6, 6]
                     unbiased(64, 64, 3), nn::ReLU(), nn::Flatten(),     // [1024]
                     unbiased(1024, 512), nn::ReLU(), unbiased(512, 64), nn::ReLU(),
                     unbiased(64, 10), nn::ReLU(), unbiased(10, 1)),
      nn::Sequential(nn::Conv2d(3, 6, 5), nn::ReLU(), nn::MaxPool2d(2),                  //
                     nn::Conv2d(6, 16, 5), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),  // [400]
                     nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84), nn::ReLU(),
                     nn::Linear(84, 10), nn::ReLU(), nn::Linear(10, 3))};
}

Data gaussian_mosaics() {
  constexpr int N = 2000, m = 9, C = 10, d = 64;
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
  constexpr int m = 5, C = 3;
  torch::manual_seed(0);
  return {.mosaics = torch::rand({N, m, 3, 32, 32}) * 2 - 1,
          .labels = torch::randint(C, {N}, torch::kLong),
          .positions = torch::randint(m, {N}, torch::kLong)};
}

Workload mlp_workload() {
  Workload workload = {.trials = {},
                       .data = gaussian_mosaics(),
                       .epochs = 20,
                       .batch = 200,
                       .measured_at_once = 2000,
                       .make_model = make_mlp,
                       .optimize = [](auto weights, double rate) {
                         return std::make_unique<torch::optim::Adam>(weights, rate);
                       }};
  for (const auto* loss : {"soft", "hard", "lvml"})
    for (const double rate : {0.003, 0.01, 0.03, 0.1})
      for (std::uint64_t seed = 0; seed < 8; ++seed)
        workload.trials.push_back({loss, rate, seed});
  return workload;
}

Workload cnn_workload() {
  return {.trials = {{"soft", 0.01, 0}, {"soft", 0.01, 1}},
          .data = random_images(512),
          .epochs = 6,
          .batch = 256,
          .measured_at_once = 256,
          .make_model = make_cnn,
          .optimize = [](auto weights, double rate) {
            return std::make_unique<torch::optim::SGD>(weights, rate);
          }};
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
