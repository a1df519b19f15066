/// A rank 0 that sends rank 1 what is no message, then waits for the end of the job.
#include <unistd.h>

#include "sweep/comm.hpp"

int main() {
  const sweep::MpiSession session;
  sweep::Communicator world(MPI_COMM_WORLD);
  world.gather("{}");
  world.post(1, "garbage");
  world.flush();
  sleep(60);
  return 0;
}
