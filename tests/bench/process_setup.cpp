/// Linked into a program, it does before main() what mpisweep-trainer does before it trains.
#include "trainer/process.hpp"

namespace {

[[gnu::constructor]] void set_up() {
  trainer::set_up_process();
}

}  // namespace
