/// What a sweep in memory costs for each trial, so that a million of them stay affordable.
#include <cstdlib>
#include <new>
#include <numeric>

#include <gtest/gtest.h>

#include "results/sweep_results.hpp"

namespace {

std::size_t live_bytes = 0;
std::size_t live_objects = 0;

constexpr std::size_t kSizeField = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  auto* memory = static_cast<std::byte*>(std::malloc(size + kSizeField));
  if (memory == nullptr) throw std::bad_alloc();
  *reinterpret_cast<std::size_t*>(memory) = size;
  live_bytes += size;
  ++live_objects;
  return memory + kSizeField;
}

void operator delete(void* pointer) noexcept {
  if (pointer == nullptr) return;
  auto* memory = static_cast<std::byte*>(pointer) - kSizeField;
  live_bytes -= *reinterpret_cast<std::size_t*>(memory);
  --live_objects;
  std::free(memory);
}

void operator delete(void* pointer, std::size_t /*size*/) noexcept {
  operator delete(pointer);
}

namespace results {
namespace {

constexpr std::size_t kNumTrials = 20'000;

/// A sweep of trials that each reported one number; every tenth failed, with one of few errors.
SweepResults large_sweep() {
  PlanRecord plan = {.name = "large", .axes = {{.name = "seed"}}};
  plan.ids.resize(kNumTrials);
  std::iota(plan.ids.begin(), plan.ids.end(), TrialId{1});
  plan.axes[0].values.assign(plan.ids.begin(), plan.ids.end());
  SweepResults sweep;
  apply(sweep, std::move(plan));
  for (TrialId id = 1; id <= kNumTrials; ++id) {
    TrialRecord record = {.id = id, .device = "a device with a long name", .values = {{"x", 1.0}}};
    if (id % 10 == 0) record.error = "an error that is too long for the string object itself";
    apply(sweep, record);
  }
  return sweep;
}

TEST(SweepResults, TakesFewBytesForATrialAndNoObjectOfItsOwn) {
  const auto bytes_before = live_bytes;
  const auto objects_before = live_objects;

  const auto sweep = large_sweep();

  // In the plan: identity 8, axis value 16. Index: identity 8, at most 4 slots of 4 bytes. How it
  // ended: 32. Its number: 8, and as much again while the column grows.
  EXPECT_LE((live_bytes - bytes_before) / kNumTrials, 96U);
  EXPECT_LE(live_objects - objects_before, 100U);
  EXPECT_EQ(count(sweep).finished, kNumTrials);
}

}  // namespace
}  // namespace results
