#pragma once

#include <string>

namespace end_to_end {

/// A config for the trainer that trains nothing and misbehaves on request: 24 trials in packs of up
/// to 4, of width 2 or 3, seeds 0..5, two rates.
inline std::string scripted(const std::string& trial = "{}") {
  return "name: scripted\ntrainer: [" SCRIPTED_TRAINER "]\ntrial: " + trial +
         "\ngrid: {width: [2, 3], seed: 0..5, learning_rate: [0.25, 0.5]}\n";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace end_to_end
