#include "sweep/stop_signals.hpp"

#include <csignal>
#include <initializer_list>

namespace sweep {
namespace {

volatile std::sig_atomic_t last_signal = 0;

void remember(int signal) {
  last_signal = signal;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = remember;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    sigaction(signal, &action, nullptr);
}

int stop_signal() {
  return last_signal;
}

}  // namespace sweep
