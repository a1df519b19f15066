#include "sweep/commands/run.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "results/journal.hpp"
#include "sweep/comm.hpp"
#include "sweep/kill_wait.hpp"
#include "sweep/outlook.hpp"
#include "sweep/slurm_allocation.hpp"
#include "sweep/stop_signals.hpp"
#include "sweep/supervisor.hpp"
#include "sweep/worker.hpp"

namespace sweep {
namespace {

/// One rank. Session and communicator come first, outside the try: were they inside, MPI_Finalize
/// would wait for ranks that wait for us.
int run_as_rank(const SessionOptions& options) {
  const MpiSession session;
  Communicator world(MPI_COMM_WORLD);
  catch_stop_signals();  // launchers send them to every rank; rank 0 answers for all
  try {
    if (world.rank() == 0) return to_int(run_session(options, world));
    serve_coordinator(world);
    return to_int(ExitCode::success);
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: rank " << world.rank() << ": " << error.what() << std::endl;
    world.abort_all(to_int(ExitCode::sweep_failed));
  }
}

/// How many ends of trials a journal holds, whatever its state.
std::size_t count_finished(const std::filesystem::path& journal) {
  std::size_t count = 0;
  try {
    results::read_journal(journal, [&count](results::RecordType type, const std::string&) {
      if (type == results::RecordType::trial) ++count;
    });
  } catch (const results::StorageError&) {  // the ranks will say what is wrong with it
  }
  return count;
}

/// Where the ranks go.
struct Launch {
  int num_ranks = 1;
  std::string hosts = {};  ///< empty: mpirun knows
  bool uses_gpus = false;
};

/// Whether other nodes of the job have GPUs where this one, a login node say, has none.
bool has_gpus_elsewhere(const Allocation& allocation) {
  return count_visible_gpus() == 0 &&
         std::ranges::any_of(allocation.nodes, [](const auto& node) { return node.num_gpus > 0; });
}

/// One rank per GPU, or per core without, of the Slurm job that we are in, else of this machine;
/// never more than trials unless that is asked for.
Launch plan_launch(const RunOptions& options, const PreparedSweep& sweep) {
  Launch launch{.num_ranks = options.ranks.value_or(default_num_ranks(sweep)),
                .uses_gpus = sweep.start.device == DeviceChoice::cuda};
  const auto allocation = slurm_allocation();
  if (!allocation) return launch;
  if (options.session.choice.device == DeviceChoice::automatic) {
    launch.uses_gpus = launch.uses_gpus || has_gpus_elsewhere(*allocation);
  }
  const auto num_trials = static_cast<int>(std::min<std::size_t>(sweep.ids.size(), 1'000'000));
  const int num_slots = count_ranks(place_ranks(*allocation, launch.uses_gpus, std::nullopt));
  launch.num_ranks = options.ranks.value_or(std::clamp(num_slots, 1, std::max(num_trials, 1)));
  const auto places = place_ranks(*allocation, launch.uses_gpus, launch.num_ranks);
  launch.hosts = to_host_list(places);
  for (const auto& [name, value] : launch_variables(*allocation, places)) {
    if (value.empty()) {
      unsetenv(name.c_str());
    } else {
      setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    }
  }
  return launch;
}

double capped_grace_s(double grace_s) {
  return std::min(grace_s, slurm_kill_wait_s().value_or(grace_s));
}

}  // namespace

int run_command(const RunOptions& options) {
  if (is_launched_by_mpi()) return run_as_rank(options.session);
  auto arguments = options.arguments;
  SupervisorOptions supervisor;
  {
    // Bad input is found here, before anything starts; the trainer is stopped with the block.
    const auto sweep = prepare_sweep(options.session.choice);
    const auto launch = plan_launch(options, sweep);
    supervisor = {
        .num_ranks = launch.num_ranks,
        .hosts = launch.hosts,
        .grace_s = capped_grace_s(sweep.config.run.grace_s),
        .restarts = sweep.config.run.restarts,
        .restart_pause_s = sweep.config.run.restart_pause_s,
        .count_finished = [journal = output_folder(options.session.choice.output, sweep.config) /
                                     "journal"] { return count_finished(journal); }};
    if (options.session.choice.device == DeviceChoice::automatic) {
      arguments.insert(arguments.end(), {"--device", launch.uses_gpus ? "cuda" : "cpu"});
    }
  }
  return run_under_mpirun(arguments, supervisor);
}

}  // namespace sweep
