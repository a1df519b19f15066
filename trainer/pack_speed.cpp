#include "trainer/pack_speed.hpp"

#include <chrono>

#include "trainer/pack_model.hpp"
#include "trainer/phase_work.hpp"

namespace trainer {
namespace {

constexpr int kFirstSteps = 5;  // direct ones, the recording and a replay
constexpr int kStepsAtATime =
    10;  // between two looks at the clock, for which the device is awaited
constexpr double kLongEnoughSeconds = 0.1;

/// Random inputs, the first segment of each in the foreground. Drawn on the CPU: a graph that could
/// not be recorded leaves the device's generator unusable.
Batch make_batch(const DataShape& shape, std::int64_t batch_size, torch::Device device) {
  const torch::TensorOptions floats(torch::kFloat);
  const torch::TensorOptions whole_numbers(torch::kLong);
  const auto B = (batch_size + Batch::kAlignment - 1) / Batch::kAlignment * Batch::kAlignment;
  auto foreground = torch::zeros({shape.segments, B}, torch::kBool);
  foreground[0].fill_(true);
  const auto segments =
      shape.vocabulary > 0
          ? torch::randint(shape.vocabulary, {1, 1, shape.segments, B}, whole_numbers)
          : torch::randn({1, shape.features, shape.segments, B}, floats);
  return {.segments = segments.to(device),
          .labels = torch::randint(shape.classes, {B}, whole_numbers).to(device),
          .foreground = foreground.to(device),
          .num_inputs = batch_size};
}

/// A pack of that many equal trials on one and the same batch.
class SpeedTrial {
 public:
  SpeedTrial(const PackTask& task, const Batch& batch, int width, torch::Device device)
      : batch_(batch),
        seeds_(static_cast<std::size_t>(width)),
        is_finite_(torch::ones({width}, torch::TensorOptions(torch::kBool).device(device))),
        model_(task.model, seeds_, device),
        work_(task, task.phases.front(), model_,
              {.seeds = torch::tensor(seeds_, torch::kLong).to(device),
               .rates = torch::full({width, 1}, 1e-6).to(device),
               .is_finite = is_finite_}) {}

  /// Returns when the device has done it.
  void train(int num_steps) {
    for (int i = 0; i < num_steps; ++i) {
      work_.begin_batch(/*epoch=*/1, i);
      work_.train(batch_);
    }
    is_finite_.cpu();
  }

 private:
  const Batch& batch_;
  std::vector<std::int64_t> seeds_;  // all 0
  torch::Tensor is_finite_;
  PackModel model_;
  PhaseWork work_;
};

}  // namespace

double measure_pack_speed(const PackTask& task, const DataShape& shape, std::int64_t batch_size,
                          int width, torch::Device device) {
  using Clock = std::chrono::steady_clock;
  const Tf32Guard tf32(task.model.precision);
  try {
    const auto batch = make_batch(shape, batch_size, device);
    SpeedTrial trial(task, batch, width, device);
    trial.train(kFirstSteps);
    const auto begin = Clock::now();
    std::chrono::duration<double> elapsed{0};
    int num_steps = 0;
    for (; elapsed.count() < kLongEnoughSeconds; elapsed = Clock::now() - begin) {
      trial.train(kStepsAtATime);
      num_steps += kStepsAtATime;
    }
    return width * num_steps / elapsed.count();
  } catch (const c10::OutOfMemoryError&) {
    return 0;
  }
}

void train_made_up_pack(const PackTask& task, const DataShape& shape, std::int64_t batch_size,
                        int width, torch::Device device, int num_steps) {
  const Tf32Guard tf32(task.model.precision);
  const auto batch = make_batch(shape, batch_size, device);
  SpeedTrial(task, batch, width, device).train(num_steps);
}

}  // namespace trainer
