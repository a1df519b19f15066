#include "sweep/commands/run.hpp"

#include <iostream>

#include "sweep/comm.hpp"
#include "sweep/outlook.hpp"
#include "sweep/supervisor.hpp"
#include "sweep/worker.hpp"

namespace sweep {
namespace {

/// One rank. Session and communicator come first, outside the try: were they inside, MPI_Finalize
/// would wait for ranks that wait for us.
int run_as_rank(const SessionOptions& options) {
  const MpiSession session;
  Communicator world(MPI_COMM_WORLD);
  try {
    if (world.rank() == 0) return to_int(run_session(options, world));
    serve_coordinator(world);
    return to_int(ExitCode::success);
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: rank " << world.rank() << ": " << error.what() << std::endl;
    world.abort_all(to_int(ExitCode::sweep_failed));
  }
}

}  // namespace

int run_command(const RunOptions& options) {
  if (is_launched_by_mpi()) return run_as_rank(options.session);
  auto arguments = options.arguments;
  int num_ranks = 1;
  double grace_s = 0;
  {
    // Bad input is found here, before anything starts; the trainer is stopped with the block.
    const auto sweep = prepare_sweep(options.session.choice);
    num_ranks = options.ranks.value_or(default_num_ranks(sweep));
    grace_s = sweep.config.run.grace_s;
    if (options.session.choice.device == DeviceChoice::automatic) {
      const bool uses_gpus = sweep.start.device == DeviceChoice::cuda;
      arguments.insert(arguments.end(), {"--device", uses_gpus ? "cuda" : "cpu"});
    }
  }
  return run_under_mpirun(arguments, num_ranks, grace_s);
}

}  // namespace sweep
