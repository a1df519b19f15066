#include "trainer/device.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace trainer {
namespace {

TEST(MakeRecorder, RecordsNothingForACpu) {
  EXPECT_FALSE(make_recorder("cpu"));
}

TEST(MakeRecorder, SaysOnceWhyStepsOfAGpuAreNotRecorded) {
  if (at::hasCUDA()) GTEST_SKIP() << "LibTorch's CUDA part is loaded";
  testing::internal::CaptureStderr();

  EXPECT_FALSE(make_recorder("cuda:0"));
  EXPECT_FALSE(make_recorder("cuda:0"));

  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("without CUDA graphs ("), std::string::npos);
  EXPECT_EQ(told.find("without CUDA graphs ("), told.rfind("without CUDA graphs ("));
}

TEST(MakeRecorder, IsSilentWhereTheEnvironmentTurnsRecordingOff) {
  setenv(kGraphsVariable, "0", 1);
  testing::internal::CaptureStderr();

  EXPECT_FALSE(make_recorder("cuda:0"));

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  unsetenv(kGraphsVariable);
}

}  // namespace
}  // namespace trainer
