#include "sweep/slurm/queue.hpp"

#include <chrono>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sweep/slurm/programs.hpp"

namespace sweep {
namespace {

/// The value of NAME=value in a line of scontrol's.
std::string field_of(const std::string& line, const std::string& name) {
  std::istringstream fields(line);
  for (std::string field; fields >> field;) {
    if (field.starts_with(name + "=")) return field.substr(name.size() + 1);
  }
  return {};
}

/// "idle", "mixed", "allocated", "draining" are not; a star stands for no answer.
bool is_lost(const std::string& state) {
  return state.ends_with('*') || state.starts_with("down") || state.starts_with("fail");
}

/// "123" of "123;cluster", as sbatch --parsable says it.
std::optional<std::string> job_id_from(const std::optional<std::string>& said) {
  if (!said) return std::nullopt;
  return said->substr(0, said->find_first_of(";\n"));
}

}  // namespace

JobState look_at_job(const std::string& id) {
  const auto line = ask_slurm({"scontrol", "show", "job", id, "--oneliner"}).value_or("");
  return {.name = field_of(line, "JobState"), .reason = field_of(line, "Reason")};
}

bool requeue_job(const std::string& id) {
  return ask_slurm({"scontrol", "requeue", id}, Errors::shown).has_value();
}

std::optional<std::string> submit_successor(const std::string& id) {
  const auto script = environment_variable("MPISWEEP_JOB_SCRIPT");
  const bool is_array_task = id.find('_') != std::string::npos;
  if (script.empty() || is_array_task) return std::nullopt;
  return job_id_from(
      ask_slurm({"sbatch", "--parsable", "--dependency=afterany:" + id, script}, Errors::shown));
}

std::optional<std::string> submit_job(const std::filesystem::path& script) {
  return job_id_from(ask_slurm({"sbatch", "--parsable", script.string()}, Errors::shown));
}

std::string list_partitions() {
  return ask_slurm({"sinfo", "--noheader", "--format=%P|%D|%c|%G|%l"}).value_or("");
}

std::vector<SlurmNode> look_at_nodes(const std::vector<std::string>& names) {
  const auto answer = ask_slurm({"sinfo", "--Node", "--noheader", "--format=%N %n %T",
                                 fmt::format("--nodes={}", fmt::join(names, ","))});
  std::vector<SlurmNode> nodes;
  std::istringstream lines(answer.value_or(""));
  for (std::string name, machine, state; lines >> name >> machine >> state;) {
    if (!nodes.empty() && nodes.back().name == name) continue;  // in another of its partitions
    nodes.push_back({.name = name, .machine = machine, .is_lost = is_lost(state)});
  }
  return nodes;
}

}  // namespace sweep
