#pragma once

#include <cstdint>
#include <vector>

/// From trials to packs. Plain functions: no I/O, no MPI.
namespace sweep {

/// Trials that may train together: all their settings but seed and learning rate agree.
struct PackGroup {
  std::size_t combination = 0;           ///< index into Grid::combinations
  std::vector<std::size_t> trials = {};  ///< indices into Grid::trials
  int max_width = 1;                     ///< most trials in one pack, >= 1
};

/// Trials to be trained together.
struct Pack {
  std::int64_t number = 0;  ///< unique within a run
  std::size_t combination = 0;
  std::vector<std::size_t> trials = {};
  std::uint64_t resume_from = 0;  ///< key of the checkpoint it goes on from; 0: it begins
};

/// Cuts groups into packs. No pack is wider than its group allows; packs of one group differ by at
/// most one trial. Groups are cut further while a rank would have no pack, and as long as that
/// shortens the sweep when every pack takes a time proportional to its width. Wide packs come
/// first, so that the last ones to end are short.
///
/// Throws: std::invalid_argument if num_ranks < 1.
std::vector<Pack> cut_into_packs(const std::vector<PackGroup>& groups, int num_ranks);

}  // namespace sweep
