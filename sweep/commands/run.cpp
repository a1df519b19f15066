#include "sweep/commands/run.hpp"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/outlook.hpp"
#include "sweep/slurm/job.hpp"
#include "sweep/slurm/kill_wait.hpp"
#include "sweep/slurm/requeue.hpp"
#include "sweep/stop_signals.hpp"
#include "sweep/supervisor.hpp"
#include "sweep/trainer_ahead.hpp"
#include "sweep/worker.hpp"

namespace sweep {
namespace {

/// One rank. Session and communicator come first, outside the try: were they inside, MPI_Finalize
/// would wait for ranks that wait for us.
int run_as_rank(const RunOptions& options) {
  const int failure = options.is_supervised ? kSupervisedFailure : to_int(ExitCode::sweep_failed);
  auto trainer = start_own_trainer(options.own_trainer);
  const MpiSession session;
  Communicator world(MPI_COMM_WORLD);
  catch_stop_signals();  // launchers send them to every rank; rank 0 answers for all
  try {
    if (world.rank() == 0) {
      const auto code = run_session(options.session, world, std::move(trainer));
      return code == ExitCode::sweep_failed ? failure : to_int(code);
    }
    serve_coordinator(world, std::move(trainer));
    return to_int(ExitCode::success);
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: rank " << world.rank() << ": " << error.what() << std::endl;
    world.abort_all(failure);
  }
}

/// Whether other nodes of our Slurm job have GPUs where this one, a login node say, has none.
bool has_gpus_elsewhere() {
  if (count_visible_gpus() > 0) return false;
  const auto allocation = slurm_allocation();
  return allocation &&
         std::ranges::any_of(allocation->nodes, [](const auto& node) { return node.num_gpus > 0; });
}

double capped_grace_s(double grace_s) {
  return std::min(grace_s, slurm_kill_wait_s().value_or(grace_s));
}

/// Launches the ranks and waits for them.
SupervisedEnd run_as_supervisor(const RunOptions& options, const PreparedSweep& sweep) {
  auto arguments = options.arguments;
  arguments.emplace_back(kSupervisedOption);
  const auto& trainer = sweep.start.trainer;
  if (trainer.program.empty()) {
    arguments.insert(arguments.end(), {"--own-trainer", trainer.folder.string()});
  }
  bool uses_gpus = sweep.start.device == DeviceChoice::cuda;
  if (options.session.choice.device == DeviceChoice::automatic) {
    uses_gpus = uses_gpus || has_gpus_elsewhere();
    arguments.insert(arguments.end(), {"--device", uses_gpus ? "cuda" : "cpu"});
  }
  // Ranks that are launched again have no more time than the first ones.
  const auto end_s = end_of_job(options.session.time, unix_now_s(), end_of_slurm_job);
  if (end_s || slurm_job()) {
    arguments.insert(arguments.end(), {"--end-time", fmt::format("{:.0f}", end_s.value_or(0))});
  }
  const LaunchWish wish = {.launcher = options.launcher,
                           .uses_gpus = uses_gpus,
                           .num_ranks = options.ranks,
                           .most_ranks = static_cast<int>(sweep.ids.size()),
                           .num_ranks_here = default_num_ranks(sweep)};
  return supervise({.command = [&] { return command_of(plan_launch(wish), arguments); },
                    .launcher = options.launcher,
                    .grace_s = capped_grace_s(sweep.config.run.grace_s),
                    .restarts = sweep.config.run.restarts,
                    .restart_pause_s = sweep.config.run.restart_pause_s,
                    .folder = output_folder(options.session.choice.output, sweep.config)});
}

/// Whether a run has left trials that the next one may finish.
bool is_unfinished(const SupervisedEnd& end) {
  return end.has_died || end.exit_code == to_int(ExitCode::interrupted) ||
         end.exit_code == to_int(ExitCode::terminated);
}

/// Returns the exit code of the whole run.
int leave_slurm_job(const results::SlurmJob& job, const SupervisedEnd& end,
                    const UnfinishedRun& run) {
  if (is_unfinished(end)) {
    const auto& id = job.array_task.empty() ? job.id : job.array_task;
    return requeue_or_succeed(id, run) ? end.exit_code : to_int(ExitCode::sweep_failed);
  }
  // A busy folder's count is that of the job that works on it.
  if (end.exit_code != to_int(ExitCode::folder_busy)) forget_idle_jobs(run.folder);
  return end.exit_code;
}

}  // namespace

int run_command(const RunOptions& options) {
  if (is_launched_by_mpi()) return run_as_rank(options);
  // Bad input is found here, before anything starts.
  auto sweep = prepare_sweep(options.session.choice);
  sweep.trainer.reset();
  const auto job = options.requeues ? slurm_job() : std::nullopt;
  const auto folder = output_folder(options.session.choice.output, sweep.config);
  const UnfinishedRun run = {.folder = folder, .at_start = progress_in(folder)};
  const auto end = run_as_supervisor(options, sweep);
  return job ? leave_slurm_job(*job, end, run) : end.exit_code;
}

}  // namespace sweep
