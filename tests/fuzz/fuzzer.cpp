#include "tests/fuzz/fuzzer.hpp"

#include <cstdlib>
#include <iostream>

namespace fuzz {

void require(bool holds, std::string_view claim) {
  if (holds) return;
  std::cerr << "does not hold: " << claim << std::endl;
  std::abort();
}

}  // namespace fuzz
