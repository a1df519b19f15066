#include <gtest/gtest.h>

#include "sweep/config.hpp"
#include "sweep/slurm/settings.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

using Texts = std::vector<std::string>;

/// The settings of a `slurm:` block; what is wrong with it is put into `complaint`.
SlurmSettings read_settings(const std::string& block, std::string* complaint = nullptr) {
  std::vector<ConfigProblem> problems;
  const TemporaryFolder folder;
  const auto path = folder.write("a.yaml", "trial: {study: noop}\nslurm:\n" + block);
  const auto config = read_config(path, {}, problems);
  const auto text = describe(problems, "a.yaml");
  if (complaint != nullptr) {
    *complaint = text;
  } else {
    EXPECT_EQ(text, "");
  }
  return config.slurm;
}

TEST(SlurmSettings, AreReadFromTheConfig) {
  const auto settings = read_settings(
      "  nodes: 2\n"
      "  gpus_per_node: 4\n"
      "  tasks_per_node: 8\n"
      "  time: 04:00:00\n"
      "  partition: a100\n"
      "  account: p123\n"
      "  launcher: srun\n"
      "  modules: [gcc/12, openmpi/4.1]\n"
      "  extra: '--mem=0'\n");
  EXPECT_EQ(settings.nodes, 2);
  EXPECT_EQ(settings.gpus_per_node, 4);
  EXPECT_EQ(settings.tasks_per_node, 8);
  EXPECT_EQ(settings.time, "04:00:00");
  EXPECT_EQ(settings.partition, "a100");
  EXPECT_EQ(settings.account, "p123");
  EXPECT_EQ(settings.launcher, Launcher::srun);
  EXPECT_EQ(settings.modules, Texts({"gcc/12", "openmpi/4.1"}));
  EXPECT_EQ(settings.extra, Texts({"--mem=0"}));
}

TEST(SlurmSettings, AreRefusedWithTheirLine) {
  std::string complaint;
  read_settings("  node: 2\n", &complaint);
  EXPECT_EQ(complaint,
            "mpisweep: unknown key 'slurm.node' in a.yaml (line 3), did you mean 'nodes'?\n");
  read_settings("  nodes: 0\n", &complaint);
  EXPECT_EQ(complaint,
            "mpisweep: slurm.nodes is 0 in a.yaml (line 3), want a whole number, at least 1\n");
  read_settings("  launcher: prun\n", &complaint);
  EXPECT_EQ(complaint,
            "mpisweep: slurm.launcher is prun in a.yaml (line 3), want mpirun or srun\n");
  read_settings("  partition: [a, b]\n", &complaint);
  EXPECT_EQ(complaint,
            "mpisweep: slurm.partition is a list in a.yaml (line 3), want a line of text\n");
}

TEST(JoinedSlurmSettings, TakeFromTheSecondWhatTheFirstLeavesOpen) {
  SlurmSettings first;
  first.nodes = 1;
  first.extra = {"--mem=0"};
  SlurmSettings then;
  then.nodes = 2;
  then.account = "p123";
  then.extra = {"--exclusive"};
  const auto joined = join(first, then);
  EXPECT_EQ(joined.nodes, 1);
  EXPECT_EQ(joined.account, "p123");
  EXPECT_EQ(joined.extra, Texts({"--exclusive", "--mem=0"})) << "sbatch obeys the last";
}

}  // namespace
}  // namespace sweep
