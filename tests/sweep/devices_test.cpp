#include "sweep/devices.hpp"

#include <cstdlib>
#include <stdexcept>

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(MapRankToDevice, GoesRoundTheGpusOfANode) {
  EXPECT_EQ(map_rank_to_device(DeviceChoice::automatic, 0, 2), "cuda:0");
  EXPECT_EQ(map_rank_to_device(DeviceChoice::automatic, 1, 2), "cuda:1");
  EXPECT_EQ(map_rank_to_device(DeviceChoice::cuda, 5, 2), "cuda:1");
}

TEST(MapRankToDevice, FallsBackToTheCpuOnlyWhenAskedToChoose) {
  EXPECT_EQ(map_rank_to_device(DeviceChoice::automatic, 3, 0), "cpu");
  EXPECT_THROW(map_rank_to_device(DeviceChoice::cuda, 0, 0), std::invalid_argument);
}

TEST(MapRankToDevice, LeavesGpusAloneWhenTheCpuIsWanted) {
  EXPECT_EQ(map_rank_to_device(DeviceChoice::cpu, 0, 8), "cpu");
}

TEST(CountVisibleGpus, CountsWhatSlurmGave) {
  setenv("CUDA_VISIBLE_DEVICES", "2,3,GPU-1234", 1);
  EXPECT_EQ(count_visible_gpus(), 3);
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_EQ(count_visible_gpus(), 0);
  setenv("CUDA_VISIBLE_DEVICES", "0,-1,1", 1);  // CUDA stops at -1
  EXPECT_EQ(count_visible_gpus(), 1);
  unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST(NamesOfGpus, AreThoseOfTheNodeWhereSlurmFencesTheOthersOff) {
  using Gpus = std::vector<std::string>;
  setenv("SLURM_STEP_GPUS", "2,3", 1);
  EXPECT_EQ(names_of_gpus({"0", "1"}), Gpus({"2", "3"}));
  EXPECT_EQ(names_of_gpus({"1"}), Gpus({"1"})) << "chosen by hand";
  EXPECT_EQ(names_of_gpus({"0"}), Gpus({"0"})) << "likewise: Slurm gave two";
  unsetenv("SLURM_STEP_GPUS");
  EXPECT_EQ(names_of_gpus({"0", "1"}), Gpus({"0", "1"}));
}

TEST(CountUsableCores, IsAtLeastOne) {
  EXPECT_GE(count_usable_cores(), 1);
}

}  // namespace
}  // namespace sweep
