#include "sweep/slurm/job_script.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace sweep {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

SweepJob sample_job() {
  return {.name = "digits",
          .program = "/opt/mpisweep",
          .config = "/home/me/my sweeps/digits.yaml",
          .output = "/scratch/digits",
          .run_options = {"--set", "note='a b'"},
          .grace_s = 19.5};
}

/// What stands after the settings.
std::string common_part(const std::string& script) {
  return script.substr(script.find("# ---- From here on"));
}

TEST(JobScript, AsksSlurmForTheShapeAndLeavesTimeToSave) {
  SlurmSettings settings;
  settings.partition = "a100";
  settings.account = "p123";
  settings.extra = {"--mem=0", "#SBATCH --exclusive"};
  const JobShape shape = {.nodes = 2, .tasks_per_node = 4, .gpus_per_node = 4, .time = "04:00:00"};
  const auto script = make_job_script(sample_job(), settings, shape);
  EXPECT_TRUE(
      script.starts_with("#!/bin/bash\n"
                         "#SBATCH --job-name=digits\n"
                         "#SBATCH --nodes=2\n"
                         "#SBATCH --ntasks-per-node=4\n"
                         "#SBATCH --gpus-per-node=4\n"
                         "#SBATCH --time=04:00:00\n"
                         "#SBATCH --partition=a100\n"
                         "#SBATCH --account=p123\n"
                         "#SBATCH --output=/scratch/digits/slurm-%j.log\n"
                         "#SBATCH --open-mode=append\n"
                         "#SBATCH --signal=B:USR1@30\n"
                         "#SBATCH --requeue\n"
                         "#SBATCH --no-kill\n"
                         "#SBATCH --mem=0\n"
                         "#SBATCH --exclusive\n"
                         "\n"))
      << script;
}

TEST(JobScript, AsksForNoGpusWhereNoneAreWanted) {
  const JobShape shape = {.nodes = 1, .tasks_per_node = 16, .gpus_per_node = 0, .time = "30"};
  const auto script = make_job_script(sample_job(), {}, shape);
  EXPECT_EQ(script.find("gpus"), std::string::npos) << script;
  EXPECT_NE(script.find("#SBATCH --ntasks-per-node=16\n"), std::string::npos);
}

TEST(JobScript, QuotesWhatBashWouldTakeApart) {
  SlurmSettings settings;
  settings.launcher = Launcher::srun;
  settings.modules = {"gcc/12", "openmpi"};
  const auto script = make_job_script(sample_job(), settings, {.time = "30"});
  EXPECT_NE(script.find("\nmpisweep=/opt/mpisweep\n"
                        "config='/home/me/my sweeps/digits.yaml'\n"
                        "output=/scratch/digits\n"
                        "launcher=srun\n"
                        "modules=(gcc/12 openmpi)\n"
                        "run_options=(--set 'note='\\''a b'\\''')\n"),
            std::string::npos)
      << script;
}

TEST(JobScript, LeavesSlurmNoPatternInTheNameOfTheFolder) {
  auto job = sample_job();
  job.output = "/scratch/50%j";
  const auto script = make_job_script(job, {}, {.time = "30"});
  EXPECT_NE(script.find("#SBATCH --output=/scratch/50%%j/slurm-%j.log\n"), std::string::npos);
  EXPECT_NE(script.find("\noutput=/scratch/50%j\n"), std::string::npos);
}

TEST(JobScript, DoesWhatTheScriptsForHandsDo) {
  const std::filesystem::path folder = SLURM_FOLDER;
  const auto script = common_part(make_job_script(sample_job(), {}, {.time = "30"}));
  EXPECT_GT(script.size(), 300);
  EXPECT_EQ(common_part(read_file(folder / "one_node.sh")), script);
  EXPECT_EQ(common_part(read_file(folder / "many_nodes.sh")), script);
}

constexpr const char* kPartitions =
    "cpu|100|64|(null)|1-00:00:00\n"
    "gpu*|8|32|gpu:a100:4(S:0-1)|04:00:00\n"
    "gpu*|2|32|gpu:v100:2|04:00:00\n"
    "long|8|32|gpu:4|infinite\n";

TEST(Partition, IsTheDefaultOneWithTheMostGpus) {
  const auto partition = partition_from(kPartitions, "").value();
  EXPECT_EQ(partition.num_nodes, 8);
  EXPECT_EQ(partition.cores_per_node, 32);
  EXPECT_EQ(partition.gpus_per_node, 4);
  EXPECT_EQ(partition.longest_time, "04:00:00");
}

TEST(Partition, IsTheOneThatIsWanted) {
  EXPECT_EQ(partition_from(kPartitions, "cpu").value().gpus_per_node, 0);
  EXPECT_EQ(partition_from(kPartitions, "cpu").value().cores_per_node, 64);
  EXPECT_FALSE(partition_from(kPartitions, "nowhere"));
  EXPECT_FALSE(partition_from("", ""));
}

TEST(JobShape, HasNoMoreGpusThanPacks) {
  const auto partition = partition_from(kPartitions, "");
  EXPECT_EQ(shape_job({}, partition, 3).gpus_per_node, 3);
  EXPECT_EQ(shape_job({}, partition, 3).nodes, 1);
  EXPECT_EQ(shape_job({}, partition, 9).gpus_per_node, 4);
  EXPECT_EQ(shape_job({}, partition, 9).nodes, 3);  // 2 nodes have 8 GPUs
  EXPECT_EQ(shape_job({}, partition, 1000).nodes, 8);
  EXPECT_EQ(shape_job({}, partition, 0).num_ranks(), 1);
}

TEST(JobShape, TakesCoresWhereThereAreNoGpus) {
  const auto shape = shape_job({}, partition_from(kPartitions, "cpu"), 130);
  EXPECT_EQ(shape.gpus_per_node, 0);
  EXPECT_EQ(shape.tasks_per_node, 64);
  EXPECT_EQ(shape.nodes, 3);
}

TEST(JobShape, IsWhatTheSettingsSay) {
  SlurmSettings settings;
  settings.nodes = 5;
  settings.gpus_per_node = 0;
  settings.tasks_per_node = 7;
  settings.time = "2-00:00:00";
  const auto shape = shape_job(settings, partition_from(kPartitions, ""), 3);
  EXPECT_EQ(shape.nodes, 5);
  EXPECT_EQ(shape.num_ranks(), 35);
  EXPECT_EQ(shape.gpus_per_node, 0);
  EXPECT_EQ(shape.time, "2-00:00:00");
}

TEST(JobShape, TakesFourHoursOrWhatThePartitionAllows) {
  EXPECT_EQ(shape_job({}, partition_from(kPartitions, "long"), 3).time, "04:00:00");
  EXPECT_EQ(shape_job({}, partition_from(kPartitions, "cpu"), 3).time, "04:00:00");
  EXPECT_EQ(shape_job({}, partition_from("p*|1|1|(null)|30:00\n", ""), 3).time, "30:00");
  EXPECT_EQ(shape_job({}, std::nullopt, 3).time, "04:00:00");
}

}  // namespace
}  // namespace sweep
