#include "tests/end_to_end/sweep_folder.hpp"

#include <cstdlib>

#include "results/journal.hpp"

namespace end_to_end {

SweepFolder::SweepFolder(const std::string& yaml) {
  folder_.write("a.yaml", yaml);
  for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"}) {
    setenv(name, "1", /*overwrite=*/1);  // for an mpirun that the tests type, in containers
  }
}

std::vector<std::string> SweepFolder::run_command(const std::vector<std::string>& more,
                                                  const std::string& name) const {
  std::vector<std::string> command = {MPISWEEP, "run",      config(),    "--device",
                                      "cpu",    "--output", output(name)};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::vector<std::string> SweepFolder::mpirun_command(int ranks, const std::string& name) const {
  std::vector<std::string> command = {"mpirun", "--oversubscribe",    "--bind-to", "none",
                                      "-n",     std::to_string(ranks)};
  const auto rest = run_command({}, name);
  command.insert(command.end(), rest.begin(), rest.end());
  return command;
}

nlohmann::json SweepFolder::data(const std::string& name) const {
  const auto ended = run({MPISWEEP, "export", output(name), "--format", "json"});
  auto trials = nlohmann::json::parse(ended.out);
  for (auto& trial : trials) {
    for (const char* key : {"elapsed_s", "rank", "attempts"})
      trial.erase(key);
  }
  return trials;
}

std::size_t SweepFolder::num_recorded(const std::string& name) const {
  std::size_t count = 0;
  results::read_journal(output(name) + "/journal",
                        [&count](results::RecordType type, const std::string& /*payload*/) {
                          if (type == results::RecordType::trial) ++count;
                        });
  return count;
}

}  // namespace end_to_end
