#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "trainer/device.hpp"
#include "trainer/process.hpp"
#include "trainer/server.hpp"

namespace {

constexpr const char* kHelp =
    R"(mpisweep-trainer: trains packs of trials for mpisweep, one request after the other.

It speaks JSON, one object per line, on the socket that MPISWEEP_FD names, or else on standard
input and output:

  { echo '{"type":"hello","version":1,"device":"cpu"}'
    echo '{"type":"pack","pack":1,"settings":{"loss":"lvml","dataset":"linear_orthogonal"},' \
         '"trials":[{"id":"a","seed":0,"learning_rate":0.1}]}'
  } | mpisweep-trainer

Environment: MPISWEEP_CUDA_GRAPHS=0 tells a GPU of each kernel anew, in place of replaying recorded
steps.

Exit codes: 0 after a stop or the end of the input, 2 if it cannot serve or a request is no request.
)";

struct Channel {
  int input = STDIN_FILENO;
  int output = STDOUT_FILENO;
};

/// Leaves the real standard output to messages: whatever a library prints goes to standard error.
Channel open_standard_channel() {
  const int output = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  return {.input = STDIN_FILENO, .output = output};
}

Channel open_channel() {
  const char* number = std::getenv(protocol::kSocketVariable);
  if (number == nullptr) return open_standard_channel();
  const int socket = std::atoi(number);
  return {.input = socket, .output = socket};
}

trainer::StopDuringPack stop_rule(int input) {
  struct stat status = {};
  const bool is_socket = fstat(input, &status) == 0 && S_ISSOCK(status.st_mode);
  return is_socket ? trainer::StopDuringPack::heeded : trainer::StopDuringPack::waits;
}

/// Launchers send signals to a whole job; who asked us to train says when to stop.
void leave_signals_to_worker() {
  if (std::getenv(protocol::kSocketVariable) == nullptr) return;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    std::signal(signal, SIG_IGN);
}

int serve() {
  leave_signals_to_worker();
  trainer::set_up_process();
  const auto [input, output] = open_channel();
  try {
    return trainer::Server(input, output, stop_rule(input)).run() ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "mpisweep-trainer: " << error.what() << '\n';
    return 2;
  }
}

/// Without LibTorch taking its registries apart, for nobody.
[[noreturn]] void leave(int exit_code) {
  std::cout.flush();
  std::fflush(nullptr);  // what libraries print
  std::_Exit(exit_code);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view option = argc > 1 ? argv[1] : "";
  if (option.empty()) leave(serve());
  if (option == "--version") {
    std::cout << "mpisweep-trainer " MPISWEEP_VERSION " (" << trainer::library_version() << ")\n";
    return 0;
  }
  (option == "--help" ? std::cout : std::cerr) << kHelp;
  return option == "--help" ? 0 : 2;
}
