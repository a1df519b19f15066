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

/// A pack in training.
class SpeedTrial {
 public:
  explicit SpeedTrial(const MadeUpPack& pack)
      : tf32_(pack.task.model.precision),
        batch_(make_batch(pack.shape, pack.batch_size, pack.device)),
        seeds_(static_cast<std::size_t>(pack.width)),
        is_finite_(
            torch::ones({pack.width}, torch::TensorOptions(torch::kBool).device(pack.device))),
        model_(pack.task.model, seeds_, pack.device),
        work_(pack.task, pack.task.phases.front(), model_,
              {.seeds = torch::tensor(seeds_, torch::kLong).to(pack.device),
               .rates = torch::full({pack.width, 1}, 1e-6).to(pack.device),
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
  Tf32Guard tf32_;
  Batch batch_;
  std::vector<std::int64_t> seeds_;  // all 0
  torch::Tensor is_finite_;
  PackModel model_;
  PhaseWork work_;
};

}  // namespace

void train(const MadeUpPack& pack, int num_steps) {
  SpeedTrial(pack).train(num_steps);
}

double measure_speed(const MadeUpPack& pack) {
  using Clock = std::chrono::steady_clock;
  try {
    SpeedTrial trial(pack);
    trial.train(kFirstSteps);
    const auto begin = Clock::now();
    std::chrono::duration<double> elapsed{0};
    int num_steps = 0;
    for (; elapsed.count() < kLongEnoughSeconds; elapsed = Clock::now() - begin) {
      trial.train(kStepsAtATime);
      num_steps += kStepsAtATime;
    }
    return pack.width * num_steps / elapsed.count();
  } catch (const c10::OutOfMemoryError&) {
    return 0;
  }
}

}  // namespace trainer
