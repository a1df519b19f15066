/// A fuzzer's main function is libFuzzer's, which calls this.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzzer.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer wants
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
