/// main() for tests that start child processes: like mpisweep itself, the test program is also the
/// hidden command that the children come to life through.
#include <gtest/gtest.h>

#include "sweep/child_process.hpp"

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == sweep::kExecChildCommand) {
    return sweep::exec_child({argv + 2, argv + argc});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
