#include "trainer/batch_work.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace trainer {
namespace {

/// Inputs of two segments with one feature each, all of this value.
Batch batch_of(float value, std::int64_t num_inputs = 16) {
  return {.segments = torch::full({1, 1, 2, 16}, value),
          .labels = torch::full({16}, static_cast<std::int64_t>(value), torch::kLong),
          .foreground = torch::full({2, 16}, value > 0, torch::kBool),
          .num_inputs = num_inputs};
}

/// "Records" work on the CPU: to replay is to do it again. Counts both.
struct CountingRecorder {
  int num_recorded = 0;
  int num_replayed = 0;

  Recorder recorder() {
    return [this](const std::function<void()>& work) -> Replay {
      ++num_recorded;
      return [this, work] {
        ++num_replayed;
        work();
      };
    };
  }
};

/// What a work has seen of its batches.
struct Seen {
  std::vector<float> segments = {};
  std::vector<std::int64_t> labels = {};
  std::vector<bool> foreground = {};
  std::vector<std::int64_t> num_inputs = {};

  BatchWork::Work work() {
    return [this](const Batch& batch) {
      segments.push_back(batch.segments.mean().item<float>());
      labels.push_back(batch.labels[15].item<std::int64_t>());
      foreground.push_back(batch.foreground[1][15].item<bool>());
      num_inputs.push_back(batch.num_inputs);
    };
  }
};

TEST(BatchWork, RecordsAShapeOnceAndReplaysItOnEveryFurtherBatch) {
  CountingRecorder device;
  Seen seen;
  BatchWork work(seen.work(), device.recorder());

  for (const float value : {1.F, 2.F, 3.F, 0.F, 5.F})
    work.run(batch_of(value));

  EXPECT_EQ(device.num_recorded, 1);
  EXPECT_EQ(device.num_replayed, 3);  // two are done directly, before anything is recorded
  EXPECT_EQ(seen.segments, (std::vector<float>{1, 2, 3, 0, 5}));
  EXPECT_EQ(seen.labels, (std::vector<std::int64_t>{1, 2, 3, 0, 5}));
  EXPECT_EQ(seen.foreground, (std::vector<bool>{true, true, true, false, true}));
}

TEST(BatchWork, RecordsAShortBatchByItself) {
  CountingRecorder device;
  Seen seen;
  BatchWork work(seen.work(), device.recorder());

  for (int epoch = 0; epoch < 4; ++epoch) {
    work.run(batch_of(1));
    work.run(batch_of(2, /*num_inputs=*/7));
  }

  EXPECT_EQ(device.num_recorded, 2);
  EXPECT_EQ(seen.segments, (std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(seen.num_inputs, (std::vector<std::int64_t>{16, 7, 16, 7, 16, 7, 16, 7}));
}

TEST(BatchWork, ReplaysOnTheAbsentSegmentsOfEachBatch) {
  CountingRecorder device;
  std::vector<std::int64_t> num_absent;
  BatchWork work(
      [&](const Batch& batch) { num_absent.push_back(batch.absent.sum().item<std::int64_t>()); },
      device.recorder());

  for (const int count : {0, 1, 2, 3, 4}) {
    auto batch = batch_of(1);
    batch.absent = torch::zeros({2, 16}, torch::kBool);
    batch.absent[1].narrow(/*dim=*/0, 0, count).fill_(true);
    work.run(batch);
  }

  EXPECT_EQ(device.num_replayed, 3);
  EXPECT_EQ(num_absent, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(BatchWork, DoesEveryBatchOnceWhenNothingCanBeRecorded) {
  Seen seen;
  int num_attempts = 0;
  BatchWork work(seen.work(), [&](const std::function<void()>&) -> Replay {
    ++num_attempts;
    throw std::runtime_error("no");
  });
  testing::internal::CaptureStderr();

  for (const float value : {1.F, 2.F, 3.F, 4.F})
    work.run(batch_of(value));

  EXPECT_EQ(num_attempts, 1);
  EXPECT_EQ(seen.segments, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("cannot be recorded and replayed (no)"),
            std::string::npos);
}

}  // namespace
}  // namespace trainer
