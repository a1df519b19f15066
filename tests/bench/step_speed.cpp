/// Trial-steps per second on one device, without metrics: of LibTorch's own modules, one trial
/// after the other; of packs whose every operator the device is told of; and of packs whose steps
/// are recorded and replayed, where the device can. And what bounds them: the device's arithmetic
/// and memory, measured in the same run, beside what a step takes of either.
///
///   step_speed DEVICE WIDEST [PRECISION]
///
/// measures packs of up to WIDEST trials on "cpu" or "cuda:<index>", in the precision that settings
/// know, and prints one JSON document. LibTorch's own modules always compute in float32.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "tests/bench/plain_modules.hpp"
#include "tests/bench/traffic.hpp"
#include "trainer/device.hpp"
#include "trainer/pack_speed.hpp"
#include "trainer/pack_width.hpp"
#include "trainer/process.hpp"

namespace {

using nlohmann::json;
using torch::Tensor;

constexpr double kLongEnoughSeconds = 0.5;
constexpr int kFirstSteps = 5;
constexpr int kStepsAtATime = 10;
constexpr double kRate = 1e-6;
constexpr double kFloatBytes = 4;
constexpr std::int64_t kImageSize = 32;

struct Workload {
  std::string name = {};
  std::string loss = {};
  trainer::DataShape shape = {};
  std::int64_t batch_size = 0;
  json model = {};
  bool has_adam = false;  // else gradient descent with momentum
  int widest = 4096;
  std::function<bench::AttentionModel()> make_plain = {};
};

Workload perceptrons(const std::string& loss) {
  return {.name = "MLP 64-50, " + loss,
          .loss = loss,
          .shape = {.segments = 9, .features = 64, .classes = 10},
          .batch_size = 200,
          .model = {{"name", "mlp"}, {"hidden", 50}, {"activation", "tanh"}},
          .has_adam = true,
          .make_plain = [] { return bench::make_mlp(64, /*hidden=*/50, 10); }};
}

Workload linear() {
  return {.name = "linear 21, hard",
          .loss = "hard",
          .shape = {.segments = 20, .features = 21, .classes = 20},
          .batch_size = 256,
          .model = {{"name", "linear"}, {"bias", true}, {"start", "uniform"}},
          .make_plain = [] { return bench::make_linear(21, 20); }};
}

Workload convolutional() {
  return {.name = "CNN 32 x 32, soft",
          .loss = "soft",
          .shape = {.segments = 5,
                    .features = 3 * kImageSize * kImageSize,
                    .classes = 3,
                    .image = trainer::ImageShape{3, kImageSize, kImageSize}},
          .batch_size = 256,
          .model = {{"name", "cifar10_cnn"}},
          .widest = 64,
          .make_plain = [] { return bench::make_cnn(/*classes=*/3); }};
}

json optimizer_of(const Workload& workload) {
  if (workload.has_adam) {
    return {{"name", "adam"},
            {"beta1", 0.9},
            {"beta2", 0.999},
            {"epsilon", 1e-8},
            {"weight_decay", 0.0}};
  }
  return {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}};
}

struct Options {
  std::string device = {};
  int widest = 1;
  std::string precision = "float32";
};

bool is_known(const std::string& precision) {
  return precision == "float32" || precision == "tf32" || precision == "bf16";
}

trainer::Model model_of(const Workload& workload, const Options& options) {
  auto model = trainer::make_model(workload.model, workload.shape);
  model.precision = trainer::find_precision(options.precision);
  return model;
}

trainer::PackTask task_of(const Workload& workload, const Options& options) {
  return {.phases = {{.loss = trainer::make_loss({{"name", workload.loss}, {"epsilon", 0.0}}),
                      .optimizer = optimizer_of(workload)}},
          .model = model_of(workload, options)};
}

trainer::MadeUpPack pack_of(const trainer::PackTask& task, const Workload& workload, int width,
                            const Options& options) {
  return {.task = task,
          .shape = workload.shape,
          .batch_size = workload.batch_size,
          .width = width,
          .device = torch::Device(options.device)};
}

/// A trial of LibTorch's own modules on one and the same batch.
class PlainTrial {
 public:
  PlainTrial(const Workload& workload, torch::Device device)
      : loss_(workload.loss),
        mosaics_(torch::randn(sizes_of(workload)).to(device)),
        labels_(torch::randint(workload.shape.classes, {workload.batch_size}).to(device)),
        model_(workload.make_plain()) {
    model_.to(device);
    if (workload.has_adam) {
      optimizer_ = std::make_unique<torch::optim::Adam>(model_.parameters(), kRate);
    } else {
      optimizer_ = std::make_unique<torch::optim::SGD>(
          model_.parameters(), torch::optim::SGDOptions(kRate).momentum(0.9));
    }
  }

  /// Returns when the device has done it.
  void train(int num_steps) {
    for (int i = 0; i < num_steps; ++i) {
      optimizer_->zero_grad();
      mean_loss(loss_, forward(model_, loss_, mosaics_), labels_).backward();
      optimizer_->step();
    }
    model_.parameters().front().cpu();
  }

 private:
  static std::vector<std::int64_t> sizes_of(const Workload& workload) {
    const auto& [segments, features, classes, image, vocabulary] = workload.shape;
    if (!image) return {workload.batch_size, segments, features};
    return {workload.batch_size, segments, image->channels, image->height, image->width};
  }

  trainer::Tf32Guard float32_{trainer::Precision::float32};
  std::string loss_;
  Tensor mosaics_;  // [B, m, ...]
  Tensor labels_;   // [B]
  bench::AttentionModel model_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

/// What is done `at_a_time` until it has lasted long enough, per second.
double rate_of(const std::function<void()>& task, double at_a_time) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  std::chrono::duration<double> elapsed{0};
  double count = 0;
  for (; elapsed.count() < kLongEnoughSeconds; elapsed = Clock::now() - begin) {
    task();
    count += at_a_time;
  }
  return count / elapsed.count();
}

