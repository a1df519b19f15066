#include "sweep/commands/slurm.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "results/file.hpp"
#include "sweep/child_process.hpp"
#include "sweep/outlook.hpp"
#include "sweep/slurm/job_script.hpp"
#include "sweep/slurm/programs.hpp"
#include "sweep/slurm/queue.hpp"
#include "sweep/time_limit.hpp"

namespace sweep {
namespace {

/// ~/.config/mpisweep/slurm.yaml, or where XDG_CONFIG_HOME says.
std::filesystem::path personal_file() {
  const std::filesystem::path home = environment_variable("HOME");
  const std::filesystem::path folder = environment_variable("XDG_CONFIG_HOME");
  return (folder.empty() ? home / ".config" : folder) / "mpisweep" / "slurm.yaml";
}

/// Throws: ConfigError.
SlurmSettings read_personal_settings() {
  const auto path = personal_file();
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<ConfigProblem> problems;
  SlurmSettings settings;
  try {
    const auto root = parse_yaml(text, {}, problems);
    if (root.is_null()) return {};
    if (!root.is_map()) throw UnreadableConfig({.line = 1}, "the file is " + kind_of(root));
    settings = read_slurm_settings(root, "", problems);
  } catch (const UnreadableConfig& error) {
    problems.push_back({.place = error.place(), .what = error.what()});
  }
  if (!problems.empty()) throw ConfigError(describe(problems, path));
  return settings;
}

/// What the person wants, from the command line to the personal file.  Throws: ConfigError.
SlurmSettings settings_for(const SlurmOptions& options, const Config& config) {
  auto settings = join(join(options.wishes, config.slurm), read_personal_settings());
  const bool wants_cpu = options.session.choice.device == DeviceChoice::cpu;
  if (wants_cpu && !settings.gpus_per_node) settings.gpus_per_node = 0;
  if (!settings.time.empty() && settings.time != "UNLIMITED" && !parse_time(settings.time)) {
    throw ConfigError(fmt::format(
        "mpisweep: the time limit '{}' is no time, want minutes or such as 04:00:00 or 1-12\n",
        settings.time));
  }
  return settings;
}

/// What `run` needs besides, as it was typed here.
std::vector<std::string> run_options(const SessionOptions& session) {
  std::vector<std::string> options;
  if (session.choice.device != DeviceChoice::automatic) {
    const bool wants_cpu = session.choice.device == DeviceChoice::cpu;
    options.insert(options.end(), {"--device", wants_cpu ? "cpu" : "cuda"});
  }
  for (const auto& override : session.choice.overrides)
    options.insert(options.end(), {"--set", override});
  if (session.retry_failed) options.emplace_back("--retry-failed");
  if (session.if_busy == IfBusy::wait) options.insert(options.end(), {"--if-busy", "wait"});
  return options;
}

/// Packs as wide as this machine's trainer advises, of the trials that are not finished.
std::size_t count_packs_to_do(const PreparedSweep& sweep, const std::filesystem::path& folder,
                              bool retry_failed) {
  const auto todo = trials_to_do(sweep, results_in(folder), retry_failed);
  return count_packs(Workload{.groups = group_trials(sweep, todo, /*num_ranks=*/1)});
}

std::string describe(const JobShape& shape, std::size_t num_packs) {
  const char* kind = shape.gpus_per_node > 0 ? "GPU" : "rank";
  return fmt::format("{} packs on {} node{} of {} {}{}, {} at most", num_packs, shape.nodes,
                     shape.nodes == 1 ? "" : "s", shape.tasks_per_node, kind,
                     shape.tasks_per_node == 1 ? "" : "s", shape.time);
}

void warn_of_idle_ranks(const JobShape& shape, std::size_t num_packs) {
  const auto num_ranks = static_cast<std::size_t>(shape.num_ranks());
  if (num_ranks <= num_packs) return;
  std::cerr << fmt::format(
      "mpisweep: {} ranks for {} packs, wide packs are cut or {} ranks idle; fewer nodes will do\n",
      num_ranks, num_packs, num_ranks - num_packs);
}

/// Returns the exit code.
int submit_and_tell(const std::filesystem::path& script, const std::filesystem::path& folder) {
  const auto job = submit_job(script);
  if (!job) {
    std::cerr << "mpisweep: sbatch did not take the job, its reason is above; is Slurm here?\n";
    return to_int(ExitCode::sweep_failed);
  }
  std::cout << fmt::format(
      "job {} is submitted\nfollow it: mpisweep status {}   or   tail -F {}/slurm-{}.log\n", *job,
      folder.string(), folder.string(), *job);
  return to_int(ExitCode::success);
}

}  // namespace

int slurm_command(const SlurmOptions& options) {
  auto choice = options.session.choice;
  choice.may_make_output = false;
  choice.device = DeviceChoice::cpu;  // login nodes have no GPU, and should not be kept busy
  const auto sweep = prepare_sweep(choice);
  const auto settings = settings_for(options, sweep.config);
  const auto folder = std::filesystem::absolute(output_folder(choice.output, sweep.config));
  const auto num_packs = count_packs_to_do(sweep, folder, options.session.retry_failed);
  const auto partition = partition_from(list_partitions(), settings.partition);
  const auto shape = shape_job(settings, partition, num_packs);
  const SweepJob job = {.name = sweep.config.name,
                        .program = own_program(),
                        .config = sweep.config.path,
                        .output = folder,
                        .run_options = run_options(options.session),
                        .grace_s = sweep.config.run.grace_s};
  std::filesystem::create_directories(folder);
  const auto script = folder / "job.sh";
  results::replace_content(script, make_job_script(job, settings, shape));
  std::cout << fmt::format("job script: {}\n{}\n", script.string(), describe(shape, num_packs));
  warn_of_idle_ranks(shape, num_packs);
  if (options.submits) return submit_and_tell(script, folder);
  std::cout << "submit it: sbatch " << script.string() << '\n';
  return to_int(ExitCode::success);
}

}  // namespace sweep
