#include "trainer/batch_work.hpp"

#include <exception>
#include <iostream>
#include <utility>

namespace trainer {
namespace {

constexpr int kDirectRuns = 2;  // of each shape, before it is recorded

/// Batches with the same one make the same work.
std::vector<std::int64_t> shape_of(const Batch& batch) {
  auto shape = batch.segments.sizes().vec();
  shape.push_back(batch.num_inputs);
  shape.push_back(batch.absent.defined() ? 1 : 0);
  return shape;
}

Batch copy(const Batch& batch) {
  return {.segments = batch.segments.clone(),
          .labels = batch.labels.clone(),
          .foreground = batch.foreground.clone(),
          .num_inputs = batch.num_inputs,
          .absent = batch.absent.defined() ? batch.absent.clone() : batch.absent};
}

/// Without leaving the device.
void copy_into(const Batch& to, const Batch& from) {
  to.segments.copy_(from.segments);
  to.labels.copy_(from.labels);
  to.foreground.copy_(from.foreground);
  if (to.absent.defined()) to.absent.copy_(from.absent);
}

}  // namespace

BatchWork::BatchWork(Work work, Recorder recorder)
    : work_(std::move(work)), recorder_(std::move(recorder)) {}

void BatchWork::run(const Batch& batch) {
  if (!recorder_) return work_(batch);
  auto& recording = recordings_[shape_of(batch)];
  if (!recording.replay) {
    if (recording.num_direct_runs++ < kDirectRuns) return work_(batch);
    record(batch, recording);
    if (!recorder_) return work_(batch);
  }
  copy_into(recording.batch, batch);
  recording.replay();
}

void BatchWork::record(const Batch& batch, Recording& recording) {
  try {
    recording.batch = copy(batch);
    recording.replay = recorder_([&] { work_(recording.batch); });
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void BatchWork::give_up(std::string_view reason) {
  std::cerr << "mpisweep-trainer: steps cannot be recorded and replayed ("
            << reason.substr(0, reason.find('\n')) << "), training is slower\n";
  recorder_ = nullptr;
  recordings_.clear();
}

}  // namespace trainer