double plain_speed(const Workload& workload, torch::Device device) {
  PlainTrial trial(workload, device);
  trial.train(kFirstSteps);
  return rate_of([&] { trial.train(kStepsAtATime); }, kStepsAtATime);
}

/// Bytes that the device's memory moves for a copy, in a second.
double memory_speed(torch::Device device) {
  const std::int64_t count = device.is_cuda() ? std::int64_t{1} << 28 : std::int64_t{1} << 25;
  const auto from = torch::zeros({count}, device), to = torch::ones({count}, device);
  const auto copy = [&] {
    for (int i = 0; i < kStepsAtATime; ++i)
      to.copy_(from);
    to[0].item<float>();
  };
  copy();
  return rate_of(copy, 2 * kFloatBytes * static_cast<double>(count) * kStepsAtATime);
}

/// Operations that the device does for a large product in a precision, in a second.
double arithmetic_speed(const Options& options) {
  const torch::Device device(options.device);
  const auto precision = trainer::find_precision(options.precision);
  const trainer::Tf32Guard tf32(precision);
  const auto type = precision == trainer::Precision::bf16 ? torch::kBFloat16 : torch::kFloat;
  const std::int64_t size = device.is_cuda() ? 8192 : 1024;
  const auto factor = torch::ones({size, size}, torch::TensorOptions(type).device(device));
  auto product = torch::mm(factor, factor);
  const auto multiply = [&] {
    torch::mm_out(product, factor, factor);
    product[0][0].item<float>();
  };
  multiply();
  return rate_of(multiply, 2 * std::pow(static_cast<double>(size), 3));
}

/// Bytes that each operator moves in one step for each trial of a pack.
std::map<std::string, double> traffic_of(const Workload& workload, int width,
                                         const Options& options) {
  const auto task = task_of(workload, options);
  const auto traffic_of_steps = [&](int num_steps) {
    const bench::TrafficCount count;
    trainer::train(pack_of(task, workload, width, options), num_steps);
    return count.bytes_by_operator();
  };
  const auto once = traffic_of_steps(2);
  std::map<std::string, double> of_step;
  for (const auto& [name, bytes] : traffic_of_steps(3))
    of_step[name] = static_cast<double>(bytes - once.at(name)) / width;
  return of_step;
}

/// What a step takes that is a single kernel and leaves nothing but weights and optimiser state in
/// memory: read and written once. Of its arithmetic, the products forward and for the weights
/// alone: not those for the gradients of hidden layers, of which only deep networks have many.
json ideal_of(const Workload& workload) {
  const auto model = trainer::make_model(workload.model, workload.shape);
  const auto loss = trainer::make_loss({{"name", workload.loss}, {"epsilon", 0.0}});
  const auto cost = trainer::estimate_cost(model, {.shape = workload.shape}, loss.classified,
                                           workload.batch_size);
  const double num_states = workload.has_adam ? 3 : 2;
  return {{"bytes", 2 * num_states * kFloatBytes * cost.num_weights},
          {"operations", 4 * cost.multiply_adds * static_cast<double>(workload.batch_size)}};
}

json speed_at(const Workload& workload, int width, const Options& options) {
  auto task = task_of(workload, options);
  const auto speed = [&] { return measure_speed(pack_of(task, workload, width, options)); };
  json speeds = {{"width", width}, {"told", speed()}};
  task.recorder = trainer::make_recorder(options.device);
  if (task.recorder) speeds["replayed"] = speed();
  return speeds;
}

int best_width(const json& widths) {
  const auto speed = [](const json& each) {
    return std::max(each.at("told").get<double>(), each.value("replayed", 0.));
  };
  return std::ranges::max(widths, {}, speed).at("width");
}

json measure(const Workload& workload, const Options& options) {
  std::cerr << workload.name << '\n';
  const torch::Device device(options.device);
  json widths = json::array();
  for (int width = 1; width <= std::min(options.widest, workload.widest); width *= 2)
    widths.push_back(speed_at(workload, width, options));
  json measured = {{"name", workload.name},
                   {"plain", plain_speed(workload, device)},
                   {"widths", widths},
                   {"ideal", ideal_of(workload)}};
  if (device.is_cuda())  // on a CPU kernels of our own do most of it
    measured["traffic"] = traffic_of(workload, best_width(widths), options);
  return measured;
}

json measure_all(const Options& options) {
  trainer::set_up_process();
  trainer::open_device(options.device, /*threads=*/1);
  json workloads = json::array();
  for (const auto& workload :
       {perceptrons("soft"), perceptrons("hard"), perceptrons("lvml"), linear(), convolutional()})
    workloads.push_back(measure(workload, options));
  const torch::Device device(options.device);
  return {{"device", trainer::hardware_name(options.device)},
          {"library", trainer::library_version()},
          {"precision", options.precision},
          {"bytes_per_s", memory_speed(device)},
          {"operations_per_s", arithmetic_speed(options)},
          {"workloads", workloads}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: step_speed DEVICE WIDEST [PRECISION]\n";
    return 2;
  }
  Options options = {.device = argv[1], .widest = std::atoi(argv[2])};
  if (argc == 4) options.precision = argv[3];
  if (!is_known(options.precision)) {
    std::cerr << "step_speed: unknown precision, known are float32, tf32 and bf16\n";
    return 2;
  }
  try {
    std::cout << measure_all(options).dump(2) << std::endl;
  } catch (const trainer::DeviceError& error) {
    std::cerr << "step_speed: " << error.what() << "\n  hint: " << error.hint() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "step_speed: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
