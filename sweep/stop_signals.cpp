#include "sweep/stop_signals.hpp"

#include <csignal>
#include <initializer_list>

namespace sweep {
namespace {

volatile std::sig_atomic_t last_signal = 0;

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = remember_stop_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    sigaction(signal, &action, nullptr);
}

int stop_signal() {
  return last_signal;
}

void remember_stop_signal(int signal) {
  last_signal = signal;
}

}  // namespace sweep
