#include "sweep/commands/run.hpp"

#include <iostream>

#include <fmt/format.h>

#include "results/journal.hpp"
#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/outlook.hpp"
#include "sweep/slurm_job.hpp"
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

}  // namespace

int run_command(const RunOptions& options) {
  if (is_launched_by_mpi()) return run_as_rank(options.session);
  const auto end_s = end_of_job(options.session.time, unix_now_s(), end_of_slurm_job);
  auto arguments = options.arguments;
  SupervisorOptions supervisor;
  {
    // Bad input is found here, before anything starts; the trainer is stopped with the block.
    const auto sweep = prepare_sweep(options.session.choice);
    supervisor = {
        .num_ranks = options.ranks.value_or(default_num_ranks(sweep)),
        .grace_s = sweep.config.run.grace_s,
        .restarts = sweep.config.run.restarts,
        .restart_pause_s = sweep.config.run.restart_pause_s,
        .count_finished = [journal = output_folder(options.session.choice.output, sweep.config) /
                                     "journal"] { return count_finished(journal); }};
    if (options.session.choice.device == DeviceChoice::automatic) {
      const bool uses_gpus = sweep.start.device == DeviceChoice::cuda;
      arguments.insert(arguments.end(), {"--device", uses_gpus ? "cuda" : "cpu"});
    }
  }
  // A job that is started again has no more time than the first one.
  if (end_s || slurm_job()) {
    arguments.insert(arguments.end(), {"--end-time", fmt::format("{:.0f}", end_s.value_or(0))});
  }
  return run_under_mpirun(arguments, supervisor);
}

}  // namespace sweep
