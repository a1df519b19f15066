/// Which rank trains on which device, with real ranks that see what a launcher shows them. The
/// trainer trains nothing and takes any device.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "results/sweep_results.hpp"
#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

/// All ranks are there before all is done.
constexpr const char* kLongEnough = "{sleep_ms: 50}";

/// A rank that sees what a line of shell says; $R is its number.
std::vector<std::string> mpirun(const SweepFolder& sweep, int num_ranks, const std::string& see,
                                const std::string& device = "cuda") {
  return {"mpirun",
          "--oversubscribe",
          "--bind-to",
          "none",
          "-n",
          std::to_string(num_ranks),
          "sh",
          "-c",
          "R=$OMPI_COMM_WORLD_RANK; " + see + "; exec \"$@\"",
          "sh",
          MPISWEEP,
          "run",
          sweep.config(),
          "--output",
          sweep.output(),
          "--device",
          device};
}

/// "node/gpu" of every rank, in order of rank.
std::string places(const SweepFolder& sweep) {
  const auto results = results::load_results(sweep.output());
  std::string text;
  for (const auto& worker : results.ends.back().workers) {
    text += (text.empty() ? "" : " ") + worker.info.host + "/" + worker.info.gpu;
  }
  return text;
}

TEST(Binding, GivesRanksThatSeeOneListADeviceEach) {
  const SweepFolder sweep(scripted(kLongEnough));

  const auto ended =
      run(mpirun(sweep, 4, "export CUDA_VISIBLE_DEVICES=4,6 SLURMD_NODENAME=n$((1 + R / 2))"));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(places(sweep), "n1/4 n1/6 n2/4 n2/6");
  EXPECT_TRUE(contains(ended.err, "4 ranks on n[1-2]: 2 × nothing (GPU 4,6) on each")) << ended.err;
}

TEST(Binding, TakesTheDeviceThatSrunShowsARank) {
  const SweepFolder sweep(scripted(kLongEnough));

  const auto ended = run(mpirun(sweep, 3,
                                "export SLURM_JOB_ID=1 SLURM_GPUS_PER_TASK=1 SLURMD_NODENAME=n1 "
                                "CUDA_VISIBLE_DEVICES=$R"));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(places(sweep), "n1/0 n1/1 n1/2");
  EXPECT_FALSE(contains(ended.err, "share")) << ended.err;
}

TEST(Binding, NamesTheNodesWhereMpirunShowsAllRanksTheGpuOfOneTask) {
  const SweepFolder sweep(scripted(kLongEnough));

  const auto ended = run(mpirun(sweep, 2,
                                "export SLURM_JOB_ID=1 SLURM_GPUS_PER_TASK=1 SLURMD_NODENAME=n1 "
                                "CUDA_VISIBLE_DEVICES=0"));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, "mpisweep: ranks share a GPU on n1 (")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "--gpus-per-node")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "2 × nothing (GPU 0, shared)")) << ended.err;
}

TEST(Binding, LeavesANodeWithoutAGpuIdleAndLosesNothing) {
  const SweepFolder sweep(scripted(kLongEnough));

  const auto ended = run(mpirun(sweep, 3,
                                "export SLURMD_NODENAME=n$((1 + R)) CUDA_VISIBLE_DEVICES=; "
                                "test $R = 1 || export CUDA_VISIBLE_DEVICES=0"));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U);
  EXPECT_TRUE(contains(ended.err, "ranks on n2 see no GPU and stay idle")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "  n2: not training\n")) << ended.err;
}

TEST(Binding, RefusesToChooseWhereRankZeroAloneSeesNoGpu) {
  const SweepFolder sweep(scripted(kLongEnough));

  const auto ended = run(mpirun(sweep, 2,
                                "export SLURMD_NODENAME=n$((1 + R)) CUDA_VISIBLE_DEVICES=; "
                                "test $R = 0 || export CUDA_VISIBLE_DEVICES=0",
                                "auto"));

  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_TRUE(contains(ended.err, "n1, where rank 0 is, has no GPU, but n2 has")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(sweep.output()));
}

TEST(Binding, SaysInTheLogWhatEachRankTrainsOn) {
  const SweepFolder sweep(scripted(kLongEnough));

  ASSERT_EQ(run(mpirun(sweep, 2, "export SLURMD_NODENAME=n1 CUDA_VISIBLE_DEVICES=0,1")).exit_code,
            0);

  std::ifstream file(sweep.output() + "/log.txt");
  const std::string log(std::istreambuf_iterator<char>(file), {});
  EXPECT_TRUE(contains(log, "rank 0: nothing (GPU 0) on n1\n")) << log;
  EXPECT_TRUE(contains(log, "rank 1: nothing (GPU 1) on n1\n")) << log;
}

}  // namespace
}  // namespace end_to_end
