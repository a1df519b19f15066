/// Gives every file of a folder to a fuzzer's function, without libFuzzer: any compiler can check
/// that what was once found, and what is known to be right, still passes.
#include <filesystem>
#include <iostream>

#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 2;
  }
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) {
    std::cout << file.path().string() << std::endl;  // flushed: the last one is to blame
    fuzz::try_input(read_bytes(file.path()));
    ++count;
  }
  std::cout << count << " inputs\n";
  return count > 0 ? 0 : 1;
}
