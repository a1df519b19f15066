#pragma once

#include <string_view>

/// What a fuzzer is made of. Each <name>_fuzzer.cpp defines try_input(); libfuzzer_main.cpp calls
/// it with inputs that libFuzzer makes up, corpus_main.cpp with the files of a folder.
namespace fuzz {

/// Gives the bytes to the code under test. Must return, whatever they are: a crash, an exception
/// that escapes, a claim that does not hold, and too much time or memory are findings.
void try_input(std::string_view input);

/// Ends the program, which is a finding, unless the claim holds.
void require(bool holds, std::string_view claim);

}  // namespace fuzz
